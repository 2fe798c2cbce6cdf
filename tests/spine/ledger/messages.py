"""The ledger's words: one command for each way of handling that the spine knows."""

from uuid import UUID

from msgspec import Struct

from evslot.spine.message import Command, Conflict, Event, Invalid, Query, Secret


class Overdrawn(Conflict):
    """There is not enough in this account."""


class SeatTaken(Conflict):
    """Somebody else has this seat."""


class Unwelcome(Invalid):
    """Nobody of this name is let in."""


class Balance(Struct, frozen=True, kw_only=True):
    """An account as it stands."""

    account: str
    balance: int
    version: int


class OfAccount(Struct, frozen=True, kw_only=True):
    """All that belongs to one account meets in one partition."""

    account: str

    def key(self) -> str:
        return self.account


class Deposit(OfAccount, Command[Balance], frozen=True, kw_only=True):
    """Put something in."""

    amount: int


class Withdraw(OfAccount, Command[Balance], frozen=True, kw_only=True):
    """Take something out; refuses before it writes."""

    amount: int


class Spend(OfAccount, Command[Balance], frozen=True, kw_only=True):
    """Take something out; writes and tells first, refuses after."""

    amount: int


class Claimed(Struct, frozen=True, kw_only=True):
    """The seats are the account's."""

    seats: list[int]
    together: int
    """How many claims its handler was given at once."""


class Claim(OfAccount, Command[Claimed], frozen=True, kw_only=True):
    """Take seats: all or none; handled many at a time."""

    seats: list[int]


class Release(OfAccount, Command[Claimed], frozen=True, kw_only=True):
    """Give the account's own seats (from 100 on) back; handled one at a time."""


class Filled(Struct, frozen=True, kw_only=True):
    """An order was filled."""

    by: str
    code: Secret[str] | None = None


class Order(OfAccount, Command[Filled], frozen=True, kw_only=True):
    """Answered later, by `Fill`."""


class Fill(OfAccount, Command[Filled], frozen=True, kw_only=True):
    """Answer an order."""

    order_id: UUID
    code: Secret[str] | None = None


class Minted(Struct, frozen=True, kw_only=True):
    """A code, and the length of the one it was made from."""

    code: Secret[str]
    length: int


class Mint(OfAccount, Command[Minted], frozen=True, kw_only=True):
    """Make a code from a password."""

    password: Secret[str]


class Enrolled(Struct, frozen=True, kw_only=True):
    """What the preparation found out."""

    prepared: str


class Enroll(OfAccount, Command[Enrolled], frozen=True, kw_only=True):
    """Think before the transaction."""

    name: str


class EnrollMany(OfAccount, Command[Enrolled], frozen=True, kw_only=True):
    """Think before the transaction, and then be handled with others."""

    name: str


class Stumble(OfAccount, Command[Balance], frozen=True, kw_only=True):
    """Break after a deposit, while the switch says so."""

    amount: int


class Linger(OfAccount, Command[Balance], frozen=True, kw_only=True):
    """Deposit one and stay in the transaction for some seconds."""

    seconds: float


class Ringing(Struct, frozen=True, kw_only=True):
    """A bell will be rung."""

    job_id: UUID


class CallBell(OfAccount, Command[Ringing], frozen=True, kw_only=True):
    """Have the bell rung by a job."""

    password: Secret[str]


class Remind(OfAccount, Command[Balance], frozen=True, kw_only=True):
    """Deposit later."""

    seconds: float
    amount: int


class Told(Struct, frozen=True, kw_only=True):
    """What the oracle said."""

    words: str
    whispered: Secret[str]


class Consult(OfAccount, Command[Told], frozen=True, kw_only=True):
    """Ask the oracle; answered when it has spoken."""

    question: str


class GetBalance(OfAccount, Query[Balance], frozen=True, kw_only=True):
    """What is in an account."""


class GetCode(OfAccount, Query[Minted], frozen=True, kw_only=True):
    """A secret, for who asks."""


class GetEverything(OfAccount, Query[Filled], frozen=True, kw_only=True):
    """An answer of as many characters as wanted."""

    characters: int


class BalanceChanged(Event, frozen=True, kw_only=True):
    """An account has a new balance."""

    account: str
    balance: int
    version: int
    note: str = ""

    def key(self) -> str:
        return self.account
