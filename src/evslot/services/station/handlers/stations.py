"""Putting stations on line, and the view of what occupies their chargers."""

from datetime import timedelta
from uuid import UUID

from msgspec.structs import replace

from evslot.services.reservation import messages as reservation
from evslot.services.station import store
from evslot.services.station.domain.claims import numbered
from evslot.services.station.domain.details import check_station
from evslot.services.station.domain.terms import PRESETS
from evslot.services.station.handlers.standing import check_operator
from evslot.services.station.messages import (
    CreateStation,
    StationExists,
    StationPublished,
    StationView,
)
from evslot.spine.handling import Handlers
from evslot.spine.transaction import Transaction

BUSY_KEPT = timedelta(days=8)
"""Longer than the topic of the events that made them."""
BUSY_SWEPT = 2000
STATIONS_AT_A_TIME = 200
"""Events of one transaction of `evslot republish`, some kilobytes each."""

BOOKING_EVENTS: tuple[type[reservation.ReservationEvent], ...] = (
    reservation.SlotHeld,
    reservation.HoldProlonged,
    reservation.HoldExpired,
    reservation.HoldReleased,
    reservation.PaymentStarted,
    reservation.PaymentFailed,
    reservation.ReservationConfirmed,
    reservation.ReservationCancelled,
    reservation.ReservationSettled,
)

handlers = Handlers()


@handlers.on(CreateStation)
async def create_station(command: CreateStation, tx: Transaction) -> StationPublished:
    check_operator(tx.caller, command.organisation_id)
    check_station(command)
    station = StationView(
        station_id=command.station_id,
        organisation_id=command.organisation_id,
        name=command.name.strip(),
        address=command.address.strip(),
        city=command.city.strip(),
        postcode=command.postcode.strip(),
        country=command.country,
        position=command.position,
        zone=command.zone,
        how_to_find=command.how_to_find.strip(),
        status="bookable",
        hours=command.hours,
        rule=command.rule,
        tariff=replace(command.tariff, version=1),
        terms=PRESETS[command.terms],
        chargers=numbered(command.station_id, command.chargers),
    )
    if await store.select_stations(tx, [command.station_id]):
        raise StationExists
    if not await store.upsert_stations(tx, [store.StationRow(view=station)]):
        raise StationExists
    published = StationPublished(station=station, version=station.version)
    tx.emit(published)
    return published


async def booking_changed(event: reservation.ReservationEvent, tx: Transaction) -> None:
    """Each event carries the whole booking: the newest version says what it occupies."""
    await store.upsert_busy(tx, event.reservation, event.version)


for kind in BOOKING_EVENTS:
    handlers.heard(kind)(booking_changed)


@handlers.every(seconds=60.0)
async def forget_old_busy(tx: Transaction) -> None:
    await store.delete_old_busy(tx, BUSY_KEPT, BUSY_SWEPT)


@handlers.republish
async def republish_stations(tx: Transaction, after: UUID | None) -> UUID | None:
    """Retired ones too: a view may have missed just that."""
    station_ids = await store.select_station_ids(tx, after, STATIONS_AT_A_TIME)
    views = await store.select_stations(tx, station_ids)
    for station_id in station_ids:
        tx.emit(StationPublished(station=views[station_id], version=views[station_id].version))
    return station_ids[-1] if station_ids else None
