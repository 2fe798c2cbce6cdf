"""Operators change, price and retire what is on line, on a real database."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace
from tests.harness import Harness, driver
from tests.services.station.supplies import (
    CCS,
    ORGANISATION,
    STATION,
    TARIFF,
    TYPE_2,
    charger_input,
    create_station,
)

from evslot.embedded.throwaway import PostgresServer
from evslot.services.station import messages as station
from evslot.services.station.service import SERVICE
from evslot.spine.callers import ANONYMOUS, SYSTEM, Caller
from evslot.spine.message import Command, Refused
from evslot.values import ChargerId, OrganisationId, StationId

pytestmark = pytest.mark.anyio

OWNER = driver(organisations={ORGANISATION: "owner"})
MANAGER = driver(organisations={ORGANISATION: "manager"})
VIEWER = driver(organisations={ORGANISATION: "viewer"})
RIVAL = driver(organisations={OrganisationId(uuid4()): "owner"})
NIGHTS = station.TariffElement(start=1320, end=360, per_hour=100)


@pytest.fixture
async def h(postgres_server: PostgresServer) -> AsyncIterator[Harness]:
    async with Harness(SERVICE, postgres_server) as harness:
        await harness.send(create_station(), caller=OWNER)
        harness.events.clear()
        yield harness


@pytest.fixture(scope="module")
async def untouched(postgres_server: PostgresServer) -> AsyncIterator[Harness]:
    """One database for all tests that change nothing."""
    async with Harness(SERVICE, postgres_server) as harness:
        await harness.send(create_station(), caller=OWNER)
        harness.events.clear()
        yield harness


async def seen(h: Harness) -> station.StationView:
    return await h.ask(station.GetStation(station_id=STATION))


async def changed(h: Harness, command: Command[Any], caller: Caller = MANAGER) -> Any:
    """The station that is answered, told and read alike."""
    answer = await h.send(command, caller=caller)
    assert h.events == [answer]
    h.events.clear()
    assert await seen(h) == answer.station
    assert answer.version == answer.station.version
    return answer.station


async def refusal(h: Harness, command: Command[Any], caller: Caller = OWNER) -> tuple[int, str]:
    before = await seen(h)
    with pytest.raises(Refused) as refused:
        await h.send(command, caller=caller)
    assert await seen(h) == before
    assert h.events == []
    return refused.value.status, refused.value.code


def change(**details: Any) -> station.ChangeStation:
    return station.ChangeStation(station_id=STATION, **details)


# --- details ------------------------------------------------------------------------------------


async def test_what_is_left_out_stays_as_it_is(h: Harness) -> None:
    before = await seen(h)
    hours = station.Hours(exceptions=(station.OpeningException(day=datetime(2027, 1, 1).date()),))
    after = await changed(h, change(name="  Am Turm ", hours=hours))
    assert after == replace(before, name="Am Turm", hours=hours, version=2)
    rule = station.SlotRule(grid=30, shortest=30, longest=120, buffer=10)
    assert (await changed(h, change(rule=rule, status="listed"))).rule == rule
    assert (await changed(h, change(status="bookable"))).version == 4


async def test_a_change_that_changes_nothing_is_no_news(h: Harness) -> None:
    answer = await h.send(change(name=create_station().name), caller=OWNER)
    assert (answer.version, h.events) == (1, [])


async def test_who_read_an_older_version_is_told(h: Harness) -> None:
    await changed(h, change(version=1, name="Neu"))
    assert await refusal(h, change(version=1, name="Anders")) == (409, "station_changed")
    first = (await seen(h)).chargers[0].charger_id
    for outdated in (
        station.SetTerms(station_id=STATION, terms="strict", version=1),
        station.SetTariff(station_id=STATION, tariff=station.Tariff(currency="EUR"), version=1),
        station.ChangeCharger(station_id=STATION, charger_id=first, label="X", version=1),
    ):
        assert await refusal(h, outdated) == (409, "station_changed")
    assert (await changed(h, station.SetTerms(station_id=STATION, terms="strict", version=2))).terms


@pytest.mark.parametrize(
    "details",
    [
        {"name": " "},
        {"country": "XX"},
        {"zone": "Europe/Atlantis"},
        {"position": station.Position(91.0, 0.0)},
        {"rule": station.SlotRule(grid=7)},
        {"hours": station.Hours(always=False)},
    ],
)
async def test_bad_details_are_refused(untouched: Harness, details: dict[str, Any]) -> None:
    assert await refusal(untouched, change(**details)) == (422, "station_invalid")


@pytest.mark.parametrize(
    ("caller", "told"),
    [
        (ANONYMOUS, (401, "unauthenticated")),
        (SYSTEM, (401, "unauthenticated")),
        (driver(), (403, "not_an_operator")),
        (VIEWER, (403, "not_an_operator")),
        (RIVAL, (404, "station_not_found")),
    ],
)
async def test_only_owners_and_managers_of_its_organisation_may(
    untouched: Harness, caller: Caller, told: tuple[int, str]
) -> None:
    charger_id = (await seen(untouched)).chargers[0].charger_id
    commands: list[Command[Any]] = [
        change(name="Mein"),
        station.RetireStation(station_id=STATION),
        station.AddCharger(
            station_id=STATION, charger_id=ChargerId(uuid4()), charger=charger_input("X")
        ),
        station.ChangeCharger(station_id=STATION, charger_id=charger_id, label="X"),
        station.RetireCharger(station_id=STATION, charger_id=charger_id),
        station.SetTariff(station_id=STATION, tariff=replace(TARIFF, flat=0)),
        station.SetTerms(station_id=STATION, terms="strict"),
        station.SetChargerState(station_id=STATION, charger_id=charger_id, state="BLOCKED"),
    ]
    for command in commands:
        assert await refusal(untouched, command, caller) == told


async def test_a_station_that_is_not_there_is_nobodys(untouched: Harness) -> None:
    nowhere = station.SetTerms(station_id=StationId(uuid4()), terms="strict")
    assert await refusal(untouched, nowhere) == (404, "station_not_found")
    assert await refusal(untouched, nowhere, driver()) == (403, "not_an_operator")


async def test_a_retired_station_stays_readable_and_is_changed_no_more(h: Harness) -> None:
    charger_id = (await seen(h)).chargers[0].charger_id
    retired = await changed(h, station.RetireStation(station_id=STATION))
    assert retired.status == "retired"
    around = station.FindStations(position=create_station().position)
    assert (await h.ask(around)).stations == []
    commands: list[Command[Any]] = [
        station.RetireStation(station_id=STATION),
        change(status="bookable"),
        station.SetTerms(station_id=STATION, terms="strict"),
        station.SetChargerState(station_id=STATION, charger_id=charger_id, state="BLOCKED"),
    ]
    for command in commands:
        assert await refusal(h, command) == (409, "station_retired")


# --- chargers -----------------------------------------------------------------------------------


async def test_chargers_come_change_and_go(h: Harness) -> None:
    new = ChargerId(uuid4())
    wanted = replace(charger_input("B1", CCS), current="DC", accessible=True)
    view = await changed(h, station.AddCharger(station_id=STATION, charger_id=new, charger=wanted))
    assert [charger.label for charger in view.chargers] == ["A1", "A2", "B1"]
    assert (view.chargers[2].charger_id, view.chargers[2].accessible) == (new, True)
    relabel = station.ChangeCharger(
        station_id=STATION, charger_id=new, label="C1", connectors=[TYPE_2, CCS]
    )
    after = (await changed(h, relabel)).chargers[2]
    assert after == replace(view.chargers[2], label="C1", connectors=[TYPE_2, CCS])
    gone = station.RetireCharger(station_id=STATION, charger_id=view.chargers[0].charger_id)
    view = await changed(h, gone)
    assert [charger.label for charger in view.chargers] == ["A2", "C1"]
    again = station.AddCharger(
        station_id=STATION, charger_id=ChargerId(uuid4()), charger=charger_input("A1")
    )
    assert [c.label for c in (await changed(h, again)).chargers] == ["A2", "C1", "A1"]
    standards = await h.fetch_value("select standards from station")
    assert sorted(standards) == ["IEC_62196_T2", "IEC_62196_T2_COMBO"]


async def test_chargers_that_cannot_be_are_refused(h: Harness) -> None:
    first, second = (await seen(h)).chargers

    def add(label: str, charger_id: UUID | None = None, *plugs: Any) -> station.AddCharger:
        wanted = charger_input(label, *plugs)
        number = ChargerId(charger_id or uuid4())
        return station.AddCharger(station_id=STATION, charger_id=number, charger=wanted)

    assert await refusal(h, add("A1")) == (422, "station_invalid")
    assert await refusal(h, add("LONG")) == (422, "station_invalid")
    assert await refusal(h, add("B1", first.charger_id)) == (409, "charger_exists")
    rename = station.ChangeCharger(
        station_id=STATION, charger_id=first.charger_id, label=second.label
    )
    assert await refusal(h, rename) == (422, "station_invalid")
    strange = replace(rename, charger_id=ChargerId(uuid4()))
    assert await refusal(h, strange) == (404, "charger_not_found")
    gone = station.RetireCharger(station_id=STATION, charger_id=first.charger_id)
    await changed(h, gone)
    assert await refusal(h, gone) == (404, "charger_not_found")
    last = replace(gone, charger_id=second.charger_id)
    assert await refusal(h, last) == (409, "last_charger")


async def test_the_law_wants_a_price_per_kwh_from_50_kw_on(h: Harness) -> None:
    weak, strong = (await seen(h)).chargers
    without = replace(TARIFF, per_kwh=None)
    told = (422, "tariff_required")
    assert await refusal(h, station.SetTariff(station_id=STATION, tariff=without)) == told
    own = station.SetTariff(station_id=STATION, charger_id=strong.charger_id, tariff=without)
    assert await refusal(h, own) == told
    await changed(h, replace(own, charger_id=weak.charger_id))
    stronger = station.ChangeCharger(
        station_id=STATION, charger_id=weak.charger_id, connectors=[CCS]
    )
    assert await refusal(h, stronger) == told


async def test_who_changes_a_station_at_once_waits_and_overwrites_nobody(h: Harness) -> None:
    labels = ["B1", "B2", "B3", "B4", "B5"]

    async def add(label: str) -> None:
        charger, number = charger_input(label), ChargerId(uuid4())
        command = station.AddCharger(station_id=STATION, charger_id=number, charger=charger)
        await h.send(command, caller=OWNER)

    await asyncio.gather(*map(add, labels))
    view = await seen(h)
    assert view.version == 6
    assert {charger.label for charger in view.chargers} == {"A1", "A2", *labels}
    assert sorted(event.version for event in h.events) == [2, 3, 4, 5, 6]  # type: ignore[attr-defined]


# --- prices and terms ---------------------------------------------------------------------------


async def test_prices_get_versions_and_a_charger_may_have_its_own(h: Harness) -> None:
    first, second = (await seen(h)).chargers
    dear = replace(TARIFF, per_hour=900, elements=(NIGHTS,))
    view = await changed(h, station.SetTariff(station_id=STATION, tariff=dear))
    assert view.tariff == replace(dear, version=2)
    own = station.SetTariff(
        station_id=STATION, charger_id=first.charger_id, tariff=replace(TARIFF, flat=7)
    )
    view = await changed(h, own)
    assert view.chargers[0].tariff == replace(TARIFF, flat=7, version=3)
    assert view.chargers[1].tariff is None
    await changed(h, replace(own, tariff=None))
    view = await changed(h, replace(own, tariff=replace(TARIFF, flat=8)))
    assert view.chargers[0].tariff == replace(TARIFF, flat=8, version=5)
    view = await changed(h, station.SetTariff(station_id=STATION, tariff=TARIFF))
    assert view.tariff == replace(TARIFF, version=3)
    assert await h.fetch_value("select count(*) from tariff") == 3
    assert await h.fetch_value("select count(*) from charger_tariff") == 2
    assert (second.tariff, view.chargers[0].tariff.flat) == (None, 8)


async def test_a_station_has_one_currency(h: Harness) -> None:
    first, _ = (await seen(h)).chargers
    crowns = replace(TARIFF, currency="SEK")
    own = station.SetTariff(station_id=STATION, charger_id=first.charger_id, tariff=crowns)
    assert await refusal(h, own) == (422, "station_invalid")
    await changed(h, replace(own, tariff=replace(TARIFF, flat=1)))
    whole = station.SetTariff(station_id=STATION, tariff=crowns)
    assert await refusal(h, whole) == (422, "station_invalid")


async def test_a_station_may_begin_with_a_charger_of_its_own_price(h: Harness) -> None:
    other = StationId(uuid4())
    own = replace(charger_input("B1"), tariff=replace(TARIFF, flat=9, version=7))
    command = create_station(station_id=other, chargers=[charger_input("A1"), own])
    view = (await h.send(command, caller=OWNER)).station
    assert view.chargers[1].tariff == replace(TARIFF, flat=9, version=1)
    assert await h.ask(station.GetStation(station_id=other)) == view


async def test_terms_are_presets_and_get_versions(h: Harness) -> None:
    for number, name in enumerate(("strict", "relaxed", "strict"), start=2):
        command = station.SetTerms(station_id=STATION, terms=name)  # type: ignore[arg-type]
        view = await changed(h, command)
        assert (view.terms.name, view.terms.version) == (name, number)


async def test_too_much_for_one_record_is_refused_and_poisons_nothing(untouched: Harness) -> None:
    elements = tuple(replace(NIGHTS, flat=n, per_kwh=40, weekdays=(1, 2, 3)) for n in range(24))
    rich = replace(TARIFF, elements=elements)
    chargers = [replace(charger_input(f"{n:03}"), tariff=rich) for n in range(100)]
    large = create_station(station_id=StationId(uuid4()), chargers=chargers)
    assert await refusal(untouched, large) == (422, "station_invalid")
    assert untouched.dead == []


# --- state --------------------------------------------------------------------------------------


async def test_a_state_has_a_source_an_age_and_a_version_of_its_own(h: Harness) -> None:
    before = (await seen(h)).chargers[1]
    say = station.SetChargerState(
        station_id=STATION, charger_id=before.charger_id, state="OUTOFORDER"
    )
    told = await h.send(say, caller=MANAGER)
    assert h.events == [told]
    assert (told.version, told.charger.state, told.charger.state_source) == (
        1,
        "OUTOFORDER",
        "operator",
    )
    assert told.charger.state_at is not None
    assert datetime.now(UTC) - told.charger.state_at < timedelta(seconds=30)
    view = await seen(h)
    assert (view.version, view.chargers[1]) == (1, told.charger)
    again = await h.send(replace(say, state="AVAILABLE"), caller=MANAGER)
    assert (again.version, (await seen(h)).chargers[1].state) == (2, "AVAILABLE")
    await h.execute("update charger set state_at = state_at - interval '25 hours'")
    assert (await seen(h)).chargers[1].state == "not_known"
    strange = replace(say, charger_id=ChargerId(uuid4()))
    with pytest.raises(Refused) as refused:
        await h.send(strange, caller=MANAGER)
    assert refused.value.code == "charger_not_found"


async def test_a_change_of_the_station_leaves_the_state(h: Harness) -> None:
    before = (await seen(h)).chargers[0]
    say = station.SetChargerState(station_id=STATION, charger_id=before.charger_id, state="BLOCKED")
    told = (await h.send(say, caller=OWNER)).charger
    await h.send(change(name="Neu"), caller=OWNER)
    assert (await seen(h)).chargers[0] == told


# --- the operator's list ------------------------------------------------------------------------


async def test_members_list_their_stations_by_name_page_by_page(h: Harness) -> None:
    for name in ("B", "A", "D", "C"):
        await h.send(create_station(station_id=StationId(uuid4()), name=name), caller=OWNER)
    broken = (await seen(h)).chargers[0].charger_id
    await h.send(
        station.SetChargerState(station_id=STATION, charger_id=broken, state="OUTOFORDER"),
        caller=OWNER,
    )
    await h.send(station.RetireStation(station_id=STATION), caller=OWNER)
    query = station.ListStations(organisation_id=ORGANISATION, limit=2)
    names: list[str] = []
    for _ in range(3):
        page = await h.ask(query, caller=VIEWER)
        names += [line.name for line in page.stations]
        query = replace(query, cursor=page.next_cursor)
    assert names == ["A", "B", "C", "D", create_station().name]
    assert query.cursor is None
    retired = station.ListStations(organisation_id=ORGANISATION, status="retired")
    (line,) = (await h.ask(retired, caller=OWNER)).stations
    assert (line.station_id, line.chargers, line.chargers_broken) == (STATION, 2, 1)
    assert (line.version, line.terms, line.currency) == (2, "usual", "EUR")


async def test_a_list_is_for_members_and_a_cursor_for_its_list(h: Harness) -> None:
    await h.send(create_station(station_id=StationId(uuid4())), caller=OWNER)
    query = station.ListStations(organisation_id=ORGANISATION, limit=1)
    cursor = (await h.ask(query, caller=OWNER)).next_cursor
    for asked, caller, code in (
        (query, ANONYMOUS, "unauthenticated"),
        (query, driver(), "not_an_operator"),
        (query, RIVAL, "organisation_not_found"),
        (replace(query, cursor=cursor, status="bookable"), OWNER, "cursor_invalid"),
        (replace(query, cursor="A" * 40), OWNER, "cursor_invalid"),
    ):
        with pytest.raises(Refused) as refused:
            await h.ask(asked, caller=caller)
        assert refused.value.code == code
