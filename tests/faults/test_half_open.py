"""A database connection whose other end is gone without a word is given up in bounded time."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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


@asynccontextmanager
async def dead_pool(server: PostgresServer, rule: Rule) -> AsyncIterator[db.Database]:
    """Four connections that were open, and nobody answers on any more."""
    async with behind(server) as (database, proxy):
        await asyncio.gather(*(database.fetch_value("select pg_sleep(0.1)") for _ in range(4)))
        await proxy.follow("test", [rule])
        yield database


@asynccontextmanager
async def behind(server: PostgresServer) -> AsyncIterator[tuple[db.Database, ProxyProcess]]:
    """A database, reached through a proxy."""
    proxy = ProxyProcess(server.port)
    await proxy.start()
    url = await fresh_database(server, SERVICE)
    through = url.replace(f":{server.port}/", f":{proxy.port}/")
    database = db.Database(through, name="half-open", size=4)
    try:
        yield database, proxy
    finally:
        await database.stop()
        await proxy.stop()


async def test_a_dead_connection_is_given_up_within_fifteen_seconds_and_the_pool_with_it(
    postgres_server: PostgresServer,
) -> None:
    """Both wait for the same time: at once."""
    await asyncio.gather(
        a_transaction_on_a_half_open_connection_is_trouble(postgres_server),
        a_pool_of_dead_connections_is_found_out_by_the_first_of_them(postgres_server),
    )


async def a_transaction_on_a_half_open_connection_is_trouble(server: PostgresServer) -> None:
    async with dead_pool(server, Rule(pids=MINE, half_open=True)) as database:
        started = time.monotonic()
        with pytest.raises(Exception) as trouble:
            async with database.transaction() as connection:
                await connection.fetchval("select 1")
        assert db.is_trouble(trouble.value)
        assert time.monotonic() - started < DETECTED_SECONDS + SLACK


async def a_pool_of_dead_connections_is_found_out_by_the_first_of_them(
    server: PostgresServer,
) -> None:
    async with dead_pool(server, Rule(pids=MINE, freeze=True)) as database:
        started = time.monotonic()
        for _ in range(6):
            try:
                assert await database.fetch_value("select 1") == 1
            except (TimeoutError, db.Trouble):
                continue
        assert time.monotonic() - started < DETECTED_SECONDS + SLACK


async def test_connecting_that_takes_longer_than_a_question_may_is_done_once(
    postgres_server: PostgresServer,
) -> None:
    """Each question gives up; the connection that it began is there for one of the next."""
    async with behind(postgres_server) as (database, proxy):
        await proxy.follow("test", [Rule(pids=MINE, delay_seconds=0.3)])
        answered = []
        for _ in range(6):
            try:
                async with asyncio.timeout(0.8):
                    answered.append(await database.fetch_value("select 1"))
            except TimeoutError:
                continue
        assert answered
