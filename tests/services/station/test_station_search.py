"""Searches find what is near, nearest first, with what is free there for the window."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid5
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace
from tests.harness import Harness, driver
from tests.services.station.supplies import (
    CCS,
    NAMES,
    ORGANISATION,
    TYPE_2,
    a_booking,
    charger_input,
    create_station,
)

from evslot.embedded.throwaway import PostgresServer
from evslot.services.reservation import messages as reservation
from evslot.services.station import messages as station
from evslot.services.station.service import SERVICE
from evslot.spine.message import Refused
from evslot.values import Money, Period, StationId

pytestmark = pytest.mark.anyio

OWNER = driver(organisations={ORGANISATION: "owner"})
BERLIN = ZoneInfo("Europe/Berlin")
HERE = station.Position(52.52, 13.40)
METRE = 1 / 111_195.0797
"""Of latitude, in degrees."""


@pytest.fixture
async def h(postgres_server: PostgresServer) -> AsyncIterator[Harness]:
    async with Harness(SERVICE, postgres_server) as harness:
        yield harness


@pytest.fixture(scope="module")
async def untouched(postgres_server: PostgresServer) -> AsyncIterator[Harness]:
    """One database for all tests that change nothing."""
    async with Harness(SERVICE, postgres_server) as harness:
        yield harness


def window(hour: int = 17, minutes: int = 60) -> Period:
    start = datetime.now(BERLIN).replace(hour=hour, minute=0, second=0, microsecond=0)
    start += timedelta(days=1)
    return Period(start, start + timedelta(minutes=minutes))


def search(**changes: Any) -> station.FindStations:
    return replace(station.FindStations(position=HERE), **changes)


async def add(h: Harness, name: str, north: float = 0.0, **changes: Any) -> station.StationView:
    """A station so many metres north of HERE."""
    position = station.Position(HERE.latitude + north * METRE, HERE.longitude)
    station_id = StationId(uuid5(NAMES, name))
    details = {"station_id": station_id, "name": name, "position": position, **changes}
    return (await h.send(create_station(**details), caller=OWNER)).station


async def names(h: Harness, **changes: Any) -> list[str]:
    return [found.name for found in (await h.ask(search(**changes))).stations]


async def free(h: Harness, wanted: Period, **changes: Any) -> int | None:
    (found,) = (await h.ask(search(window=wanted, **changes))).stations
    return found.chargers_free


async def test_the_nearest_come_first_and_the_radius_is_exact(h: Harness) -> None:
    for name, north in (("far", 2999.0), ("out", 3001.0), ("near", -40.0), ("here", 0.0)):
        await add(h, name, north)
    assert await names(h) == ["here", "near", "far"]
    assert await names(h, radius_metres=39) == ["here"]
    (_, near, far) = (await h.ask(search())).stations
    assert (near.distance_metres, far.distance_metres) == (40, 2999)


@pytest.mark.parametrize(
    ("here", "there", "metres"),
    [
        (station.Position(-17.0, 179.99), station.Position(-17.0, -179.99), 2127),
        (station.Position(89.99, 0.0), station.Position(89.99, 180.0), 2224),
        (station.Position(0.0, -0.01), station.Position(0.0, 0.01), 2224),
    ],
)
async def test_the_globe_has_no_seam(
    h: Harness, here: station.Position, there: station.Position, metres: int
) -> None:
    await add(h, "there", position=there)
    (found,) = (await h.ask(search(position=here))).stations
    assert found.distance_metres == metres


async def test_plug_and_power_must_be_of_one_connector(h: Harness) -> None:
    await add(h, "both", 1, chargers=[charger_input("1", TYPE_2, CCS)])
    await add(h, "slow", 2, chargers=[charger_input("1", TYPE_2)])
    await add(h, "unknown", 3, chargers=[charger_input("1", replace(TYPE_2, max_watts=None))])
    assert await names(h, connector="IEC_62196_T2") == ["both", "slow", "unknown"]
    assert await names(h, connector="IEC_62196_T2_COMBO") == ["both"]
    assert await names(h, min_watts=22_000) == ["both", "slow"]
    assert await names(h, min_watts=50_000) == ["both"]
    assert await names(h, connector="IEC_62196_T2", min_watts=50_000) == []
    assert await names(h, connector="CHADEMO") == []


async def test_a_search_counts_the_chargers_that_fit(h: Harness) -> None:
    chargers = [charger_input("1"), charger_input("2", TYPE_2, CCS), charger_input("3", CCS)]
    await add(h, "mixed", chargers=chargers)
    (found,) = (await h.ask(search(connector="IEC_62196_T2", window=window()))).stations
    assert (found.chargers_total, found.chargers_free) == (2, 2)
    assert found.max_watts == 150_000
    assert found.price == Money(500, "EUR")
    (found,) = (await h.ask(search())).stations
    assert (found.chargers_total, found.chargers_free, found.price) == (3, None, None)


async def test_a_charger_is_free_when_window_and_buffer_are(h: Harness) -> None:
    view = await add(h, "one", chargers=[charger_input("1"), charger_input("2")])
    taken = a_booking(view.chargers[0].charger_id, window(18), station_id=view.station_id)
    await h.hear(reservation.ReservationConfirmed(reservation=taken, version=1))
    assert await free(h, window(18)) == 1
    assert await free(h, window(17)) == 1  # its buffer of 5 minutes does not fit
    assert await free(h, window(16)) == 2
    assert await free(h, window(19)) == 2
    assert await free(h, Period(window(17).start, window(19).start)) == 1


async def test_a_lapsed_hold_takes_nothing(h: Harness) -> None:
    view = await add(h, "one", chargers=[charger_input("1")])
    now = datetime.now(BERLIN)
    for seconds, count in ((600, 0), (-1, 1)):
        hold = a_booking(
            view.chargers[0].charger_id,
            window(),
            station_id=view.station_id,
            state="held",
            held_until=now + timedelta(seconds=seconds),
        )
        await h.execute("delete from busy")
        await h.hear(reservation.SlotHeld(reservation=hold, version=1))
        assert await free(h, window()) == count


async def test_nothing_is_free_where_the_rules_say_no(h: Harness) -> None:
    weekday = window().start.isoweekday()
    hours = station.Hours(
        always=False, weekly=(station.Opening(weekday=weekday, start=480, end=1080),)
    )
    await add(h, "by day", hours=hours, rule=station.SlotRule(longest=120, grid=60, shortest=60))
    assert await free(h, window(17)) == 2
    assert await free(h, window(17, minutes=30)) == 2  # the slot that covers it can be had
    assert await free(h, window(18)) == 0
    assert await free(h, window(9, minutes=180)) == 0
    past = Period(window().start - timedelta(days=3), window().end - timedelta(days=3))
    assert await free(h, past) == 0


async def test_retired_stations_are_not_found_and_listed_ones_if_wanted(h: Harness) -> None:
    for name in ("bookable", "listed", "retired"):
        view = await add(h, name)
        await h.execute(
            "update station set status = $2 where station_id = $1", view.station_id, name
        )
    assert sorted(await names(h)) == ["bookable", "listed"]
    assert await names(h, bookable_only=True) == ["bookable"]
    found = (await h.ask(search(window=window()))).stations
    assert {line.name: line.chargers_free for line in found} == {"bookable": 2, "listed": None}


async def test_pages_hold_every_station_once_even_on_one_spot(h: Harness) -> None:
    for number in range(13):
        await add(h, f"s{number}", 10.0 * (number // 4))
    everything = [found.station_id for found in (await h.ask(search())).stations]
    seen: list[StationId] = []
    cursor: str | None = None
    for size in (3, 5, 1, 4):
        page = await h.ask(search(limit=size, cursor=cursor))
        seen += [found.station_id for found in page.stations]
        cursor = page.next_cursor
        assert cursor is not None or len(seen) == 13
    assert cursor is None
    assert seen == everything


async def test_a_cursor_continues_its_own_search_only(h: Harness) -> None:
    await add(h, "one")
    await add(h, "two", 5)
    cursor = (await h.ask(search(limit=1))).next_cursor
    assert cursor is not None
    flipped = ("B" if cursor[30] == "A" else "A").join((cursor[:30], cursor[31:]))
    tampered = [flipped, cursor[:-1], cursor + "A", cursor + "=", "!" + cursor, "", "x" * 9999, "é"]
    wrong = [search(cursor=text) for text in tampered]
    wrong += [search(cursor=cursor, radius_metres=3001), search(cursor=cursor, window=window())]
    for query in wrong:
        with pytest.raises(Refused) as refused:
            await h.ask(query)
        assert (refused.value.status, refused.value.code) == (422, "cursor_invalid")
    assert [found.name for found in (await h.ask(search(cursor=cursor))).stations] == ["two"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"position": station.Position(91.0, 0.0)}, "search_invalid"),
        ({"position": station.Position(0.0, 1e300)}, "search_invalid"),
        ({"radius_metres": 0}, "search_invalid"),
        ({"radius_metres": 100_001}, "search_invalid"),
        ({"radius_metres": 10**30}, "search_invalid"),
        ({"limit": 0}, "search_invalid"),
        ({"limit": 101}, "search_invalid"),
        ({"connector": "Type 2"}, "search_invalid"),
        ({"min_watts": -1}, "search_invalid"),
        ({"min_watts": 10**12}, "search_invalid"),
        ({"window": Period(window().end, window().start)}, "period_invalid"),
        ({"window": Period(datetime(2030, 1, 1), datetime(2030, 1, 2))}, "period_invalid"),
        ({"window": window(minutes=1441)}, "search_invalid"),
    ],
)
async def test_an_impossible_search_is_refused(
    untouched: Harness, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(Refused) as refused:
        await untouched.ask(search(**changes))
    assert (refused.value.status, refused.value.code) == (422, code)


async def test_absurd_but_possible_windows_are_answered(h: Harness) -> None:
    await add(h, "one")
    for year in (1, 9998):
        start = window().start.replace(year=year, day=1)
        assert await free(h, Period(start, start + timedelta(hours=1))) == 0
    end = datetime.max.replace(tzinfo=ZoneInfo("UTC"))
    assert await free(h, Period(end - timedelta(hours=1), end)) == 0
