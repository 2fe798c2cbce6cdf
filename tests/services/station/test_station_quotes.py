"""Quotes on a real database: of a charger, of a kind, from now on; one price everywhere."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace
from tests.harness import Harness, driver
from tests.services.station.slow_clock import CHANGE_DAYS, amounts
from tests.services.station.supplies import (
    CCS,
    ORGANISATION,
    STATION,
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
from evslot.values import ChargerId, Period, StationId

pytestmark = pytest.mark.anyio

OWNER = driver(organisations={ORGANISATION: "owner"})
HOUR = timedelta(hours=1)
CURRENCIES = {
    "Europe/Berlin": "EUR",
    "Europe/Helsinki": "EUR",
    "Asia/Kolkata": "INR",
    "America/New_York": "USD",
}


@pytest.fixture
async def h(postgres_server: PostgresServer) -> AsyncIterator[Harness]:
    async with Harness(SERVICE, postgres_server) as harness:
        yield harness


def tomorrow(hour: int, minutes: int = 60) -> Period:
    start = datetime.now(ZoneInfo("Europe/Berlin")).replace(
        hour=hour, minute=0, second=0, microsecond=0
    )
    start = (start + timedelta(days=1)).astimezone(UTC)
    return Period(start, start + timedelta(minutes=minutes))


async def quote(h: Harness, period: Period, **wish: Any) -> station.Quote:
    query = station.GetQuote(station_id=wish.pop("at", STATION), period=period, **wish)
    return (await h.ask(query)).quote


async def refusal(h: Harness, period: Period, **wish: Any) -> str:
    with pytest.raises(Refused) as refused:
        await quote(h, period, **wish)
    return refused.value.code


async def booked(h: Harness, charger_id: ChargerId, period: Period) -> None:
    booking = a_booking(charger_id, period)
    await h.hear(reservation.ReservationConfirmed(reservation=booking, version=1))


# --- of a kind ----------------------------------------------------------------------------------


async def test_a_kind_is_quoted_at_the_weakest_that_fits_and_is_free(h: Harness) -> None:
    strong = replace(TYPE_2, max_watts=43_000)
    chargers = [
        charger_input("S1", strong),
        charger_input("A1"),
        charger_input("A2"),
        charger_input("D1", CCS),
    ]
    view = (await h.send(create_station(chargers=chargers), caller=OWNER)).station
    s1, a1, a2, d1 = (charger.charger_id for charger in view.chargers)
    kind = {"connector": "IEC_62196_T2", "min_watts": 22_000}
    first = await quote(h, tomorrow(17), **kind)
    assert [one.charger_id for one in first.candidates] == [a1, a2, s1]
    assert (first.charger_id, first.charger_label) == (a1, "A1")
    assert (first.connector, first.min_watts, first.now) == ("IEC_62196_T2", 22_000, False)
    await booked(h, a1, tomorrow(17))
    second = await quote(h, tomorrow(17), **kind)
    assert [one.charger_id for one in second.candidates] == [a2, s1, a1]
    assert [
        one.charger_id for one in (await quote(h, tomorrow(17), min_watts=50_000)).candidates
    ] == [d1]
    everything = await quote(h, tomorrow(17))
    assert len(everything.candidates) == 4
    assert (everything.connector, everything.min_watts) == (None, None)
    assert await refusal(h, tomorrow(17), connector="CHADEMO") == "charger_not_found"


async def test_all_candidates_cost_the_same_and_the_cheap_come_first(h: Harness) -> None:
    dear = replace(charger_input("A1"), tariff=replace(TARIFF, per_hour=900))
    chargers = [dear, charger_input("A2"), charger_input("A3")]
    view = (await h.send(create_station(chargers=chargers), caller=OWNER)).station
    a1, a2, a3 = (charger.charger_id for charger in view.chargers)
    cheap = await quote(h, tomorrow(17), connector="IEC_62196_T2")
    assert [one.charger_id for one in cheap.candidates] == [a2, a3]
    assert cheap.total.amount == 500
    await booked(h, a2, tomorrow(17))
    await booked(h, a3, tomorrow(17))
    left = await quote(h, tomorrow(17), connector="IEC_62196_T2")
    assert ([one.charger_id for one in left.candidates], left.total.amount) == ([a1], 1000)
    named = await quote(h, tomorrow(17), charger_id=a1)
    assert (named.candidates, named.lines) == ((), left.lines)


async def test_a_quote_of_many_chargers_still_makes_a_short_token(h: Harness) -> None:
    chargers = [charger_input(f"{number:03}") for number in range(200)]
    await h.send(create_station(chargers=chargers), caller=OWNER)
    signed = await h.ask(station.GetQuote(station_id=STATION, period=tomorrow(17)))
    assert len(signed.quote.candidates) == 20
    assert len(signed.token) < 8_000


# --- from now on --------------------------------------------------------------------------------


def grid_ahead(minutes: int) -> datetime:
    """A quarter of an hour on the wall, about so far ahead."""
    now = datetime.now(UTC) + timedelta(minutes=minutes)
    return now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)


async def test_now_begins_this_minute_and_is_worth_five(h: Harness) -> None:
    rule = station.SlotRule(latest_notice=120, buffer=5)
    view = (await h.send(create_station(rule=rule), caller=OWNER)).station
    charger_id = view.chargers[0].charger_id
    end = grid_ahead(75)
    before = datetime.now(UTC)
    found = await quote(h, Period(end, end), charger_id=charger_id, now=True)
    after = datetime.now(UTC)
    start = found.period.start
    assert before - timedelta(minutes=1) < start <= after
    assert (start.second, start.microsecond) == (0, 0)
    assert found.period.end == end
    assert found.occupied == Period(start, end + timedelta(minutes=5))
    assert found.now
    assert before <= found.valid_until - timedelta(minutes=5) <= after
    assert [line.amount for line in found.lines] == amounts(TARIFF, found.period, view.zone)
    kind = await quote(h, Period(end, end), now=True, min_watts=100_000)
    assert [one.charger_label for one in kind.candidates] == ["A2"]


async def test_now_has_an_end_on_the_grid_within_the_lengths(h: Harness) -> None:
    rule = station.SlotRule(grid=15, shortest=60, longest=75)
    await h.send(create_station(rule=rule), caller=OWNER)

    async def told(end: datetime) -> str:
        return await refusal(h, Period(end, end), now=True)

    fitting = grid_ahead(75)
    found = await quote(h, Period(fitting, fitting), now=True)
    assert timedelta(minutes=45) < found.period.length <= timedelta(minutes=75)
    assert await told(fitting + timedelta(minutes=30)) == "slot_length_invalid"
    assert await told(fitting - timedelta(minutes=1)) == "slot_off_grid"
    assert await told(fitting - timedelta(minutes=30)) == "slot_length_invalid"
    assert await told(datetime.now(UTC) - HOUR) == "period_invalid"
    assert await told(datetime(2199, 1, 1, tzinfo=UTC)) == "slot_length_invalid"
    assert await told(datetime(2030, 1, 1)) == "period_invalid"


async def test_now_needs_an_open_station(h: Harness) -> None:
    today = datetime.now(ZoneInfo("Europe/Berlin")).date()
    days = (today, today - timedelta(days=1), today + timedelta(days=1))
    closed = tuple(station.OpeningException(day=day) for day in days)
    await h.send(create_station(hours=station.Hours(exceptions=closed)), caller=OWNER)
    assert await refusal(h, Period(grid_ahead(60), grid_ahead(60)), now=True) == "station_closed"


# --- one price everywhere -----------------------------------------------------------------------


def a_tariff(chance: Random, currency: str) -> station.Tariff:
    elements = []
    for _ in range(chance.randrange(4)):
        start, end = chance.sample(range(0, 1440, 30), 2)
        elements.append(
            station.TariffElement(
                weekdays=tuple(sorted(chance.sample(range(1, 8), chance.randrange(6)))),
                start=start,
                end=end,
                min_minutes=chance.choice([None, None, 30]),
                per_hour=chance.randrange(1000),
                flat=chance.choice([None, 50]),
            )
        )
    return station.Tariff(
        currency=currency,
        flat=chance.choice([0, 100]),
        per_hour=chance.randrange(1, 1000),
        per_kwh=49,
        vat_basis_points=chance.choice([0, 700, 1900, 2550]),
        elements=tuple(elements),
    )


async def made_up_stations(h: Harness, chance: Random) -> list[station.StationView]:
    made = []
    for number in range(20):
        zone = list(CHANGE_DAYS)[number % 4]
        own = a_tariff(chance, CURRENCIES[zone]) if number % 3 == 0 else None
        chargers = [charger_input("A1"), replace(charger_input("A2"), tariff=own)]
        command = create_station(
            station_id=StationId(uuid4()),
            zone=zone,
            position=station.Position(10.0 + number, 20.0),
            chargers=chargers,
            tariff=a_tariff(chance, CURRENCIES[zone]),
            rule=station.SlotRule(earliest_notice_days=365, buffer=number % 3 * 5),
        )
        made.append((await h.send(command, caller=OWNER)).station)
    return made


async def test_search_slot_and_quote_say_one_price_for_500_random_slots(h: Harness) -> None:
    chance = Random(4)
    views = await made_up_stations(h, chance)
    today = datetime.now(UTC).date()
    for number in range(50):
        view = views[number % len(views)]
        ahead = [day for days in CHANGE_DAYS.values() for day in days if today < day]
        far = today + timedelta(days=chance.randrange(2, 300))
        day = chance.choice([*ahead, far, far])
        minutes = chance.choice([15, 45, 60, 75, 120, 240])
        query = station.GetSlots(station_id=view.station_id, day=day, minutes=minutes)
        chargers = (await h.ask(query)).chargers
        # Five starts at two chargers each: 500 slots in all.
        for place in chance.sample(range(len(chargers[0].slots)), 5):
            await one_price(h, view, [charger.slots[place] for charger in chargers])


async def one_price(h: Harness, view: station.StationView, slots: list[station.Slot]) -> None:
    """The same slot at both chargers."""
    period = slots[0].period
    for charger, slot in zip(view.chargers, slots, strict=True):
        told = await quote(h, period, at=view.station_id, charger_id=charger.charger_id)
        tariff = charger.tariff or view.tariff
        assert tariff is not None
        assert slot.price == told.total
        assert [line.amount for line in told.lines] == amounts(tariff, period, view.zone)
        assert {line.vat_basis_points for line in told.lines} <= {tariff.vat_basis_points}
    search = station.FindStations(position=view.position, radius_metres=10, window=period)
    (found,) = (await h.ask(search)).stations
    prices = [slot.price for slot in slots if slot.price]
    assert found.price == min(prices, key=lambda price: price.amount)
