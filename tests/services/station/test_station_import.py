"""An import on a real database: once, again, changed, claimed, refused."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace
from tests.harness import Harness, driver
from tests.services.station.openchargemap import connection, record
from tests.services.station.supplies import ORGANISATION, TARIFF

from evslot.embedded.throwaway import PostgresServer
from evslot.services.station import messages as station
from evslot.services.station.domain.drafts import station_id_of
from evslot.services.station.service import SERVICE
from evslot.spine.callers import ANONYMOUS, SYSTEM, Caller
from evslot.spine.message import Refused
from evslot.spine.republishing import republish
from evslot.values import ChargerId, OrganisationId

pytestmark = pytest.mark.anyio

ADMIN = driver(roles=frozenset({"admin"}))
OWNER = driver(organisations={ORGANISATION: "manager"})


@pytest.fixture
async def h(postgres_server: PostgresServer) -> AsyncIterator[Harness]:
    async with Harness(SERVICE, postgres_server) as harness:
        yield harness


@pytest.fixture(scope="module")
async def untouched(postgres_server: PostgresServer) -> AsyncIterator[Harness]:
    """One database for all tests that change nothing."""
    async with Harness(SERVICE, postgres_server) as harness:
        yield harness


def part(*records: Any, claimed: bool = False, **changes: Any) -> station.ImportStations:
    command = station.ImportStations(import_id=uuid4(), part=0, records=list(records))
    if claimed:
        command = replace(command, bookable_as=ORGANISATION, tariff=TARIFF)
    return replace(command, **changes)


async def seen(h: Harness, number: int) -> station.StationView:
    return await h.ask(station.GetStation(station_id=station_id_of("openchargemap", str(number))))


def stations_told(h: Harness) -> list[station.StationView]:
    return [event.station for event in h.events if isinstance(event, station.StationPublished)]


def outcome_of(report: station.ImportReport) -> tuple[list[str], list[str], list[str], list[str]]:
    return (report.created, report.changed, report.unchanged, sorted(report.skipped))


async def test_every_record_is_in_exactly_one_list_and_published_once(h: Harness) -> None:
    records = [record(1), record(2, status=150), None, record(3), record(3)]
    report = await h.send(part(*records), caller=ADMIN)
    assert outcome_of(report) == (["1", "3"], [], [], ["2", "3 (record 5)", "record 3"])
    assert [told.station_id for told in stations_told(h)] == [
        station_id_of("openchargemap", "1"),
        station_id_of("openchargemap", "3"),
    ]
    rows = await h.fetch("select imported_from, source_id from station order by source_id")
    assert [tuple(row) for row in rows] == [("openchargemap", "1"), ("openchargemap", "3")]


async def test_importing_again_changes_nothing(h: Harness) -> None:
    records = [record(1), record(2, connection(33, 150, 1), connection(0, 0, 0), points=None)]
    for claimed in (False, True):
        await h.send(part(*records, claimed=claimed), caller=SYSTEM)
        before = await h.fetch("select * from station order by 1")
        told = len(h.events)
        again = await h.send(part(*records, claimed=claimed), caller=SYSTEM)
        assert outcome_of(again) == ([], [], ["1", "2"], [])
        assert await h.fetch("select * from station order by 1") == before
        assert len(h.events) == told == (4 if claimed else 2)


async def test_a_changed_record_changes_its_station_alone(h: Harness) -> None:
    await h.send(part(record(1), record(2), claimed=True), caller=OWNER)
    before = await seen(h, 1)
    fewer = record(1, connection(25, 22, 1), points=1)
    report = await h.send(part(fewer, record(2), claimed=True), caller=OWNER)
    assert outcome_of(report) == ([], ["1"], ["2"], [])
    after = await seen(h, 1)
    assert (after.version, len(after.chargers)) == (2, 1)
    assert after.chargers[0].charger_id == before.chargers[0].charger_id
    assert after.chargers[0].connectors[0].max_watts == 22_000
    await h.send(part(record(1), claimed=True), caller=OWNER)
    assert [c.charger_id for c in (await seen(h, 1)).chargers] == [
        c.charger_id for c in before.chargers
    ]


async def test_a_removed_record_retires_its_station(h: Harness) -> None:
    await h.send(part(record(1)), caller=ADMIN)
    report = await h.send(part(record(1, status=200), record(2, status=200)), caller=ADMIN)
    assert outcome_of(report) == ([], ["1"], [], ["2"])
    assert (await seen(h, 1)).status == "retired"


async def test_a_record_that_nobody_thought_of_holds_up_no_other(h: Harness) -> None:
    many = [{"ConnectionTypeID": 16, "PowerKW": watts / 1000} for watts in range(10_000, 12_000)]
    odd = [
        record(2, connection(25, "nan")),
        record(3, connection(25, -1e308)),
        record(4, *many, points=200),
        record(5, *([{}] * 5000)),
    ]
    report = await h.send(part(record(1), *odd, record(6)), caller=ADMIN)
    assert report.created == ["1", "2", "3", "4", "5", "6"]
    plugs = [len(charger.connectors) for charger in (await seen(h, 4)).chargers]
    assert plugs == [8] * 200
    assert h.dead == []


async def test_an_imported_station_is_searched_quoted_and_shows_its_provider(h: Harness) -> None:
    await h.send(part(record(1), claimed=True, terms="strict"), caller=OWNER)
    view = await seen(h, 1)
    assert (view.source, view.licence, view.zone) == ("Made-up Data", "CC0", "Europe/Berlin")
    assert view.terms is not None
    assert (view.terms.name, view.status) == ("strict", "bookable")
    found = await h.ask(
        station.FindStations(position=view.position, connector="IEC_62196_T2", min_watts=11_000)
    )
    assert [line.station_id for line in found.stations] == [view.station_id]


async def test_what_an_operator_adds_and_renames_outlives_the_next_import(h: Harness) -> None:
    await h.send(part(record(1), claimed=True), caller=OWNER)
    before = await seen(h, 1)
    renamed, gone = before.chargers
    charger = station.ChargerInput(label="2", connectors=gone.connectors)
    new = ChargerId(uuid4())
    for command in (
        station.ChangeStation(station_id=before.station_id, how_to_find="Ebene 2"),
        station.RetireCharger(station_id=before.station_id, charger_id=gone.charger_id),
        station.AddCharger(station_id=before.station_id, charger_id=new, charger=charger),
        station.ChangeCharger(
            station_id=before.station_id, charger_id=renamed.charger_id, label="3"
        ),
    ):
        await h.send(command, caller=OWNER)
    report = await h.send(part(record(1, points=3), claimed=True), caller=OWNER)
    assert outcome_of(report) == ([], ["1"], [], [])
    after = await seen(h, 1)
    assert {charger.label: charger.charger_id for charger in after.chargers}["2"] == new
    assert len({charger.label for charger in after.chargers}) == len(after.chargers) == 3
    assert after.chargers[0].label == "3"
    assert after.how_to_find == "Ebene 2"
    assert gone.charger_id not in {charger.charger_id for charger in after.chargers}
    (row,) = await h.fetch("select imported_from, source_id from station")
    assert tuple(row) == ("openchargemap", "1")
    assert h.dead == []


async def test_two_chargers_may_exchange_their_labels(h: Harness) -> None:
    await h.send(part(record(1), claimed=True), caller=OWNER)
    await h.execute("update charger set label = case label when '1' then '2' else '1' end")
    assert [charger.label for charger in (await seen(h, 1)).chargers] == ["2", "1"]


async def test_only_known_time_zones_of_real_places_are_given(h: Harness) -> None:
    places = {1: (-31.55, 159.08), 2: (28.61, 77.21), 3: (40.71, -74.0), 4: (0.0, -140.0)}
    records = [
        record(number, address={"Latitude": latitude, "Longitude": longitude})
        for number, (latitude, longitude) in places.items()
    ]
    await h.send(part(*records), caller=ADMIN)
    zones = [(await seen(h, number)).zone for number in places]
    assert zones == ["Australia/Lord_Howe", "Asia/Kolkata", "America/New_York", "Etc/GMT+9"]


async def test_another_organisation_cannot_take_a_station_over(h: Harness) -> None:
    await h.send(part(record(1), claimed=True), caller=OWNER)
    other = OrganisationId(uuid4())
    rival = driver(organisations={other: "owner"})
    report = await h.send(part(record(1), claimed=True, bookable_as=other), caller=rival)
    assert report.skipped == {"1": "another organisation has claimed it"}
    assert (await seen(h, 1)).organisation_id == ORGANISATION


async def test_another_organisation_cannot_remove_a_station(h: Harness) -> None:
    """Whose list says that it is gone does not say whose station it is."""
    await h.send(part(record(1), claimed=True), caller=OWNER)
    other = OrganisationId(uuid4())
    rival = driver(organisations={other: "owner"})
    removal = part(record(1, status=200), claimed=True, bookable_as=other)
    report = await h.send(removal, caller=rival)
    assert report.skipped == {"1": "another organisation has claimed it"}
    assert (await seen(h, 1)).status == "bookable"


@pytest.mark.parametrize(
    ("caller", "claimed", "status"),
    [
        (ANONYMOUS, True, 401),
        (driver(), True, 403),
        (driver(), False, 403),
        (OWNER, False, 403),
        (driver(organisations={ORGANISATION: "viewer"}), True, 403),
        (driver(organisations={OrganisationId(uuid4()): "owner"}), True, 404),
    ],
)
async def test_who_may_not_import(
    untouched: Harness, caller: Caller, claimed: bool, status: int
) -> None:
    with pytest.raises(Refused) as refused:
        await untouched.send(part(record(1), claimed=claimed), caller=caller)
    assert refused.value.status == status
    assert await untouched.fetch_value("select count(*) from station") == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"tariff": None},
        {"tariff": replace(TARIFF, currency="???")},
        {"rule": station.SlotRule(grid=7)},
        {"records": [None] * 1001},
    ],
)
async def test_an_import_without_sense_is_refused_as_a_whole(
    untouched: Harness, changes: dict[str, Any]
) -> None:
    with pytest.raises(Refused) as refused:
        await untouched.send(part(record(1), claimed=True, **changes), caller=OWNER)
    assert (refused.value.status, refused.value.code) == (422, "station_invalid")


async def test_a_part_without_a_usable_record_is_answered(untouched: Harness) -> None:
    assert outcome_of(await untouched.send(part(), caller=ADMIN)) == ([], [], [], [])
    assert outcome_of(await untouched.send(part(7), caller=ADMIN)) == ([], [], [], ["record 1"])
    assert untouched.events == []


async def test_republishing_tells_every_station_as_it_is(h: Harness) -> None:
    numbers = range(1, 251)  # more than a page
    await h.send(part(*(record(number) for number in numbers)), caller=ADMIN)
    await h.send(part(record(7, status=200)), caller=ADMIN)
    told = len(h.events)
    assert await republish(h.wiring, h.handlers, h.database) == 250
    await h.send(part(), caller=ADMIN)  # takes in what the relay would publish
    again = {view.station_id: view for view in stations_told(h)[told:]}
    assert len(again) == 250
    retired = again[station_id_of("openchargemap", "7")]
    assert (retired.status, retired.version) == ("retired", 2)
