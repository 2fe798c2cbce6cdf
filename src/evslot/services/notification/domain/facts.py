"""What texts are made of: facts without personal data, as they are stored and handed to jobs."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from evslot.services.notification.messages import AccountFact, OrganisationRole
from evslot.values import Money, Period, PriceLine


class CodeFacts(Struct, frozen=True, kw_only=True, tag="code"):
    """A mailed code: the code itself is only in the sealed job."""

    valid_until: datetime
    valid_minutes: int
    """Whole minutes from when it was asked for: the person's zone is not known yet."""


class AccountFacts(Struct, frozen=True, kw_only=True, tag="account"):
    """What was changed in an account."""

    fact: AccountFact
    happened_at: datetime
    organisation: str = ""
    role: OrganisationRole | None = None
    until: datetime | None = None


class BookingFacts(Struct, frozen=True, kw_only=True, tag="booking"):
    """A booking as the person is told about it."""

    reservation_id: UUID
    version: int = 0
    """Of the booking: the SEQUENCE of its calendar file."""
    changed_at: datetime | None = None
    """When it became this version."""
    station_name: str
    charger_label: str
    zone: str
    period: Period
    total: Money
    lines: tuple[PriceLine, ...]
    booking_code: str
    free_until: datetime | None = None
    """Cancelling until then costs nothing; None where that is over."""
    held_until: datetime | None = None
    by: str | None = None
    """Who cancelled: driver, operator or system."""
    absent: bool = False
    """Whether it ended and nobody had checked in."""
    fee: Money | None = None
    """What is kept of a booking that was cancelled, or that nobody came to."""
    refund: Money | None = None
    paid: bool = False
    """Whether money was taken or is promised and kept: then a receipt follows the end."""


class RefundFacts(Struct, frozen=True, kw_only=True, tag="refund"):
    """Money given back; the booking it was for, where it is known."""

    payment_id: UUID
    refunded: Money
    """Of this payment, all refunds so far together."""
    captured: Money
    booking: BookingFacts | None = None


Facts = CodeFacts | AccountFacts | BookingFacts | RefundFacts
