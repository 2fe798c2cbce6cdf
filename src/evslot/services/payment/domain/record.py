"""The record of a payment, the provider's answers, and what a decision consists of."""

from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct

from evslot.services.payment.domain.ledger import Posting
from evslot.services.payment.messages import MethodShown, Payment, PaymentEvent, PaymentState
from evslot.spine.message import Refusal
from evslot.values import Money, OrganisationId, PaymentId, ReservationId, UserId

CHALLENGE_LASTS = timedelta(minutes=15)

CallKind = Literal["authorise", "answer", "capture", "void", "refund", "look_up"]

Purpose = Literal["authorise", "challenge", "answer", "capture", "void", "refund"]
"""What a command waits for; each has its own moment at which it can be answered."""


class Record(Struct, frozen=True, kw_only=True):
    """A payment as it is stored; amounts are gross, in minor units of `currency`."""

    payment_id: PaymentId
    version: int
    state: PaymentState
    reservation_id: ReservationId
    organisation_id: OrganisationId
    payer_id: UserId
    amount: int
    currency: str
    capture_at_once: bool
    method_digest: bytes
    """Tells a repeated request from another one; the method itself is never stored."""
    captured: int = 0
    refunded: int = 0
    refunding: int = 0
    """Promised to refunds whose outcome the provider has not told yet."""
    running: Literal["authorise", "answer", "capture", "void"] | None = None
    """The one provider call that may change the authorisation now; refunds run beside it."""
    capturing: int = 0
    """What the running capture takes."""
    void_wanted: bool = False
    """Somebody wants it undone as soon as the provider has told what there is to undo."""
    provider_reference: str | None = None
    valid_until: datetime | None = None
    challenge_until: datetime | None = None
    decline_reason: str | None = None

    def shown(self) -> Payment:
        """The payment as answers and events carry it."""
        challenged = self.state == "challenge"
        return Payment(
            payment_id=self.payment_id,
            version=self.version,
            state=self.state,
            reservation_id=self.reservation_id,
            organisation_id=self.organisation_id,
            payer_id=self.payer_id,
            amount=Money(self.amount, self.currency),
            captured=Money(self.captured, self.currency),
            refunded=Money(self.refunded, self.currency),
            challenge_url=f"/v1/payments/{self.payment_id}/challenge" if challenged else None,
            valid_until=self.valid_until,
            decline_reason=self.decline_reason,
        )

    def changed(self, **fields: Any) -> "Record":
        """The next version."""
        return self.also(version=self.version + 1, **fields)

    def also(self, **fields: Any) -> "Record":
        """More of the same change: the version stays."""
        return msgspec.structs.replace(self, **fields)


class Refund(Struct, frozen=True, kw_only=True):
    """Money on its way back; its id makes it happen once."""

    refund_id: UUID
    payment_id: PaymentId
    amount: int
    state: Literal["pending", "done", "refused"]
    reason: str


class ProviderAnswer(Struct, frozen=True, kw_only=True):
    """What the provider said; "no" and "ask the customer" are answers like any other."""

    outcome: Literal["approved", "challenge", "declined", "done", "not_found"]
    reference: str | None = None
    """The provider's name for the authorisation; with `approved` and `challenge`."""
    captured: int = 0
    """Minor units taken already; with `approved`."""
    valid_until: datetime | None = None
    """When the authorisation lapses; with `approved`."""
    reason: str | None = None
    """With `declined`."""
    method: MethodShown | None = None
    """What may be shown of the method; to an authorise."""


class Description(Struct, frozen=True, kw_only=True):
    """What a provider says of a method's token."""

    shown: MethodShown | None
    """None where the provider does not know it."""


class Call(Struct, frozen=True, kw_only=True):
    """A provider call to make; its id is the idempotency key, however often it is tried."""

    call_id: UUID
    kind: CallKind
    amount: int = 0
    refund_id: UUID | None = None


class Verdict(Struct, frozen=True, kw_only=True):
    """Commands that waited for `purpose` are answered: the payment, or a refusal."""

    purpose: Purpose
    refund_id: UUID | None = None
    refusal: Refusal | None = None


class Decision(Struct, frozen=True, kw_only=True):
    """Everything that follows from a command or from an answer of the provider."""

    record: Record
    wait: Purpose | None = None
    """The command cannot be answered yet; None = it is answered with the record."""
    refund: Refund | None = None
    event: type[PaymentEvent] | None = None
    calls: tuple[Call, ...] = ()
    postings: tuple[Posting, ...] = ()
    verdicts: tuple[Verdict, ...] = ()


def call_id(payment_id: PaymentId, kind: CallKind, mark: int | UUID) -> UUID:
    """The same for the same decision: a version of the payment calls each kind at most once."""
    return uuid5(payment_id, f"{kind}-{mark}")


def authorise_call_id(payment_id: PaymentId) -> UUID:
    """A payment is authorised once, in its first version."""
    return call_id(payment_id, "authorise", 1)


def call(record: Record, kind: CallKind, amount: int = 0) -> Call:
    """A call that the given version of a payment makes."""
    return Call(call_id=call_id(record.payment_id, kind, record.version), kind=kind, amount=amount)


def refund_call(refund: Refund) -> Call:
    """The call that gives a refund's money back."""
    return Call(
        call_id=call_id(refund.payment_id, "refund", refund.refund_id),
        kind="refund",
        amount=refund.amount,
        refund_id=refund.refund_id,
    )


def undoing_refund_id(payment_id: PaymentId) -> UUID:
    """The refund that stands in for a void where the money was taken at once."""
    return uuid5(payment_id, "undo")
