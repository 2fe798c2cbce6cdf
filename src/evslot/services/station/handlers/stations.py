"""Putting stations on line, and telling of them again."""

from uuid import UUID

from msgspec.structs import replace

from evslot.services.station import store
from evslot.services.station.domain.claims import numbered
from evslot.services.station.domain.details import check_size, check_station
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

STATIONS_AT_A_TIME = 200
"""Events of one transaction of `evslot republish`, some kilobytes each."""

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
    check_size(station)
    if await store.select_stations(tx, [command.station_id]):
        raise StationExists
    if not await store.upsert_stations(tx, [store.StationRow(view=station)]):
        raise StationExists
    published = StationPublished(station=station, version=station.version)
    tx.emit(published)
    return published


@handlers.republish
async def republish_stations(tx: Transaction, after: UUID | None) -> UUID | None:
    """Retired ones too: a view may have missed just that."""
    station_ids = await store.select_station_ids(tx, after, STATIONS_AT_A_TIME)
    views = await store.select_stations(tx, station_ids)
    for station_id in station_ids:
        tx.emit(StationPublished(station=views[station_id], version=views[station_id].version))
    return station_ids[-1] if station_ids else None
