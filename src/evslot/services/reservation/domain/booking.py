"""A booking as its owner knows it, and how its next version is made."""

from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from evslot.services.reservation.messages import Evidence, Reservation, State
from evslot.values import ChargerId, Period, ReservationId, UserId, VehicleId


class Rules(Struct, frozen=True, kw_only=True):
    """Settings `EVSLOT_RESERVATION_…`: how long holds last, and how many a driver may have."""

    hold_seconds: int = 600
    hold_seconds_soon: int = 300
    """Where the slot starts within `soon_minutes`."""
    soon_minutes: int = 60
    prolong_seconds: int = 300
    live_holds: int = 3
    live_bookings: int = 50
    """Held, paid or begun at a time, of one driver: each of their holds looks at all of them."""
    newcomer_holds: int = 0
    """Unpaid, of one charger on one day, by all together who never paid for a booking; 0 = as many
    as they like. With 1, a hundred accounts cannot hold a twentieth of a day's hours."""
    lapsed_holds: int = 2
    """So many on one charger and day, and the driver pauses there."""
    pause_minutes: int = 30
    prepay_days: int = 6
    """Card authorisations lapse after a week: what starts later is taken at once."""


class Own(Struct, frozen=True, kw_only=True):
    """Another booking of who wants to hold something: what the rules look at."""

    reservation_id: ReservationId
    state: State
    charger_id: ChargerId
    vehicle_id: VehicleId | None
    period: Period
    occupied: Period
    held_until: datetime | None

    def is_live(self, now: datetime) -> bool:
        return self.state in ("confirmed", "active") or is_held(self, now)


def is_held(booking: Own | Reservation, now: datetime) -> bool:
    """Whether this is a hold that has not lapsed; swept or not makes no difference."""
    until = booking.held_until
    return booking.state == "held" and until is not None and until > now


def lapsed_at(booking: Own | Reservation, now: datetime) -> datetime | None:
    """When this hold lapsed unpaid; None where it did not."""
    state, until = booking.state, booking.held_until
    if until is None or until > now or state not in ("held", "expired"):
        return None
    return until


class Booking(Struct, frozen=True, kw_only=True):
    """A reservation with what only its owner needs to know."""

    reservation: Reservation
    payer_id: UserId
    created_by: UserId
    quote_id: UUID
    prolonged: bool = False
    confirmed_at: datetime | None = None

    @property
    def starts(self) -> datetime:
        return self.reservation.period.start

    @property
    def grace_ends(self) -> datetime:
        return self.starts + timedelta(minutes=self.reservation.terms.grace_minutes)

    def is_held(self, now: datetime) -> bool:
        return is_held(self.reservation, now)

    def lapsed_at(self, now: datetime) -> datetime | None:
        return lapsed_at(self.reservation, now)

    def next(self, now: datetime, **changes: Any) -> "Booking":
        """Its next version, with fields of the reservation changed."""
        version = self.reservation.version + 1
        changed = replace(self.reservation, version=version, changed_at=now, **changes)
        return replace(self, reservation=changed)


class Told(Struct, frozen=True, kw_only=True):
    """A line of the story: what happened, by whom, why, by what evidence."""

    what: str
    by: Literal["driver", "operator", "payment", "system"]
    user_id: UserId | None = None
    reason: str | None = None
    evidence: Evidence | None = None
