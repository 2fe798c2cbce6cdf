"""What operators do with stations on line: change, price and retire them."""

from evslot.services.station import store
from evslot.services.station.domain import changes
from evslot.services.station.handlers.standing import check_own_station
from evslot.services.station.messages import (
    AddCharger,
    ChangeCharger,
    ChangeStation,
    ChargerExists,
    ChargerStateChanged,
    RetireCharger,
    RetireStation,
    SetChargerState,
    SetTariff,
    SetTerms,
    StationChanged,
    StationPublished,
    StationRetired,
    StationView,
)
from evslot.spine.handling import Handlers
from evslot.spine.transaction import Transaction
from evslot.values import StationId

handlers = Handlers()


@handlers.on(ChangeStation)
async def change_station(command: ChangeStation, tx: Transaction) -> StationPublished:
    station = await _own_station(tx, command.station_id, command.version)
    return await _publish(tx, station, changes.changed(station, command))


@handlers.on(RetireStation)
async def retire_station(command: RetireStation, tx: Transaction) -> StationPublished:
    station = await _own_station(tx, command.station_id)
    return await _publish(tx, station, changes.retired(station))


@handlers.on(AddCharger)
async def add_charger(command: AddCharger, tx: Transaction) -> StationPublished:
    station = await _own_station(tx, command.station_id)
    if await store.charger_exists(tx, command.charger_id):
        raise ChargerExists
    after = changes.with_charger(station, command.charger_id, command.charger)
    return await _publish(tx, station, after)


@handlers.on(ChangeCharger)
async def change_charger(command: ChangeCharger, tx: Transaction) -> StationPublished:
    station = await _own_station(tx, command.station_id, command.version)
    return await _publish(tx, station, changes.with_changed_charger(station, command))


@handlers.on(RetireCharger)
async def retire_charger(command: RetireCharger, tx: Transaction) -> StationPublished:
    station = await _own_station(tx, command.station_id)
    return await _publish(tx, station, changes.without_charger(station, command.charger_id))


@handlers.on(SetTariff)
async def set_tariff(command: SetTariff, tx: Transaction) -> StationPublished:
    station = await _own_station(tx, command.station_id, command.version)
    return await _publish(tx, station, changes.priced(station, command))


@handlers.on(SetTerms)
async def set_terms(command: SetTerms, tx: Transaction) -> StationPublished:
    station = await _own_station(tx, command.station_id, command.version)
    return await _publish(tx, station, changes.under_terms(station, command.terms))


@handlers.on(SetChargerState)
async def set_charger_state(command: SetChargerState, tx: Transaction) -> ChargerStateChanged:
    """What an operator says; who says it again says that it is still so."""
    station = await _own_station(tx, command.station_id)
    if station.status == "retired":
        raise StationRetired
    charger = changes.find_charger(station, command.charger_id)
    told = changes.with_state(charger, command.state, tx.now)
    version = await store.update_charger_state(tx, told)
    event = ChargerStateChanged(
        station_id=station.station_id,
        organisation_id=station.organisation_id,
        charger=told,
        version=version,
    )
    tx.emit(event)
    return event


async def _own_station(
    tx: Transaction, station_id: StationId, version: int | None = None
) -> StationView:
    """A station of the caller's organisation, locked: two who change it do not meet.

    Raises StationChanged where it is another version than the caller has seen.
    """
    station = check_own_station(tx.caller, await store.lock_station(tx, station_id))
    if version not in (None, station.version):
        raise StationChanged(version=station.version)
    return station


async def _publish(tx: Transaction, before: StationView, after: StationView) -> StationPublished:
    """Written and told, unless nothing is new."""
    published = StationPublished(station=after, version=after.version)
    if after == before:
        return published
    if not await store.upsert_stations(tx, [store.StationRow(view=after)]):
        raise StationChanged
    tx.emit(published)
    return published
