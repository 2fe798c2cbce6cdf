"""Searches with wishes: a part of the map, access, hours, prices; what is free now, and next."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
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
    TARIFF,
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
HOUR = timedelta(hours=1)


@pytest.fixture
async def h(postgres_server: PostgresServer) -> AsyncIterator[Harness]:
    async with Harness(SERVICE, postgres_server) as harness:
        yield harness


def window(hour: int = 17, minutes: int = 60) -> Period:
    start = datetime.now(BERLIN).replace(hour=hour, minute=0, second=0, microsecond=0)
    start += timedelta(days=1)
    return Period(start, start + timedelta(minutes=minutes))


async def add(h: Harness, name: str, north: float = 0.0, **changes: Any) -> station.StationView:
    """A station so many metres north of HERE, with one charger."""
    details = {
        "station_id": StationId(uuid5(NAMES, name)),
        "name": name,
        "position": station.Position(HERE.latitude + north * METRE, HERE.longitude),
        "chargers": [charger_input("1")],
        **changes,
    }
    return (await h.send(create_station(**details), caller=OWNER)).station


async def take(
    h: Harness, view: station.StationView, period: Period, charger: int = 0, **changes: Any
) -> None:
    """As if somebody had booked it."""
    taken = a_booking(
        view.chargers[charger].charger_id, period, station_id=view.station_id, **changes
    )
    await h.hear(reservation.ReservationConfirmed(reservation=taken, version=1))


async def search(h: Harness, **wishes: Any) -> list[station.FoundStation]:
    query = replace(station.FindStations(position=HERE), **wishes)
    return (await h.ask(query)).stations


async def names(h: Harness, **wishes: Any) -> list[str]:
    return [found.name for found in await search(h, **wishes)]


# --- where and what -----------------------------------------------------------------------------


async def test_a_box_holds_what_lies_inside_and_nothing_else(h: Harness) -> None:
    for name, north in (("south", -900.0), ("in", 100.0), ("edge", 2000.0), ("north", 2200.0)):
        await add(h, name, north)
    await add(h, "east", position=station.Position(HERE.latitude, HERE.longitude + 0.2))
    box = station.Box(
        south=HERE.latitude, north=HERE.latitude + 2000.5 * METRE, west=13.3, east=13.5
    )
    assert await names(h, box=box) == ["in", "edge"]
    assert await names(h, box=replace(box, east=13.7)) == ["in", "edge", "east"]


async def test_a_box_may_lie_over_the_date_line_or_be_the_whole_world(h: Harness) -> None:
    for name, longitude in (("west of it", 179.9), ("east of it", -179.9), ("elsewhere", 13.4)):
        await add(h, name, position=station.Position(-17.0, longitude))
    narrow = station.Box(south=-18.0, north=-16.0, west=179.0, east=-179.0)
    assert await names(h, box=narrow, position=station.Position(-17.0, 179.95)) == [
        "west of it",
        "east of it",
    ]
    world = station.Box(south=-90.0, north=90.0, west=-180.0, east=180.0)
    assert len(await names(h, box=world)) == 3


async def test_one_charger_must_have_all_that_is_wanted(h: Harness) -> None:
    wide = replace(charger_input("1"), accessible=True)
    fast = replace(charger_input("2", CCS), current="DC")
    both = replace(charger_input("1", CCS), current="DC", accessible=True)
    await add(h, "apart", 1, chargers=[wide, fast])
    await add(h, "together", 2, chargers=[both])
    assert await names(h, accessible=True) == ["apart", "together"]
    assert await names(h, current="DC") == ["apart", "together"]
    assert await names(h, current="AC") == ["apart"]
    assert await names(h, current="DC", accessible=True) == ["together"]
    assert await names(h, connector=TYPE_2.standard, accessible=True) == ["apart"]
    (apart, together) = await search(h, current="DC")
    assert (apart.chargers_total, apart.accessible, apart.max_watts) == (1, False, 150_000)
    assert together.accessible


async def test_open_now_is_judged_by_the_stations_own_clock(h: Harness) -> None:
    now = datetime.now(BERLIN)
    minute = now.hour * 60 + now.minute
    day = station.Opening(weekday=now.isoweekday(), start=0, end=1440)
    other = station.OpeningException(day=now.date())
    await add(h, "open", 1, hours=station.Hours(always=False, weekly=(day,)))
    await add(h, "always", 2)
    await add(h, "closed today", 3, hours=station.Hours(exceptions=(other,)))
    if minute > 2:
        early = replace(day, end=minute - 1)
        await add(h, "was open", 4, hours=station.Hours(always=False, weekly=(early,)))
    assert await names(h, open_now=True) == ["open", "always"]
    told = {found.name: found.open_now for found in await search(h)}
    assert [name for name, is_open in told.items() if is_open] == ["open", "always"]


# --- what is free -------------------------------------------------------------------------------


async def test_only_free_ones_for_the_window(h: Harness) -> None:
    await add(h, "free", 2)
    await take(h, await add(h, "taken", 1), window())
    closed = station.OpeningException(day=window().start.date())
    await add(h, "closed", 3, hours=station.Hours(exceptions=(closed,)))
    assert await names(h, window=window(), free=True) == ["free"]
    assert await names(h, window=window()) == ["taken", "free", "closed"]


async def test_without_a_window_it_is_told_what_is_free_now_and_until_when(h: Harness) -> None:
    now = datetime.now(BERLIN).replace(second=0, microsecond=0)
    await add(h, "all day", 1)
    soon = await add(h, "soon taken", 2)
    await take(h, soon, Period(now + 3 * HOUR, now + 4 * HOUR))
    taken = await add(h, "taken", 3)
    await take(h, taken, Period(now - HOUR, now + HOUR))
    held = await add(h, "lapsed hold", 4)
    await take(
        h, held, Period(now - HOUR, now + HOUR), state="held", held_until=now - timedelta(minutes=1)
    )
    brief = await add(h, "too brief", 5)
    await take(h, brief, Period(now + timedelta(minutes=4), now + HOUR))
    found = {one.name: one for one in await search(h)}
    assert {name: one.chargers_free_now for name, one in found.items()} == {
        **dict.fromkeys(("all day", "soon taken", "lapsed hold"), 1),
        **dict.fromkeys(("taken", "too brief"), 0),
    }
    # The buffer of five minutes has to fit before the next booking.
    assert found["soon taken"].free_until == now + 3 * HOUR - timedelta(minutes=5)
    until = found["all day"].free_until
    assert until is not None
    assert timedelta(hours=23) < until - now <= timedelta(hours=25)
    assert found["taken"].free_until is None
    assert all(one.chargers_free is None for one in found.values())
    assert await names(h, free=True) == ["all day", "soon taken", "lapsed hold"]


async def test_free_now_ends_with_the_opening_hours(h: Harness) -> None:
    now = datetime.now(BERLIN)
    days = tuple(station.Opening(weekday=n, start=0, end=1440) for n in range(1, 8))
    closes = station.OpeningException(day=now.date() + timedelta(days=1))
    hours = station.Hours(always=False, weekly=days, exceptions=(closes,))
    await add(h, "tonight", hours=hours)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    (found,) = await search(h)
    ahead = midnight.astimezone(UTC) - now  # nobody looks further than a day, which may be 25 hours
    if HOUR < ahead < 24 * HOUR:
        assert found.free_until == midnight


async def test_a_charger_known_to_be_in_use_is_not_free_now_but_can_be_booked(h: Harness) -> None:
    view = await add(h, "one")
    said = station.SetChargerState(
        station_id=view.station_id, charger_id=view.chargers[0].charger_id, state="CHARGING"
    )
    await h.send(said, caller=OWNER)
    assert [one.chargers_free_now for one in await search(h)] == [0]
    assert [one.chargers_free for one in await search(h, window=window())] == [1]
    await h.execute("update charger set state_at = state_at - interval '25 hours'")
    assert [one.chargers_free_now for one in await search(h)] == [1]  # nobody knows any more


async def test_where_all_is_taken_the_next_free_slot_is_told(h: Harness) -> None:
    view = await add(h, "two", chargers=[charger_input("1"), charger_input("2")])
    await take(h, view, Period(window(16).start, window(19).end))
    await take(h, view, Period(window(17).start, window(17).end), charger=1)
    (found,) = await search(h, window=window(17))
    assert found.chargers_free == 0
    # The second charger is free at 18:00, and the quarter of an hour begins there.
    assert found.next_free == Period(window(18).start, window(18).end)
    (found,) = await search(h, window=window(20))
    assert (found.chargers_free, found.next_free) == (2, None)


async def test_the_next_free_slot_is_as_long_as_a_slot_may_be_and_when_it_is_open(
    h: Harness,
) -> None:
    days = tuple(station.Opening(weekday=n, start=8 * 60, end=18 * 60) for n in range(1, 8))
    rule = station.SlotRule(grid=30, shortest=60, longest=120)
    hours = station.Hours(always=False, weekly=days)
    await add(h, "by day", hours=hours, rule=rule)
    (found,) = await search(h, window=window(19, minutes=20))
    tomorrow = window(8).start + timedelta(days=1)
    assert found.next_free == Period(tomorrow, tomorrow + HOUR)
    (found,) = await search(h, window=window(19, minutes=180))
    assert found.next_free is None


# --- prices and order ---------------------------------------------------------------------------


async def priced(h: Harness, **per_hour: int) -> None:
    for north, (name, amount) in enumerate(per_hour.items()):
        await add(h, name, north, tariff=replace(TARIFF, flat=0, per_hour=amount))


async def test_by_price_the_cheapest_comes_first_page_by_page(h: Harness) -> None:
    await priced(h, a=300, b=200, c=400, d=200, e=100)
    wish = {"window": window(), "sort": "price"}
    assert await names(h, **wish) == ["e", "b", "d", "a", "c"]
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        query = replace(station.FindStations(position=HERE), limit=2, cursor=cursor, **wish)
        page = await h.ask(query)
        seen += [one.name for one in page.stations]
        cursor = page.next_cursor
        assert page.sorted_by == "price"
        assert all(one.chargers_free == 1 for one in page.stations)
    assert (seen, cursor) == (["e", "b", "d", "a", "c"], None)


async def test_up_to_a_price_counts_what_the_window_costs(h: Harness) -> None:
    await priced(h, a=300, b=200, c=400)
    assert await names(h, window=window(), max_price=300) == ["a", "b"]
    assert await names(h, window=window(minutes=90), max_price=300) == ["b"]


async def test_a_charger_with_prices_of_its_own_counts_too(h: Harness) -> None:
    await priced(h, a=300, b=200)
    view = await add(h, "c", 5, tariff=TARIFF, chargers=[charger_input("1"), charger_input("2")])
    cheap = station.SetTariff(
        station_id=view.station_id,
        charger_id=view.chargers[1].charger_id,
        tariff=replace(TARIFF, flat=0, per_hour=150),
    )
    await h.send(cheap, caller=OWNER)
    assert await names(h, window=window(), sort="price") == ["c", "b", "a"]
    assert await names(h, window=window(), max_price=150) == ["c"]
    # While the cheap one is taken, the price of the other is told.
    await take(h, view, window(), charger=1)
    (found,) = [one for one in await search(h, window=window()) if one.name == "c"]
    assert (found.chargers_free, found.price) == (1, Money(500, "EUR"))


async def test_by_start_the_soonest_free_comes_first(h: Harness) -> None:
    late, sooner = await add(h, "late", 1), await add(h, "sooner", 2)
    await add(h, "at once", 3)
    await take(h, late, Period(window(17).start, window(20).start))
    await take(h, sooner, Period(window(17).start, window(19).start))
    wish = {"window": window(17), "sort": "start"}
    assert await names(h, **wish) == ["at once", "sooner", "late"]
    first = await h.ask(replace(station.FindStations(position=HERE), limit=1, **wish))
    rest = await names(h, limit=5, cursor=first.next_cursor, **wish)
    assert rest == ["sooner", "late"]


async def test_a_page_may_be_short_and_the_cursor_goes_on(h: Harness) -> None:
    for number in range(9):
        await priced(h, **{f"s{number}": 500 if number < 8 else 100})
    await h.execute("update station set latitude = latitude + substr(name, 2)::float8 * $1", METRE)
    found = await names(h, window=window(), max_price=100, limit=1)
    assert found == ["s8"]


@pytest.mark.parametrize(
    ("wishes", "code"),
    [
        ({"sort": "price"}, "search_invalid"),
        ({"sort": "start"}, "search_invalid"),
        ({"max_price": 100}, "search_invalid"),
        ({"max_price": -1, "window": window()}, "search_invalid"),
        ({"box": station.Box(south=53.0, north=52.0, west=1.0, east=2.0)}, "search_invalid"),
        ({"box": station.Box(south=0.0, north=91.0, west=1.0, east=2.0)}, "search_invalid"),
        ({"box": station.Box(south=0.0, north=1.0, west=-181.0, east=2.0)}, "search_invalid"),
    ],
)
async def test_an_impossible_wish_is_refused(h: Harness, wishes: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as refused:
        await search(h, **wishes)
    assert refused.value.code == code
