"""Reads that many share: one question for all who ask together, and nothing is kept for long."""

import asyncio

import pytest

from evslot.gateway.shared_reads import SharedReads

pytestmark = pytest.mark.anyio


async def test_who_asks_together_shares_one_question() -> None:
    asked = 0

    async def ask() -> int:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return asked

    reads = SharedReads(60.0)
    assert await asyncio.gather(*(reads.get("free", ask) for _ in range(5))) == [1] * 5


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
