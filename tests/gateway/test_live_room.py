"""There is room for so many live streams, and nobody takes all of it."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

import pytest

from evslot.gateway.live import Live
from evslot.gateway.problems import LiveFull
from evslot.spine.callers import ANONYMOUS, Caller
from tests.gateway.small_live import follow, happen, small_live
from tests.harness import driver

pytestmark = pytest.mark.anyio


def full(live: Live, caller: Caller, **where: Any) -> str | None:
    """Which bound refuses one more stream."""
    try:
        follow(live, caller, **where)
    except LiveFull as refusal:
        return str(refusal.details["limit"])
    return None


async def test_too_many_streams_are_refused() -> None:
    live = small_live(live_clients=1)
    frames = follow(live, driver())
    await anext(frames)
    assert full(live, driver()) == "process"
    await frames.aclose()


async def test_one_account_does_not_hold_every_stream() -> None:
    """Wherever it comes from and whatever it follows."""
    live, ada = small_live(live_clients_account=2), driver()
    own, station = follow(live, ada), follow(live, ada, network="::1", station_ids=[uuid4()])
    for frames in (own, station):
        await anext(frames)
    assert full(live, ada) == full(live, ada, station_ids=[uuid4()]) == "account"
    assert full(live, driver()) is None
    await own.aclose()
    assert full(live, ada) is None
    await station.aclose()


async def test_one_address_without_account_does_not_hold_every_stream() -> None:
    live = small_live(live_clients_address=1, live_clients_account=1)
    here: dict[str, Any] = {"network": "198.51.100.7", "station_ids": [uuid4()]}
    frames = follow(live, ANONYMOUS, **here)
    await anext(frames)
    assert full(live, ANONYMOUS, **here) == "address"
    assert full(live, ANONYMOUS, **here | {"network": "198.51.100.8"}) is None
    assert full(live, driver(), **here) is None  # who is signed in counts for themself
    await frames.aclose()
    assert full(live, ANONYMOUS, **here) is None


async def test_a_stream_makes_room_however_it_ends() -> None:
    live, ada = small_live(live_clients_account=1, live_queue=1), driver()
    assert ada.user_id is not None
    assert ada.session_id is not None

    async def read(frames: AsyncGenerator[bytes]) -> None:
        async for _ in frames:
            began.set()

    for end in ("token", "session", "slow", "cancelled"):
        began = asyncio.Event()
        frames = live.follow(ada, network="", seconds=0.0 if end == "token" else 60.0)
        assert isinstance(frames, AsyncGenerator)
        reader = asyncio.create_task(read(frames))
        await began.wait()
        if end == "session":
            live.session_ended(ada.session_id)
        elif end == "slow":
            happen(live, ada.user_id, 0, 1)
        elif end == "cancelled":
            reader.cancel()
        await asyncio.wait([reader])
        assert (full(live, ada), live.clients) == (None, 0), end


async def test_streams_that_begin_at_the_same_moment_are_bounded_as_well() -> None:
    live, ada = small_live(live_clients_account=1), driver()
    both = [follow(live, ada), follow(live, ada)]
    first, second = [await anext(frames) for frames in both]
    assert b"id: " in first
    assert second == b"retry: 5000\n\n"
    assert [frame async for frame in both[1]] == []
    assert live.clients == 1
    await both[0].aclose()
