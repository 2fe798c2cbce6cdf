"""Who may act on a booking or a station: its driver, and the operator of its station."""

from typing import Literal

from evslot.services.reservation import store
from evslot.services.reservation.domain.booking import Booking
from evslot.services.reservation.messages import DriversOnly, ReservationNotFound
from evslot.services.reservation.store import Station
from evslot.services.station import messages as station
from evslot.spine.callers import Caller
from evslot.spine.transaction import Transaction
from evslot.values import ReservationId, StationId, UserId

By = Literal["driver", "operator"]


def driver_of(caller: Caller) -> UserId:
    """The driver who calls; raises DriversOnly."""
    user_id = caller.require_user()
    if "driver" not in caller.roles:
        raise DriversOnly()
    return user_id


async def own_booking(reservation_id: ReservationId, tx: Transaction) -> Booking:
    """The caller's booking, locked; raises ReservationNotFound for anybody else's."""
    driver_id = driver_of(tx.caller)
    booking = await store.lock_reservation(tx, reservation_id)
    if booking is None or booking.reservation.driver_id != driver_id:
        raise ReservationNotFound()
    return booking


async def booking_and_party(reservation_id: ReservationId, tx: Transaction) -> tuple[Booking, By]:
    """The booking, locked, and as whom the caller acts on it; ReservationNotFound for others."""
    user_id = tx.caller.require_user()
    booking = await store.lock_reservation(tx, reservation_id)
    if booking is None:
        raise ReservationNotFound()
    if booking.reservation.driver_id == user_id:
        return booking, "driver"
    if tx.caller.role_in(booking.reservation.organisation_id) in ("owner", "manager"):
        return booking, "operator"
    raise ReservationNotFound()


async def own_station(station_id: StationId, tx: Transaction) -> Station:
    """A station of the caller's, locked. Role first (NotAnOperator), ownership after.

    A station is known here some milliseconds after it was put on line.
    """
    tx.caller.require_user()
    if not tx.caller.is_operator:
        raise station.NotAnOperator()
    found = await store.lock_station(tx, station_id)
    if found is None or found.organisation_id is None:
        raise station.StationNotFound()
    role = tx.caller.role_in(found.organisation_id)
    if role is None:
        raise station.StationNotFound()
    if role not in ("owner", "manager"):
        raise station.NotAnOperator()
    return found
