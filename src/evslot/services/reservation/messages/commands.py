"""What drivers ask of the reservation service."""

from datetime import datetime
from uuid import UUID

from evslot.services.reservation.messages.bookings import (
    Cancellation,
    PaymentOutcome,
    Reservation,
    ReservationDetails,
    Reservations,
    State,
)
from evslot.services.reservation.messages.events import SlotHeld
from evslot.services.reservation.messages.keys import OfReservation
from evslot.services.reservation.messages.refusals import QuoteInvalid
from evslot.spine.message import Command, Personal, Query, Secret
from evslot.values import (
    ReservationId,
    StationId,
    UserId,
    VehicleId,
    bucket_key,
    station_bucket,
)


class HoldSlot(Command[SlotHeld], frozen=True, kw_only=True):
    """Take the slot of a signed quote until it is paid."""

    quote: str
    """Token of a quote: `<station id>.<payload>.<signature>`."""
    vehicle_id: VehicleId | None = None

    def key(self) -> str:
        try:
            return bucket_key(station_bucket(StationId(UUID(self.quote.partition(".")[0]))))
        except ValueError:
            raise QuoteInvalid from None


class PayReservation(OfReservation, Command[PaymentOutcome], frozen=True, kw_only=True):
    """Pay a held booking; confirms it when the payment stands."""

    reservation_id: ReservationId
    method: Secret[str]
    """The provider's token of a payment method; empty with `method_id`."""
    method_id: UUID | None = None
    """A saved method of the payer."""
    save_method: bool = False
    """Keep the method for the next booking."""


class CancelReservation(OfReservation, Command[Cancellation], frozen=True, kw_only=True):
    """Give a booking up; its terms decide what that costs. A hold is released without fee."""

    reservation_id: ReservationId
    reason: Personal[str] | None = None
    """In a person's own words; never in an event."""
    max_fee: int | None = None
    """What it may cost at most, in minor units: the sum that was shown. None = whatever it is."""


class ProlongHold(OfReservation, Command[Reservation], frozen=True, kw_only=True):
    """Give a hold five minutes more, once."""

    reservation_id: ReservationId


class CheckIn(OfReservation, Command[Reservation], frozen=True, kw_only=True):
    """Begin a booking, from its early minutes on to its end; a second time changes nothing."""

    reservation_id: ReservationId
    label: str | None = None
    """As read off the charger: must be that of the booking."""
    code: str | None = None
    """The booking's six characters: an operator has to name them."""


class CompleteReservation(OfReservation, Command[Reservation], frozen=True, kw_only=True):
    """End a booking that was begun; what is left of its slot is free at once."""

    reservation_id: ReservationId


class GetReservation(OfReservation, Query[ReservationDetails], frozen=True, kw_only=True):
    """One booking of the caller (or of a station of the caller's organisation)."""

    reservation_id: ReservationId


class ListReservations(Query[Reservations], frozen=True, kw_only=True):
    """The caller's bookings, newest start first."""

    driver_id: UserId
    states: list[State] | None = None
    station_id: StationId | None = None
    since: datetime | None = None
    """Only those that end after this."""
    until: datetime | None = None
    """Only those that start before this."""
    limit: int = 20
    cursor: str | None = None

    def key(self) -> str:
        return str(self.driver_id)
