"""Payments of the made-up bookings that fill the sample of a development system."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from evslot.services.payment.messages.receipts import Bought
from evslot.spine.message import Command
from evslot.values import Money, OrganisationId, PaymentId, ReservationId, UserId

SampleMoveKind = Literal["capture", "void", "refund"]


class SampleMove(Struct, frozen=True, kw_only=True):
    """What happened to the money of a payment, once it was promised or taken."""

    kind: SampleMoveKind
    amount: int
    """Minor units; nothing of a void."""
    at: datetime


class SamplePayment(Struct, frozen=True, kw_only=True):
    """A made-up payment with its whole life so far; the provider has approved of it."""

    payment_id: PaymentId
    reservation_id: ReservationId
    organisation_id: OrganisationId
    payer_id: UserId
    amount: Money
    prepaid: bool
    """Taken at once."""
    asked_at: datetime
    moves: tuple[SampleMove, ...]
    bought: Bought


class SamplePaymentCount(Struct, frozen=True, kw_only=True):
    """How many of the payments were not there before."""

    written: int


class EnsureSamplePayments(Command[SamplePaymentCount], frozen=True, kw_only=True):
    """Write made-up payments into all books; only the system may, in development only."""

    payments: tuple[SamplePayment, ...]

    def key(self) -> str:
        return "sample"  # one partition: the ledger gets them in the order they are sent
