"""Made-up stations for the tests of the station service."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from msgspec.structs import replace

from evslot.services.reservation import messages as reservation
from evslot.services.station import messages as station
from evslot.services.station.domain.claims import numbered
from evslot.services.station.domain.terms import PRESETS
from evslot.values import (
    ChargerId,
    Money,
    OrganisationId,
    Period,
    ReservationId,
    StationId,
    UserId,
    new_id,
)

NAMES = UUID("6f3b6a52-0b8f-4c43-9d8f-2f5a3c0e7a11")
ORGANISATION = OrganisationId(uuid5(NAMES, "organisation"))
STATION = StationId(uuid5(NAMES, "station"))
TARIFF = station.Tariff(currency="EUR", flat=100, per_hour=400, per_kwh=49)
TYPE_2 = station.Connector(standard="IEC_62196_T2", max_watts=22_000)
CCS = station.Connector(standard="IEC_62196_T2_COMBO", cable=True, max_watts=150_000)


def utc(text: str) -> datetime:
    """`2026-03-29T01:00` as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def charger_input(label: str, *plugs: station.Connector) -> station.ChargerInput:
    return station.ChargerInput(label=label, connectors=list(plugs or (TYPE_2,)))


def create_station(**changes: Any) -> station.CreateStation:
    """An acceptable command, with what a test wants changed."""
    command = station.CreateStation(
        station_id=STATION,
        organisation_id=ORGANISATION,
        name="Laden am Alexanderplatz",
        address="Alexanderplatz 1",
        city="Berlin",
        postcode="10178",
        country="DE",
        position=station.Position(52.5219, 13.4132),
        zone="Europe/Berlin",
        chargers=[charger_input("A1"), charger_input("A2", TYPE_2, CCS)],
        tariff=TARIFF,
    )
    return replace(command, **changes)


def a_station(**changes: Any) -> station.StationView:
    """A bookable station as the rules see it."""
    command = create_station()
    view = station.StationView(
        station_id=STATION,
        organisation_id=ORGANISATION,
        name=command.name,
        address=command.address,
        city=command.city,
        postcode=command.postcode,
        country=command.country,
        position=command.position,
        zone=command.zone,
        how_to_find="",
        status="bookable",
        hours=station.Hours(),
        rule=station.SlotRule(),
        tariff=TARIFF,
        terms=PRESETS["usual"],
        chargers=numbered(STATION, command.chargers),
    )
    return replace(view, **changes)


def a_booking(
    charger_id: ChargerId, period: Period, *, state: Any = "confirmed", **changes: Any
) -> reservation.Reservation:
    """A booking as the reservation service's events carry it, without a buffer."""
    booking = reservation.Reservation(
        reservation_id=ReservationId(new_id()),
        version=1,
        state=state,
        station_id=STATION,
        organisation_id=ORGANISATION,
        charger_id=charger_id,
        charger_label="A1",
        station_name="",
        zone="Europe/Berlin",
        driver_id=UserId(new_id()),
        vehicle_id=None,
        period=period,
        occupied=period,
        held_until=None,
        total=Money(0, "EUR"),
        lines=(),
        terms=PRESETS["usual"],
        tariff_version=1,
        code="ABC234",
        payment_id=None,
        payment_state=None,
        fee=None,
        created_at=period.start,
        changed_at=period.start,
    )
    return replace(booking, **changes)
