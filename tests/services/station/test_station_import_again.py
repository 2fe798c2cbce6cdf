"""What an operator did since the last import stays; what a record says anew wins."""

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

pytestmark = pytest.mark.anyio

OWNER = driver(organisations={ORGANISATION: "manager"})
ADMIN = driver(roles=frozenset({"admin"}))
STATION = station_id_of("openchargemap", "1")
CLAIM = {"bookable_as": ORGANISATION, "tariff": TARIFF}


@pytest.fixture
async def h(postgres_server: PostgresServer) -> AsyncIterator[Harness]:
    async with Harness(SERVICE, postgres_server) as harness:
        await import_(harness, record(1), **CLAIM)
        yield harness


async def import_(h: Harness, told: Any, **more: Any) -> station.ImportReport:
    command = station.ImportStations(import_id=uuid4(), part=0, records=[told], **more)
    return await h.send(command, caller=ADMIN)


async def change(h: Harness, **changes: Any) -> None:
    await h.send(station.ChangeStation(station_id=STATION, **changes), caller=OWNER)


async def seen(h: Harness) -> station.StationView:
    return await h.ask(station.GetStation(station_id=STATION))


@pytest.mark.parametrize("claim", [CLAIM, {}], ids=["claimed again", "told again"])
async def test_the_same_record_undoes_nothing(h: Harness, claim: Any) -> None:
    await change(
        h,
        name="Mein Name",
        how_to_find="Ebene 3",
        address="Hof 2",
        position=station.Position(52.6, 13.4),
        zone="Europe/Vienna",
        hours=station.Hours(always=False, weekly=(station.Opening(weekday=1, start=0, end=60),)),
        rule=station.SlotRule(buffer=10),
    )
    (charger, gone) = (await seen(h)).chargers
    for command in (
        station.RetireCharger(station_id=STATION, charger_id=gone.charger_id),
        station.ChangeCharger(
            station_id=STATION,
            charger_id=charger.charger_id,
            label="A",
            accessible=True,
            connectors=[station.Connector(standard="IEC_62196_T2", max_watts=22_000)],
        ),
        station.SetTariff(station_id=STATION, tariff=replace(TARIFF, per_hour=1)),
        station.SetTerms(station_id=STATION, terms="strict"),
    ):
        await h.send(command, caller=OWNER)
    before = await seen(h)
    report = await import_(h, record(1), **claim)
    assert (report.unchanged, report.notes) == (["1"], {})
    assert await seen(h) == before


async def test_what_the_record_says_anew_wins_and_nothing_else(h: Harness) -> None:
    await change(h, name="Mein Name", how_to_find="Ebene 3")
    report = await import_(h, record(1, address={"Title": "Parkhaus Nord"}), **CLAIM)
    assert report.changed == ["1"]
    after = await seen(h)
    assert (after.name, after.how_to_find) == ("Parkhaus Nord", "Ebene 3")


async def test_a_charger_retired_for_good_does_not_come_back_with_a_longer_record(
    h: Harness,
) -> None:
    """One that a record once left out does."""
    first, second = (await seen(h)).chargers
    await h.send(
        station.RetireCharger(station_id=STATION, charger_id=second.charger_id), caller=OWNER
    )
    for points, there in ((1, 1), (3, 2), (1, 1), (3, 2)):
        await import_(h, record(1, points=points), **CLAIM)
        chargers = (await seen(h)).chargers
        assert len(chargers) == there
        assert chargers[0].charger_id == first.charger_id
        assert second.charger_id not in {charger.charger_id for charger in chargers}


async def test_a_record_of_nothing_but_retired_chargers_is_skipped(h: Harness) -> None:
    first, second = (await seen(h)).chargers
    await h.send(
        station.RetireCharger(station_id=STATION, charger_id=first.charger_id), caller=OWNER
    )
    report = await import_(h, record(1, points=1), **CLAIM)
    assert report.skipped == {"1": "its operator has retired all chargers"}
    assert [charger.charger_id for charger in (await seen(h)).chargers] == [second.charger_id]


@pytest.mark.parametrize(
    "bad", [{"status": 100}, {"UsageTypeID": 2}], ids=["not in operation", "private"]
)
async def test_what_a_record_took_from_the_market_its_next_one_brings_back(
    h: Harness, bad: dict[str, Any]
) -> None:
    for claim in ({}, CLAIM):
        for told, status in ((record(1, **bad), "listed"), (record(1), "bookable")):
            for _ in range(2):
                await import_(h, told, **claim)
                assert (await seen(h)).status == status


async def test_what_its_operator_took_from_the_market_stays_so(h: Harness) -> None:
    await change(h, status="listed")
    for told in (record(1), record(1, status=100), record(1)):
        await import_(h, told, **CLAIM)
        assert (await seen(h)).status == "listed"
    await import_(h, record(1), **{**CLAIM, "tariff": replace(TARIFF, per_hour=9)})
    assert (await seen(h)).status == "bookable"


async def test_an_operator_who_knows_better_than_the_record_is_believed(h: Harness) -> None:
    await import_(h, record(1, UsageTypeID=2), **CLAIM)
    await change(h, status="bookable")
    await import_(h, record(1, UsageTypeID=2), **CLAIM)
    assert (await seen(h)).status == "bookable"
    await import_(h, record(1, status=100), **CLAIM)
    assert (await seen(h)).status == "listed"


async def test_a_station_that_its_operator_retired_stays_retired(h: Harness) -> None:
    await h.send(station.RetireStation(station_id=STATION), caller=OWNER)
    for told in (record(1), record(1, status=200), record(1)):
        await import_(h, told, **CLAIM)
        assert (await seen(h)).status == "retired"


async def test_a_station_that_a_record_retired_comes_back_with_a_claim(h: Harness) -> None:
    await import_(h, record(1, status=200), **CLAIM)
    await import_(h, record(1))
    assert (await seen(h)).status == "retired"
    await import_(h, record(1), **CLAIM)
    assert (await seen(h)).status == "bookable"


async def test_an_import_of_before_this_was_kept_is_remembered_from_the_next_on(h: Harness) -> None:
    await h.execute("update station set last_import = null")
    await import_(h, record(1), **CLAIM)
    await change(h, name="Mein Name")
    report = await import_(h, record(1), **CLAIM)
    assert report.unchanged == ["1"]
    assert (await seen(h)).name == "Mein Name"


async def test_faster_plugs_bring_no_unpriced_kilowatt_hours_on_the_market(h: Harness) -> None:
    """And once they are priced the next import puts them there."""
    without = replace(TARIFF, per_kwh=None)
    await h.send(station.SetTariff(station_id=STATION, tariff=without), caller=OWNER)
    fast = record(1, connection(33, 150, 2))
    report = await import_(h, fast)
    assert (await seen(h)).status == "listed"
    assert "50 kW" in report.notes["1"][0]
    await h.send(station.SetTariff(station_id=STATION, tariff=TARIFF), caller=OWNER)
    await import_(h, fast)
    assert (await seen(h)).status == "bookable"
