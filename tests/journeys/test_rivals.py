"""Many drivers want the same: one gets it, the others hear so, and nothing overlaps."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest

from evslot.services.station.messages import SignedQuote, StationView
from evslot.values import Period
from tests.journeys.people import Person, Town, pass_by, soon, tomorrow
from tests.journeys.running_system import RunningSystem

pytestmark = pytest.mark.anyio

OVERLAPS = """
select count(*) from reservation one join reservation other
  on one.charger_id = other.charger_id and one.reservation_id < other.reservation_id
 and one.occupied && other.occupied
where one.state in ('held', 'confirmed') and other.state in ('held', 'confirmed')
  and (one.state <> 'held' or one.held_until > now())
  and (other.state <> 'held' or other.held_until > now())"""


async def test_two_hundred_drivers_at_one_gateway_get_one_slot(
    town: Town, station: StationView
) -> None:
    rivals = [town.made_up() for _ in range(200)]
    await race_for_one_slot(rivals, await rivals[0].quote(station, tomorrow()))


async def test_two_hundred_drivers_at_two_gateways_get_one_slot(
    town: Town, operator: Person
) -> None:
    station = await operator.fresh_station()
    rivals = [town.made_up(number) for number in range(200)]
    await race_for_one_slot(rivals, await rivals[0].quote(station, tomorrow()))


async def race_for_one_slot(rivals: Sequence[Person], quote: SignedQuote) -> None:
    said = Counter(await asyncio.gather(*(outcome(rival, quote) for rival in rivals)))
    assert said == {"201": 1, "409 slot_taken": len(rivals) - 1}


async def outcome(rival: Person, quote: SignedQuote) -> str:
    answer = await rival.request("POST", "/v1/reservations", body={"quote": quote.token})
    if answer.status_code == 201:
        return "201"
    return f"{answer.status_code} {answer.json().get('code')}"


async def test_overlapping_wishes_never_overlap_in_the_database(
    town: Town, operator: Person, system: RunningSystem
) -> None:
    await rounds_of_rivals(town, operator, system, rounds=30)


@pytest.mark.prove
async def test_three_hundred_rounds_of_rivals_never_overlap(
    town: Town, operator: Person, system: RunningSystem
) -> None:
    await rounds_of_rivals(town, operator, system, rounds=300)


async def rounds_of_rivals(
    town: Town, operator: Person, system: RunningSystem, rounds: int
) -> None:
    """Twenty at once on one charger of a fresh day, each with another period."""
    dice = random.Random(20)
    said: Counter[str] = Counter()
    station = await operator.fresh_station(chargers=15)
    for number in range(rounds):
        if number and number % 300 == 0:
            station = await operator.fresh_station(chargers=15)
        day, charger = 1 + number % 20, number // 20 % 15
        periods = [unequal_period(dice, day) for _ in range(20)]
        rivals = [town.made_up(each) for each in range(20)]
        quotes = await asyncio.gather(
            *(
                rival.quote(station, period, charger)
                for rival, period in zip(rivals, periods, strict=True)
            )
        )
        outcomes = await asyncio.gather(
            *(outcome(rival, quote) for rival, quote in zip(rivals, quotes, strict=True))
        )
        assert "201" in outcomes
        said.update(outcomes)
    assert set(said) == {"201", "409 slot_taken"}, said
    async with system.database("reservation") as connection:
        held = await connection.fetchval(
            "select count(*) from reservation where station_id = $1", station.station_id
        )
        assert held == said["201"]
        assert await connection.fetchval(OVERLAPS) == 0


def unequal_period(dice: random.Random, day: int) -> Period:
    """Somewhere in four hours of the afternoon, on the grid."""
    start = tomorrow(13, days=day).start + timedelta(minutes=15 * dice.randrange(12))
    return Period(start, start + timedelta(minutes=15 * dice.randint(1, 8)))


async def test_a_lapsed_hold_never_blocks_the_next_driver(town: Town, operator: Person) -> None:
    """Ten chargers, ten holds that lapse together, ten others in that very moment."""
    station = await operator.fresh_station(chargers=10)
    first = [town.made_up(number) for number in range(10)]
    quotes = [await first[0].quote(station, soon(), number) for number in range(10)]
    held = await asyncio.gather(
        *(one.hold(quote) for one, quote in zip(first, quotes, strict=True))
    )
    await pass_by(max(one.held_until for one in held if one.held_until))
    said = await asyncio.gather(
        *(outcome(town.made_up(number), quote) for number, quote in enumerate(quotes))
    )
    assert said == ["201"] * 10
