"""What should become of one booking, in minutes and cents: a second, smaller set of rules.

Written from the domain's rules and not from the code: usual terms, one hour, a buffer of five
minutes, a price of 6.40. Every act answers the code of a refusal, or None where it is done.
"""

from dataclasses import dataclass, field

PRICE = 640
LENGTH, BUFFER, EARLY, GRACE = 60, 5, 5, 15
A_WEEK_AHEAD = 6 * 24 * 60
OCCUPYING = ("held", "confirmed", "active")


@dataclass
class Model:
    """One booking, from the hold on; the clock starts at 0 and never stands still."""

    start: float
    clock: float = 0.0
    state: str = "held"
    paid: str | None = None
    prolonged: bool = False
    held_until: float = 0.0
    confirmed_at: float = 0.0
    fee: int | None = None
    asked: list[tuple[str, int | None]] = field(default_factory=list)
    """Questions to the payment service that it has not answered yet."""

    def __post_init__(self) -> None:
        self.held_until = self.clock + (5 if self.start - self.clock <= 60 else 10)

    @property
    def end(self) -> float:
        return self.start + LENGTH

    @property
    def lapsed(self) -> bool:
        return self.state in ("held", "expired") and self.held_until <= self.clock

    def sweep(self) -> None:
        """Holds lapse; what is over, with its buffer, is completed and paid for."""
        if self.state == "held" and self.lapsed:
            self.state = "expired"
        elif self.state in ("confirmed", "active") and self.end + BUFFER <= self.clock:
            if self.state == "confirmed" and self.paid == "authorised":
                self.asked.append(("capture", PRICE))
            self.state = "completed"

    def prolong(self) -> str | None:
        if self.lapsed:
            return "hold_over"
        if self.state != "held" or not self._longer():
            return "not_prolongable"
        return None

    def pay(self) -> str | None:
        if self.lapsed:
            return "hold_over"
        if self.state != "held":
            return "not_payable"
        if self.paid == "authorising":
            return "payment_running"
        self._longer()
        self.paid = "authorising"
        ahead = self.start - self.clock > A_WEEK_AHEAD
        self.asked.append(("take" if ahead else "authorise", PRICE))
        return None

    def provider_answers(self, agrees: bool) -> None:
        """To the oldest question; only the first kind can be refused."""
        what, amount = self.asked.pop(0)
        if what in ("authorise", "take"):
            self._paid("captured" if what == "take" else "authorised", agrees)
        elif what == "refund":
            self.paid = "refunded" if amount == PRICE else "partly_refunded"
        else:
            self.paid = {"capture": "captured", "void": "voided"}[what]

    def check_in(self) -> str | None:
        if self.state == "active":
            return None
        if no := self._not_confirmed():
            return no
        if self.clock >= self.end:
            return "reservation_over"
        if self.clock < self.start - EARLY:
            return "too_early"
        self.state = "active"
        if self.paid == "authorised":
            self.asked.append(("capture", PRICE))
        return None

    def complete(self) -> str | None:
        if self.state == "completed":
            return None
        if self.state != "active":
            return self._not_confirmed() or "not_checked_in"
        self.state = "completed"
        return None

    def cancel(self, by: str) -> str | None:
        if self.state == "held" and not self.lapsed:
            self.state = "released"
            return None
        until = self.end if by == "operator" else self.start + GRACE
        if self.state != "confirmed" or self.clock >= until:
            return "not_cancellable"
        self.state = "cancelled"
        self.fee = 0 if by == "operator" else self._fee()
        self._give_back(self.fee)
        return None

    def _longer(self) -> bool:
        longer = min(self.held_until + 5, self.start + GRACE)
        if self.prolonged or longer <= self.held_until:
            return False
        self.held_until, self.prolonged = longer, True
        return True

    def _paid(self, state: str, agrees: bool) -> None:
        if not agrees:
            self.paid = "declined"
            return
        self.paid = state
        if self.state == "held" and not self.lapsed:
            self.state, self.confirmed_at = "confirmed", self.clock
        else:
            self.asked.append(("refund", PRICE) if state == "captured" else ("void", None))

    def _not_confirmed(self) -> str | None:
        if self.state == "held":
            return "hold_over" if self.lapsed else "not_confirmed"
        return None if self.state == "confirmed" else "reservation_over"

    def _fee(self) -> int:
        before = self.start - self.clock
        if self.clock - self.confirmed_at <= 10 and before > 0:
            return 0
        return 0 if before >= 60 else PRICE // 2 if before >= 15 else PRICE

    def _give_back(self, fee: int) -> None:
        if self.paid == "authorised":
            self.asked.append(("capture", fee) if fee else ("void", None))
        elif self.paid == "captured" and fee < PRICE:
            self.asked.append(("refund", PRICE - fee))
