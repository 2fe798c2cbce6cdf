"""Bringing in stations that others have listed."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime

from evslot.services.station import store
from evslot.services.station.adapters.zones import Zones
from evslot.services.station.domain.claims import Claim, Merged, imported
from evslot.services.station.domain.details import check_rule, check_tariff
from evslot.services.station.domain.drafts import Draft, Skipped, ZoneOf, station_id_of
from evslot.services.station.domain.ocpi import Origin, read_locations
from evslot.services.station.domain.openchargemap import read_records
from evslot.services.station.domain.terms import PRESETS
from evslot.services.station.handlers.standing import check_operator
from evslot.services.station.messages import (
    ImportReport,
    ImportStations,
    NotAnOperator,
    StationChanged,
    StationInvalid,
    StationPublished,
    StationView,
)
from evslot.spine.callers import Caller
from evslot.spine.handling import Handlers
from evslot.spine.transaction import Reading, Transaction
from evslot.values import StationId

MOST_RECORDS = 1000
"""Of one part of an import; a record of a topic holds about a hundred."""

handlers = Handlers()


@handlers.prepare(ImportStations)
async def read_import(command: ImportStations, reading: Reading) -> list[Draft | Skipped]:
    """Away from the batch: a part of an import is some milliseconds of reading and zones."""
    _check_import(command, reading.caller)
    zones = reading.resource(Zones)
    return await asyncio.to_thread(lambda: list(_read(command, zones.zone_of, reading.now)))


@handlers.on(ImportStations)
async def import_stations(command: ImportStations, tx: Transaction) -> ImportReport:
    _check_import(command, tx.caller)
    read: list[Draft | Skipped] = tx.prepared
    await store.lock_imports(tx)
    meant = _stations_meant(command, read)
    known = await store.select_stations(tx, meant)
    last = await store.select_last_imports(tx, meant)
    report = ImportReport(
        part=command.part, created=[], changed=[], unchanged=[], skipped={}, notes={}
    )
    rows, said = [], {}
    for record in read:
        station_id = station_id_of(command.format, record.source_id)
        before = known.get(station_id)
        outcome = imported(record, before, _claim(command), last.get(station_id))
        _enter(report, record.source_id, outcome, before)
        if isinstance(outcome, Skipped):
            continue
        if outcome.station != before:
            rows.append(
                store.StationRow(
                    view=outcome.station,
                    imported_from=command.format,
                    source_id=record.source_id,
                )
            )
        if outcome.last != last.get(station_id):
            said[station_id] = outcome.last
    if not await store.upsert_stations(tx, rows):
        raise StationChanged
    await store.update_last_imports(tx, said)
    for row in rows:
        tx.emit(StationPublished(station=row.view, version=row.view.version))
    return report


def _read(command: ImportStations, zone_of: ZoneOf, now: datetime) -> Iterator[Draft | Skipped]:
    if command.format == "ocpi":
        origin = Origin(command.source, command.licence)
        return read_locations(command.records, zone_of, origin, now)
    return read_records(command.records, zone_of)


def _check_import(command: ImportStations, caller: Caller) -> None:
    """Our own tools and platform admins import anything, operators for their organisation."""
    if caller.kind != "system" and not caller.is_admin:
        caller.require_user()
        if command.bookable_as is None:
            raise NotAnOperator("Only platform admins import stations that nobody claims.")
        check_operator(caller, command.bookable_as)
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


def _stations_meant(command: ImportStations, read: Sequence[Draft | Skipped]) -> list[StationId]:
    """Those of records that make a station, or that unmake one."""
    return [
        station_id_of(command.format, record.source_id)
        for record in read
        if isinstance(record, Draft) or record.gone
    ]


def _enter(
    report: ImportReport, source_id: str, outcome: Merged | Skipped, before: StationView | None
) -> None:
    if isinstance(outcome, Skipped):
        report.skipped[source_id] = outcome.reason
        return
    if outcome.notes:
        report.notes[source_id] = list(outcome.notes)
    if outcome.station == before:
        report.unchanged.append(source_id)
    else:
        (report.changed if before else report.created).append(source_id)
