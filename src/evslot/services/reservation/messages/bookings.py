"""The record of a booking, its story, and what is answered about it."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from evslot.spine.message import Personal
from evslot.values import (
    ChargerId,
    Money,
    OrganisationId,
    PaymentId,
    Period,
    PriceLine,
    ReservationId,
    StationId,
    Terms,
    UserId,
    VehicleId,
    bucket_key,
    bucket_of,
)

State = Literal[
    "held", "confirmed", "active", "completed", "released", "expired", "cancelled", "no_show"
]


class KindWish(Struct, frozen=True, kw_only=True):
    """A kind of charger that a driver booked: any that has this plug and this power."""

    connector: str | None = None
    """OCPI ConnectorType."""
    min_watts: int | None = None


class Reservation(Struct, frozen=True, kw_only=True):
    """The record of a booking, as events and answers carry it: ids, no personal data."""

    reservation_id: ReservationId
    version: int
    state: State
    station_id: StationId
    organisation_id: OrganisationId
    charger_id: ChargerId
    charger_label: str
    station_name: str
    zone: str
    driver_id: UserId
    vehicle_id: VehicleId | None
    period: Period
    occupied: Period
    """With the buffer: what is claimed on the charger while the state occupies."""
    held_until: datetime | None
    """Search treats a passed one as free."""
    total: Money
    lines: tuple[PriceLine, ...]
    terms: Terms
    tariff_version: int
    code: str
    """6 characters; shown at the station."""
    payment_id: PaymentId | None
    payment_state: str | None
    """authorising, challenge, authorised, captured, declined, voided, refunded, partly_refunded."""
    fee: Money | None
    """What a cancellation kept, or an absence where that is less than the price."""
    created_at: datetime
    changed_at: datetime
    checked_in_at: datetime | None = None
    completed_at: datetime | None = None
    kind_of: KindWish | None = None
    """What was booked where it was no charger in particular; `charger_id` is the one assigned."""

    @property
    def bucket(self) -> str:
        return bucket_key(bucket_of(self.reservation_id))


class Evidence(Struct, frozen=True, kw_only=True):
    """What a fact that costs somebody money rests on."""

    kind: Literal["driver_act", "operator_entry"]
    charger_label: str | None = None
    """The label that was read off the charger, where one was given."""
    code_shown: bool = False
    """Whether the booking's code was named to the operator."""


class StoryLine(Struct, frozen=True, kw_only=True):
    """One change of a booking: when, what, by which role, why."""

    at: datetime
    what: str
    by: str
    reason: Personal[str] | None = None
    evidence: Evidence | None = None


class ReservationDetails(Struct, frozen=True, kw_only=True):
    """A booking with its story and what a cancel would cost now."""

    reservation: Reservation
    story: list[StoryLine]
    cancel_fee_now: Money | None


class Reservations(Struct, frozen=True, kw_only=True):
    """A page of bookings, newest start first."""

    reservations: list[Reservation]
    next_cursor: str | None = None


class PaymentOutcome(Struct, frozen=True, kw_only=True):
    """Where the payment of a booking stands: confirmed, or the provider wants the customer."""

    reservation: Reservation
    challenge_url: str | None = None
    """Where the customer answers the provider's challenge; None where none is needed."""


class Cancellation(Struct, frozen=True, kw_only=True):
    """What giving a booking up cost: `fee` kept by the terms, `refund` let go or given back."""

    reservation: Reservation
    fee: Money
    refund: Money
