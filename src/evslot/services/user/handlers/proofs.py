"""That the owner of an account is at work: by the present password, or by a mailed code.

An open session is no such proof, because it can be stolen: what would take the account away from
its owner for good asks for one of these besides.
"""

from msgspec import Struct

from evslot.services.user import store
from evslot.services.user.adapters.hashing import PasswordHashing, Verified
from evslot.services.user.domain import passwords, sessions
from evslot.services.user.domain.sessions import Settings
from evslot.services.user.handlers.codes import Recipient, address_mac, enter_code
from evslot.services.user.messages import (
    TooManyAttempts,
    UserNotFound,
    WrongCode,
    WrongCredentials,
    WrongPassword,
)
from evslot.spine.message import Refusal, Secret
from evslot.spine.transaction import Reading, Transaction
from evslot.values import UserId


class Proof(Struct, frozen=True, kw_only=True):
    """A code, or what a present password came to before the transaction."""

    code: Secret[str] | None
    present: str | None = None
    """The stored hash that was compared with."""
    verified: Verified | None = None


async def themself(reading: Reading, user_id: UserId) -> store.Addressee:
    """Costs nobody else's time: the caller is looked at first."""
    if reading.caller.require_user() != user_id:
        raise UserNotFound()
    person = await store.addressee(reading, user_id)
    if person is None:
        raise UserNotFound()
    return person


async def prepare_proof(
    reading: Reading, person: store.Addressee, present: Secret[str] | None, code: Secret[str] | None
) -> Proof:
    """WrongPassword unless it is exactly one of the two."""
    if (present is None) == (code is None):
        raise WrongPassword("Give either your present password or a mailed code.")
    if present is None:
        return Proof(code=code)
    hour = sessions.hour_of(reading.now)
    wrong = await store.wrong_passwords(reading, address_mac(reading, person.email), hour)
    if wrong >= reading.resource(Settings).wrong_passwords_per_hour:
        raise TooManyAttempts()
    stored = await store.password_of(reading, person.email)
    stored_hash = stored.hash if stored else None
    verified = await reading.resource(PasswordHashing).verify(
        present.value[: passwords.MAX_LENGTH + 1], stored_hash
    )
    return Proof(code=None, present=stored_hash, verified=verified)


async def check_proof(tx: Transaction, person: store.Addressee, proof: Proof) -> Refusal | None:
    """None where it proves; a wrong one counts, so refusals are given back, not raised."""
    if proof.code is not None:
        # The code that sets a new password: who has it has the account anyway.
        recipient = Recipient(email=person.email, purpose="password")
        entered = await enter_code(tx, recipient, proof.code.value)
        if isinstance(entered, WrongCredentials):
            return WrongCode()
        return entered if isinstance(entered, Refusal) else None
    if await _present_fits(tx, person, proof):
        return None
    hour = sessions.hour_of(tx.now)
    wrong = await store.count_wrong_password(tx, address_mac(tx, person.email), hour)
    most = tx.resource(Settings).wrong_passwords_per_hour
    return WrongPassword() if wrong <= most else TooManyAttempts()


async def _present_fits(tx: Transaction, person: store.Addressee, proof: Proof) -> bool:
    """Changed between the comparison and now, it does not count."""
    stored = await store.password_of(tx, person.email)
    fits = proof.verified is not None and proof.verified.fits
    return fits and stored is not None and stored.hash == proof.present
