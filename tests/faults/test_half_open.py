"""A database connection whose other end is gone without a word is given up in bounded time."""

import asyncio
import os
import time
from collections.abc import AsyncIterator

import pytest

from evslot.embedded.throwaway import PostgresServer
from evslot.spine import db
from tests.databases import fresh_database
from tests.faults.proxied import ProxyProcess
from tests.faults.proxy import Rule
from tests.spine.ledger.service import SERVICE

pytestmark = pytest.mark.anyio

MINE = [os.getpid()]
DETECTED_SECONDS = 15.0
SLACK = 3.0


@pytest.fixture
async def proxy(postgres_server: PostgresServer) -> AsyncIterator[ProxyProcess]:
    running = ProxyProcess(postgres_server.port)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def database(
    postgres_server: PostgresServer, proxy: ProxyProcess
) -> AsyncIterator[db.Database]:
    url = await fresh_database(postgres_server, SERVICE)
    through = url.replace(f":{postgres_server.port}/", f":{proxy.port}/")
    database = db.Database(through, name="half-open", size=4)
    yield database
    await database.stop()


async def test_a_transaction_on_a_half_open_connection_is_trouble_within_fifteen_seconds(
    database: db.Database, proxy: ProxyProcess
) -> None:
    await asyncio.gather(*(database.fetch_value("select pg_sleep(0.1)") for _ in range(4)))
    await proxy.follow("test", [Rule(pids=MINE, half_open=True)])
    started = time.monotonic()
    with pytest.raises(Exception) as trouble:
        async with database.transaction() as connection:
            await connection.fetchval("select 1")
    assert db.is_trouble(trouble.value)
    assert time.monotonic() - started < DETECTED_SECONDS + SLACK


async def test_a_pool_of_dead_connections_is_found_out_by_the_first_of_them(
    database: db.Database, proxy: ProxyProcess
) -> None:
    await asyncio.gather(*(database.fetch_value("select pg_sleep(0.1)") for _ in range(4)))
    await proxy.follow("test", [Rule(pids=MINE, freeze=True)])
    started = time.monotonic()
    for _ in range(6):
        try:
            assert await database.fetch_value("select 1") == 1
        except (TimeoutError, db.Trouble):
            continue
    assert time.monotonic() - started < DETECTED_SECONDS + SLACK


async def test_connecting_that_takes_longer_than_a_question_may_is_done_once(
    database: db.Database, proxy: ProxyProcess
) -> None:
    """Each question gives up; the connection that it began is there for one of the next."""
    await proxy.follow("test", [Rule(pids=MINE, delay_seconds=0.3)])
    answered = []
    for _ in range(6):
        try:
            async with asyncio.timeout(0.8):
                answered.append(await database.fetch_value("select 1"))
        except TimeoutError:
            continue
    assert answered
