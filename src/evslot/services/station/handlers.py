"""What the station service does when it is told something."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from msgspec.structs import replace

from evslot.services.reservation import messages as reservation
from evslot.services.station import store
from evslot.services.station.adapters.zones import Zones
from evslot.services.station.domain.claims import Claim, imported, numbered
from evslot.services.station.domain.details import check_rule, check_station, check_tariff
from evslot.services.station.domain.openchargemap import (
    PROVIDER,
    Draft,
    Skipped,
    read_records,
    station_id_of,
)
from evslot.services.station.domain.terms import PRESETS
from evslot.services.station.messages import (
    CreateStation,
    ImportReport,
    ImportStations,
    NotAnOperator,
    StationChanged,
    StationExists,
    StationInvalid,
    StationPublished,
    StationView,
)
from evslot.services.user import messages as user
from evslot.spine.callers import Caller
from evslot.spine.handling import Handlers
from evslot.spine.transaction import Reading, Transaction
from evslot.values import OrganisationId, StationId

MOST_RECORDS = 1000
"""Of one part of an import; a record of a topic holds about a hundred."""
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
    _check_operator(tx.caller, command.organisation_id)
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


@handlers.prepare(ImportStations)
async def read_import(command: ImportStations, reading: Reading) -> list[Draft | Skipped]:
    """Away from the batch: a part of an import is some milliseconds of reading and zones."""
    _check_import(command, reading.caller)
    zones = reading.resource(Zones)
    return await asyncio.to_thread(lambda: list(read_records(command.records, zones.zone_of)))


@handlers.on(ImportStations)
async def import_stations(command: ImportStations, tx: Transaction) -> ImportReport:
    _check_import(command, tx.caller)
    read: list[Draft | Skipped] = tx.prepared
    await store.lock_imports(tx)
    known = await store.select_stations(tx, _stations_meant(read))
    report = ImportReport(
        part=command.part, created=[], changed=[], unchanged=[], skipped={}, notes={}
    )
    rows = [row for record in read if (row := _taken(record, known, _claim(command), report))]
    if not await store.upsert_stations(tx, rows):
        raise StationChanged
    for row in rows:
        tx.emit(StationPublished(station=row.view, version=row.view.version))
    return report


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


def _check_operator(caller: Caller, organisation_id: OrganisationId) -> None:
    """Role first (403), then ownership (404)."""
    caller.require_user()
    if not caller.is_operator:
        raise NotAnOperator
    role = caller.role_in(organisation_id)
    if role is None:
        raise user.OrganisationNotFound
    if role not in ("owner", "manager"):
        raise NotAnOperator


def _check_import(command: ImportStations, caller: Caller) -> None:
    """Our own tools and platform admins import anything, operators for their organisation."""
    if caller.kind != "system" and not caller.is_admin:
        caller.require_user()
        if command.bookable_as is None:
            raise NotAnOperator("Only platform admins import stations that nobody claims.")
        _check_operator(caller, command.bookable_as)
    if len(command.records) > MOST_RECORDS:
        raise StationInvalid(f"records: at most {MOST_RECORDS} in a part", field="records")
    check_rule(command.rule)
    if command.tariff is not None:
        check_tariff(command.tariff)
    if command.bookable_as is not None and command.tariff is None:
        raise StationInvalid("tariff: name one to have stations booked", field="tariff")


def _claim(command: ImportStations) -> Claim | None:
    if command.bookable_as is None or command.tariff is None:
        return None
    return Claim(
        organisation_id=command.bookable_as,
        tariff=command.tariff,
        terms=PRESETS[command.terms],
        rule=command.rule,
    )


def _stations_meant(read: Sequence[Draft | Skipped]) -> list[StationId]:
    """Those of records that make a station, or that unmake one."""
    return [
        station_id_of(record.source_id)
        for record in read
        if isinstance(record, Draft) or record.gone
    ]


def _taken(
    record: Draft | Skipped,
    known: dict[StationId, StationView],
    claim: Claim | None,
    report: ImportReport,
) -> store.StationRow | None:
    """Enter a record in the report; answers what is to be written for it, None for nothing."""
    source_id = record.source_id
    before = known.get(station_id_of(source_id))
    outcome = imported(record, before, claim)
    if isinstance(outcome, Skipped):
        report.skipped[source_id] = outcome.reason
        return None
    if outcome.notes:
        report.notes[source_id] = list(outcome.notes)
    if outcome.station == before:
        report.unchanged.append(source_id)
        return None
    (report.changed if before else report.created).append(source_id)
    return store.StationRow(view=outcome.station, imported_from=PROVIDER, source_id=source_id)
