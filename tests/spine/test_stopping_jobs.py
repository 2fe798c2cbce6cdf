"""A graceful stop leases nothing more and waits for the jobs at work, but not for ever."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest

from evslot.embedded.throwaway import PostgresServer
from evslot.spine.jobs import JobRunner
from evslot.spine.message import Secret
from tests.harness import Harness
from tests.spine.ledger.acting import say
from tests.spine.ledger.handlers import jobs
from tests.spine.ledger.messages import CallBell
from tests.spine.ledger.switches import Switches

pytestmark = pytest.mark.anyio

WORKERS = jobs.kinds["Ring"].workers


async def called(h: Harness, times: int) -> None:
    bell = CallBell(account="a", password=Secret("open sesame"))
    await say(h, *[(bell, uuid4()) for _ in range(times)])


async def states(h: Harness) -> dict[str, int]:
    return dict(await h.fetch("select state, count(*)::int from job group by state"))  # type: ignore[arg-type]


@asynccontextmanager
async def running(h: Harness) -> AsyncIterator[tuple[JobRunner, asyncio.Task[None]]]:
    runner = JobRunner(h.wiring, jobs, h.handlers, h.database, h._reply, lambda urgent: None)
    task = asyncio.create_task(runner.run())
    try:
        yield runner, task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until_rung(h: Harness, times: int) -> None:
    async with asyncio.timeout(5.0):
        while len(h.resources.get(Switches).rung) < times:  # noqa: ASYNC110 - of another task
            await asyncio.sleep(0.01)


async def test_nothing_is_leased_behind_the_jobs_at_work(h: Harness) -> None:
    switches = h.resources.get(Switches)
    gate = switches.bell_waits = asyncio.Event()
    await called(h, 5 * WORKERS)
    async with running(h) as (runner, task):
        await until_rung(h, WORKERS)
        draining = asyncio.create_task(runner.drained(2.0))
        await asyncio.sleep(0.05)
        gate.set()
        await draining
        assert not runner._working
        await asyncio.wait([task], timeout=1.0)
        assert task.done(), "it ends by itself"

    assert len(switches.rung) == WORKERS
    assert await states(h) == {"done": WORKERS, "ready": 4 * WORKERS}


async def test_what_a_lease_under_way_still_brings_is_waited_for(
    h: Harness, postgres_server: PostgresServer
) -> None:
    """Given up in the middle it would be done a second time: another mail."""
    other = await asyncpg.connect(postgres_server.superuser_dsn, database=h.url.rsplit("/", 1)[1])
    await called(h, 1)
    await h.execute("update job set run_at = now() + interval '1 h'")
    async with running(h) as (runner, _):
        await asyncio.sleep(0.2)
        async with other.transaction():
            await other.execute("lock table job in share row exclusive mode")
            await other.execute("update job set run_at = now()")
            runner.nudge()
            await asyncio.sleep(0.1)  # the lease waits for the table
            draining = asyncio.create_task(runner.drained(2.0))
            await asyncio.sleep(0.1)
            assert not draining.done()
        await draining
    await other.close()

    assert [attempt for _, attempt in h.resources.get(Switches).rung] == [1]
    assert await states(h) == {"done": 1}


async def test_a_job_that_takes_too_long_is_given_up_before_the_database_closes(
    h: Harness,
) -> None:
    h.resources.get(Switches).bell_waits = asyncio.Event()
    await called(h, 2 * WORKERS)
    async with running(h) as (runner, _):
        await until_rung(h, WORKERS)
        started = time.monotonic()
        await runner.drained(0.2)
        assert time.monotonic() - started < 1.0
        assert not runner._working
        assert not runner._leasing

    assert await states(h) == {"running": WORKERS, "ready": WORKERS}


async def test_who_gives_up_waiting_leaves_no_job_at_work(h: Harness) -> None:
    """The bound of the whole stop may be shorter than that of the jobs."""
    h.resources.get(Switches).bell_waits = asyncio.Event()
    await called(h, 1)
    async with running(h) as (runner, _):
        await until_rung(h, 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await runner.drained(60.0)
        assert not runner._working
