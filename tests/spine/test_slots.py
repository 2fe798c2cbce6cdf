"""A process keeps its number: through trouble with the database, but never beside another."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from evslot.embedded.throwaway import PostgresServer
from evslot.spine import slots
from evslot.spine.slots import SlotLock, SlotTaken
from tests.harness import Harness

pytestmark = pytest.mark.anyio


@pytest.fixture
async def owner(postgres_server: PostgresServer) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_server.superuser_dsn)
    yield connection
    await connection.close()


@pytest.fixture
async def lock(h: Harness) -> AsyncIterator[SlotLock]:
    """Taken."""
    lock = SlotLock(h.url, "ledger", 3)
    await lock.take()
    yield lock
    await lock.release()


async def lose(h: Harness, owner: asyncpg.Connection, lock: SlotLock) -> None:
    """Its session ends, as in a restart of the server."""
    await owner.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = $1 and application_name = 'ledger slot 3'",
        h.url.rsplit("/", 1)[1],
    )
    async with asyncio.timeout(5.0):
        while not lock._connection.is_closed():  # noqa: ASYNC110 - of the driver
            await asyncio.sleep(0.01)


async def test_a_lost_slot_is_taken_again_once_the_database_lets_us_in(
    h: Harness, owner: asyncpg.Connection, lock: SlotLock
) -> None:
    """A server that has just started may have no connection to spare (53300), or refuse."""
    name = h.url.rsplit("/", 1)[1]
    await owner.execute(f'alter database "{name}" connection limit 0')
    await lose(h, owner, lock)
    assert not await lock.keep()
    await owner.execute(f'alter database "{name}" connection limit -1')
    assert await lock.keep()
    with pytest.raises(SlotTaken):
        await SlotLock(h.url, "ledger", 3).keep()


async def test_a_slot_that_another_process_took_meanwhile_is_lost(
    h: Harness, owner: asyncpg.Connection, lock: SlotLock
) -> None:
    await lose(h, owner, lock)
    other = SlotLock(h.url, "ledger", 3)
    await other.take()
    with pytest.raises(SlotTaken, match="EVSLOT_LEDGER_SLOT"):
        await lock.keep()
    await other.release()


async def test_a_server_that_hangs_is_waited_for_a_moment_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(slots, "KEEP_SECONDS", 0.2)

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with asyncio.timeout(2.0):
        assert not await SlotLock(f"postgresql://x@127.0.0.1:{port}/x", "ledger", 0).keep()
    server.close()


async def test_a_try_without_an_answer_is_not_taken_for_the_slot(
    lock: SlotLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its session may be open, and the lock not ours."""
    monkeypatch.setattr(slots, "KEEP_SECONDS", 0.2)
    monkeypatch.setattr(slots, "TAKE", "select pg_sleep(2)::text = $1::int::text")
    lock._connection.terminate()
    assert not await lock.keep()
    assert lock._connection.is_closed()
    monkeypatch.undo()
    assert await lock.keep()
