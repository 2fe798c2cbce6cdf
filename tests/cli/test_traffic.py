"""People who are about leave room for others, and wait where nobody answers."""

import asyncio
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import httpx
import pytest

from evslot.cli.traffic.acts import choose
from evslot.cli.traffic.crowd import be_about
from evslot.cli.traffic.person import Person, Trouble
from evslot.embedded.ports import LOOPBACK, free_port

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MIDDLE = {"lat": 52.52, "lon": 13.405}


def charger(name: str, **free: bool) -> dict[str, Any]:
    """Free or not, at `soon` (in an hour) and `later` (in three)."""
    starts = {"soon": NOW + HOUR, "later": NOW + 3 * HOUR}
    return {
        "charger_id": name,
        "slots": [
            {
                "free": is_free,
                "period": {"start": starts[when].isoformat(), "end": "2026-11-23T20:00:00+00:00"},
            }
            for when, is_free in free.items()
        ],
    }


@pytest.mark.parametrize(
    ("others_free", "taken_at"),
    [(False, NOW + 3 * HOUR), (True, NOW + HOUR)],
    ids=["last of soon", "one of two"],
)
def test_the_last_charger_of_the_next_two_hours_is_left_to_others(
    others_free: bool, taken_at: datetime
) -> None:
    chargers = [charger("a", soon=True, later=True), charger("b", soon=others_free, later=False)]
    for seed in range(20):
        chosen = choose(chargers, NOW, NOW, Random(seed))
        assert chosen is not None
        assert datetime.fromisoformat(chosen["period"]["start"]) == taken_at


def test_where_nothing_can_be_had_nothing_is_chosen() -> None:
    assert choose([charger("a", soon=True, later=False)], NOW, NOW, Random(1)) is None
    assert choose([], NOW, NOW, Random(1)) is None


@pytest.mark.anyio
async def test_nobody_at_the_door_is_trouble_that_people_live_through() -> None:
    address = f"http://{LOOPBACK}:{free_port()}"
    async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
        with pytest.raises(Trouble):
            await Person(client, 400).get("/v1/reservations")
    said: list[str] = []
    about = asyncio.create_task(be_about(address, [400], MIDDLE, said.append, (0.001, 0.002)))
    await asyncio.sleep(0.2)
    assert not about.done()
    about.cancel()
    with pytest.raises(asyncio.CancelledError):
        await about
    assert said == []
