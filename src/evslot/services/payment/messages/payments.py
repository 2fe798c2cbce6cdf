"""Payments: what was promised, taken and given back."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

from evslot.services.payment.messages.receipts import Bought
from evslot.spine.message import (
    Command,
    Conflict,
    Event,
    Forbidden,
    Invalid,
    NotFound,
    Query,
    Secret,
)
from evslot.values import Money, OrganisationId, PaymentId, ReservationId, UserId

PaymentState = Literal[
    "authorising",
    "challenge",
    "authorised",
    "captured",
    "declined",
    "voided",
    "refunded",
    "partly_refunded",
]


class Payment(Struct, frozen=True, kw_only=True):
    """Money for one booking: what was promised, taken and given back (gross, minor units)."""

    payment_id: PaymentId
    version: int
    state: PaymentState
    reservation_id: ReservationId
    organisation_id: OrganisationId
    payer_id: UserId
    amount: Money
    captured: Money
    refunded: Money
    challenge_url: str | None
    """Path below the edge where the customer answers the provider's challenge."""
    valid_until: datetime | None
    """When an authorisation lapses at the provider."""
    decline_reason: str | None = None


class AuthorizePayment(Command[Payment], frozen=True, kw_only=True):
    """Ask the provider for money; with `capture` it is taken at once (prepay).

    Answers a payment that is authorised or captured, or in state `challenge` where the provider
    wants the customer (then ask `AwaitChallenge`); refused with `payment_declined`.
    """

    payment_id: PaymentId
    reservation_id: ReservationId
    organisation_id: OrganisationId
    payer_id: UserId
    amount: Money
    method: Secret[str]
    """The provider's token; empty where `method_id` names a saved method of the payer."""
    capture: bool = False
    bought: Bought | None = None
    """What the receipt names."""
    method_id: UUID | None = None
    save_method: bool = False
    """Keep the method for later, once the payment stands."""

    def key(self) -> str:
        return str(self.payment_id)


class AwaitChallenge(Command[Payment], frozen=True, kw_only=True):
    """Answers when the customer has answered the provider's challenge, or it lapsed."""

    payment_id: PaymentId

    def key(self) -> str:
        return str(self.payment_id)


class AnswerChallenge(Command[Payment], frozen=True, kw_only=True):
    """The customer's answer to the provider's challenge (simulated provider: approve, refuse)."""

    payment_id: PaymentId
    answer: Secret[str]

    def key(self) -> str:
        return str(self.payment_id)


class CapturePayment(Command[Payment], frozen=True, kw_only=True):
    """Take (a part of) an authorised sum; the rest is let go."""

    payment_id: PaymentId
    amount: Money

    def key(self) -> str:
        return str(self.payment_id)


class VoidPayment(Command[Payment], frozen=True, kw_only=True):
    """Let an authorisation go; a running authorise is voided once it is known."""

    payment_id: PaymentId

    def key(self) -> str:
        return str(self.payment_id)


class RefundPayment(Command[Payment], frozen=True, kw_only=True):
    """Give (a part of) captured money back."""

    payment_id: PaymentId
    refund_id: UUID
    amount: Money
    reason: str

    def key(self) -> str:
        return str(self.payment_id)


class GetPayment(Query[Payment], frozen=True, kw_only=True):
    """One payment, for its payer."""

    payment_id: PaymentId

    def key(self) -> str:
        return str(self.payment_id)


class PaymentEvent(Event, frozen=True, kw_only=True):
    """What all events of a payment carry: its state after the fact, and its version."""

    payment: Payment
    version: int

    def key(self) -> str:
        return str(self.payment.payment_id)


class PaymentAuthorised(PaymentEvent, frozen=True, kw_only=True):
    """The money is promised (or, with prepay, already taken)."""


class PaymentChallenged(PaymentEvent, frozen=True, kw_only=True):
    """The provider wants the customer to confirm."""


class PaymentRejected(PaymentEvent, frozen=True, kw_only=True):
    """The provider or the customer said no."""


class PaymentCaptured(PaymentEvent, frozen=True, kw_only=True):
    """Money was taken."""


class PaymentVoided(PaymentEvent, frozen=True, kw_only=True):
    """An authorisation was let go; nothing was taken."""


class PaymentRefunded(PaymentEvent, frozen=True, kw_only=True):
    """Money was given back."""


class PaymentDeclined(Conflict):
    """The payment was declined; try another method."""


class PaymentNotFound(NotFound):
    """There is no such payment, or it is not yours."""


class PaymentExists(Conflict):
    """This payment id is taken by another payment."""


class NoChallengeOpen(Conflict):
    """The provider is not waiting for an answer of the customer."""


class NotCapturable(Conflict):
    """There is no authorised sum of that size to take."""


class NotVoidable(Conflict):
    """The money was already taken; refund it instead."""


class NotRefundable(Conflict):
    """There is no captured sum of that size to give back."""


class AmountInvalid(Invalid):
    """The amount must be positive and in the payment's currency."""


class OnlyForServices(Forbidden):
    """Only services may ask this."""
