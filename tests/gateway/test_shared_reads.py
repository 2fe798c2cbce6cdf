"""Reads that many share: one question for all who ask together, and nothing is kept for long."""

import asyncio
from uuid import uuid4

import pytest

from evslot.gateway.shared_reads import SharedReads
from evslot.services.station import messages as station

pytestmark = pytest.mark.anyio


async def test_an_answer_is_shared_for_a_moment_and_dropped_when_its_station_changes() -> None:
    reads, asked = SharedReads(seconds=60.0), 0

    async def ask() -> int:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.01)
        return asked

    here, there = uuid4(), uuid4()
    question = station.GetStation(station_id=here)  # type: ignore[arg-type]
    assert await asyncio.gather(*(reads.get(question, ask, here) for _ in range(5))) == [1] * 5
    assert await reads.get(question, ask, here) == 1
    reads.station_changed(there)
    assert await reads.get(question, ask, here) == 1
    reads.station_changed(here)
    assert await reads.get(question, ask, here) == 2

    under_way = asyncio.create_task(reads.get("slots", ask, here))
    await asyncio.sleep(0)
    reads.station_changed(here)
    assert await under_way == 3
    assert await reads.get("slots", ask, here) == 4


async def test_a_failure_is_told_to_all_who_asked_and_not_kept() -> None:
    reads = SharedReads(seconds=60.0)

    async def fail() -> int:
        await asyncio.sleep(0.01)
        raise RuntimeError("away")

    async def work() -> int:
        return 1

    told = await asyncio.gather(*(reads.get("q", fail) for _ in range(3)), return_exceptions=True)
    assert [str(one) for one in told] == ["away"] * 3
    assert await reads.get("q", work) == 1


async def test_shared_answers_are_bounded() -> None:
    reads = SharedReads(seconds=60.0)

    async def ask() -> None:
        return None

    for number in range(2100):
        await reads.get(number, ask, uuid4())
    assert len(reads) == 2000


async def test_what_nobody_will_get_is_not_kept() -> None:
    """Thousands of old answers cost a gateway a fifth of its time: garbage is looked for in all."""

    async def ask() -> str:
        return "two of three"

    reads = SharedReads(0.01)
    for number in range(50):
        await reads.get(number, ask)
    assert len(reads) > 1
    await asyncio.sleep(0.02)
    await reads.get("next", ask)
    assert len(reads) == 1


async def test_a_question_under_way_is_kept_however_long_it_takes() -> None:
    answered = asyncio.Event()

    async def slow() -> str:
        await answered.wait()
        return "at last"

    async def quick() -> str:
        return "now"

    reads = SharedReads(0.01)
    first = asyncio.create_task(reads.get("slow", slow))
    await asyncio.sleep(0.02)
    await reads.get("quick", quick)
    second = asyncio.create_task(reads.get("slow", quick))
    await asyncio.sleep(0)
    answered.set()
    assert {await first, await second} == {"at last"}
