"""What operators ask of the reservation service: closures, and the bookings of their stations."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

from evslot.services.reservation.messages.bookings import Reservations, State
from evslot.spine.message import Command, Event, Query
from evslot.values import (
    ChargerId,
    OrganisationId,
    Period,
    ReservationId,
    StationId,
    bucket_key,
    station_bucket,
)


class Closure(Struct, frozen=True, kw_only=True):
    """Chargers that an operator takes out of use for some time."""

    closure_id: UUID
    version: int
    station_id: StationId
    organisation_id: OrganisationId
    charger_ids: tuple[ChargerId, ...]
    period: Period
    reason: str
    state: Literal["standing", "lifted"]
    created_at: datetime
    changed_at: datetime


class TouchedBooking(Struct, frozen=True, kw_only=True):
    """A booking that lived when the closure was set, with what has become of it."""

    reservation_id: ReservationId
    state: State
    charger_id: ChargerId
    charger_label: str
    period: Period
    code: str


class ClosureDetails(Struct, frozen=True, kw_only=True):
    """A closure with the bookings it touches, by start."""

    closure: Closure
    touched: list[TouchedBooking]
    """The first 500."""
    touched_total: int


class Closures(Struct, frozen=True, kw_only=True):
    """A page of closures, latest start first."""

    closures: list[Closure]
    next_cursor: str | None = None


class BookingsExport(Struct, frozen=True, kw_only=True):
    """A part of a CSV text (RFC 4180): the first begins with the names of the columns."""

    text: str
    next_cursor: str | None = None


class SetClosure(Command[ClosureDetails], frozen=True, kw_only=True):
    """Take chargers out of use: their gaps at once, what is booked as soon as it gets free."""

    closure_id: UUID
    station_id: StationId
    charger_ids: tuple[ChargerId, ...] | None = None
    """None: all that the station has now."""
    period: Period
    reason: str = ""

    def key(self) -> str:
        return bucket_key(station_bucket(self.station_id))


class LiftClosure(Command[Closure], frozen=True, kw_only=True):
    """End a closure: all that it occupies is free at once. A second time changes nothing."""

    station_id: StationId
    closure_id: UUID

    def key(self) -> str:
        return bucket_key(station_bucket(self.station_id))


class GetClosure(Query[ClosureDetails], frozen=True, kw_only=True):
    """A closure with the bookings it touches, for members of its organisation."""

    station_id: StationId
    closure_id: UUID

    def key(self) -> str:
        return bucket_key(station_bucket(self.station_id))


class ListClosures(Query[Closures], frozen=True, kw_only=True):
    """The closures of a station, for members of its organisation."""

    station_id: StationId
    limit: int = 20
    cursor: str | None = None

    def key(self) -> str:
        return bucket_key(station_bucket(self.station_id))


class ListStationBookings(Query[Reservations], frozen=True, kw_only=True):
    """The bookings of an organisation's stations, newest start first, for its members."""

    organisation_id: OrganisationId
    station_id: StationId | None = None
    states: list[State] | None = None
    since: datetime | None = None
    """Only those that end after this."""
    until: datetime | None = None
    """Only those that start before this."""
    limit: int = 20
    cursor: str | None = None

    def key(self) -> str:
        return str(self.organisation_id)


class GetBookingsExport(Query[BookingsExport], frozen=True, kw_only=True):
    """A part of the table of bookings that start in a span, oldest first, for members."""

    organisation_id: OrganisationId
    since: datetime
    until: datetime
    cursor: str | None = None

    def key(self) -> str:
        return str(self.organisation_id)


class ClosureChanged(Event, frozen=True, kw_only=True):
    """A closure was set or lifted."""

    closure: Closure
    version: int

    def key(self) -> str:
        return bucket_key(station_bucket(self.closure.station_id))
