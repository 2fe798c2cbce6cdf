"""Made-up bookings, stations and sessions for the edge's tests."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from evslot.services.reservation.messages import Reservation
from evslot.services.station import messages as station
from evslot.services.user import messages as user
from evslot.spine.message import Secret
from evslot.values import (
    ChargerId,
    Money,
    OrganisationId,
    Period,
    ReservationId,
    SessionId,
    StationId,
    Terms,
    UserId,
    new_id,
    station_bucket,
)

START = datetime(2026, 12, 1, 16, 0, tzinfo=UTC)
PERIOD = Period(START, START + timedelta(hours=1))


def booking(**changed: Any) -> Reservation:
    """A held booking."""
    station_id = changed.pop("station_id", StationId(new_id()))
    fields: dict[str, Any] = {
        "reservation_id": ReservationId(new_id(station_bucket(station_id))),
        "version": 1,
        "state": "held",
        "station_id": station_id,
        "organisation_id": OrganisationId(new_id()),
        "charger_id": ChargerId(new_id()),
        "charger_label": "A1",
        "station_name": "Uferstraße",
        "zone": "Europe/Berlin",
        "driver_id": UserId(uuid4()),
        "vehicle_id": None,
        "period": PERIOD,
        "occupied": Period(START, START + timedelta(minutes=65)),
        "held_until": START - timedelta(hours=1),
        "total": Money(640, "EUR"),
        "lines": (),
        "terms": Terms(
            name="usual",
            version=1,
            ladder=(),
            last_percent=100,
            grace_minutes=15,
            no_show_percent=100,
            early_minutes=5,
        ),
        "tariff_version": 1,
        "code": "K7Q2ZM",
        "payment_id": None,
        "payment_state": None,
        "fee": None,
        "created_at": START - timedelta(hours=2),
        "changed_at": START - timedelta(hours=2),
        **changed,
    }
    return Reservation(**fields)


def found(**_: Any) -> station.FoundStations:
    """An empty search."""
    return station.FoundStations(stations=[], as_of=datetime.now(UTC))


def signed_in(user_id: UUID) -> user.SignedIn:
    """Tokens as the user service answers them."""
    return user.SignedIn(
        user_id=UserId(user_id),
        session_id=SessionId(uuid4()),
        access_token=Secret("jwt.of.somebody.planted-secret"),
        access_seconds=600,
        refresh_token=Secret("planted-refresh"),
    )
