"""What the reservation service can be asked, and what it tells."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

from evslot.spine.message import (
    Command,
    Conflict,
    Event,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    Query,
    Secret,
)
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
    station_bucket,
)

State = Literal[
    "held", "confirmed", "active", "completed", "released", "expired", "cancelled", "no_show"
]


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
    """What a cancellation kept."""
    created_at: datetime
    changed_at: datetime

    @property
    def bucket(self) -> str:
        return bucket_key(bucket_of(self.reservation_id))


class StoryLine(Struct, frozen=True, kw_only=True):
    """One change of a booking: when, what, by which role, why."""

    at: datetime
    what: str
    by: str
    reason: str | None = None


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


class HoldSlot(Command["SlotHeld"], frozen=True, kw_only=True):
    """Take the slot of a signed quote until it is paid."""

    quote: str
    """Token of a quote: `<station id>.<payload>.<signature>`."""
    vehicle_id: VehicleId | None = None

    def key(self) -> str:
        try:
            return bucket_key(station_bucket(StationId(UUID(self.quote.partition(".")[0]))))
        except ValueError:
            raise QuoteInvalid from None


class PayReservation(Command[PaymentOutcome], frozen=True, kw_only=True):
    """Pay a held booking; confirms it when the payment stands."""

    reservation_id: ReservationId
    method: Secret[str]
    """The provider's token of a payment method."""

    def key(self) -> str:
        return bucket_key(bucket_of(self.reservation_id))


class CancelReservation(Command[Cancellation], frozen=True, kw_only=True):
    """Give a booking up; its terms decide what that costs. A hold is released without fee."""

    reservation_id: ReservationId
    reason: str | None = None

    def key(self) -> str:
        return bucket_key(bucket_of(self.reservation_id))


class GetReservation(Query[ReservationDetails], frozen=True, kw_only=True):
    """One booking of the caller (or of a station of the caller's organisation)."""

    reservation_id: ReservationId

    def key(self) -> str:
        return bucket_key(bucket_of(self.reservation_id))


class ListReservations(Query[Reservations], frozen=True, kw_only=True):
    """The caller's bookings."""

    driver_id: UserId
    states: list[State] | None = None
    limit: int = 20
    cursor: str | None = None

    def key(self) -> str:
        return str(self.driver_id)


class ReservationEvent(Event, frozen=True, kw_only=True):
    """What all events of a booking carry: its state after the fact, and its version."""

    reservation: Reservation
    version: int

    def key(self) -> str:
        return self.reservation.bucket


class SlotHeld(ReservationEvent, frozen=True, kw_only=True):
    """A slot is taken until `held_until`, unpaid."""


class HoldProlonged(ReservationEvent, frozen=True, kw_only=True):
    """A hold lasts five minutes more, once."""


class HoldExpired(ReservationEvent, frozen=True, kw_only=True):
    """A hold was not paid in time; the slot is free."""


class HoldReleased(ReservationEvent, frozen=True, kw_only=True):
    """A hold was given up; no fee, the slot is free."""


class PaymentStarted(ReservationEvent, frozen=True, kw_only=True):
    """The provider was asked for the money of a hold."""


class PaymentChallenged(ReservationEvent, frozen=True, kw_only=True):
    """The provider wants the customer before it pays for a hold."""


class PaymentFailed(ReservationEvent, frozen=True, kw_only=True):
    """The payment of a hold was declined or came too late; the hold stands while it lasts."""

    reason: str


class ReservationConfirmed(ReservationEvent, frozen=True, kw_only=True):
    """A booking is paid (or costs nothing) and stands."""


class ReservationCancelled(ReservationEvent, frozen=True, kw_only=True):
    """A confirmed booking was given up; `reservation.fee` is what the terms keep."""

    by: str
    reason: str | None
    fee: Money
    refund: Money


class ReservationSettled(ReservationEvent, frozen=True, kw_only=True):
    """The money of a cancelled booking is where the terms want it."""


class SlotTaken(Conflict):
    """Another booking has this slot."""


class QuoteInvalid(Invalid):
    """This quote was not made by evslot or was altered; ask for a new one."""


class QuoteOutdated(Gone):
    """This quote is no longer valid; ask for a new one."""


class TooManyHolds(Conflict):
    """You hold three slots already; pay or release one first."""


class HoldPaused(Conflict):
    """Two of your holds on this charger lapsed today; it can be held again after a pause."""


class VehicleBusy(Conflict):
    """This vehicle is booked elsewhere in this period."""


class ReservationNotFound(NotFound):
    """There is no such booking, or it is not yours."""


class HoldOver(Conflict):
    """The hold has lapsed; the slot may be gone. Hold it again."""


class NotPayable(Conflict):
    """This booking is not waiting for a payment."""


class PaymentRunning(Conflict):
    """A payment for this booking is running already."""


class PaymentRefused(Conflict):
    """The payment was declined; try another method while the hold lasts."""


class NotCancellable(Conflict):
    """This booking is over; there is nothing left to cancel."""


class ReasonInvalid(Invalid):
    """A reason has at most 500 characters, none of them a control character."""


class DriversOnly(Forbidden):
    """Only signed-in drivers may do this."""


class CursorInvalid(Invalid):
    """This cursor was not made by this list."""
