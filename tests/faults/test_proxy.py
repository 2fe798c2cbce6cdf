"""The proxy of the faults does to connections what its rules say, and to nobody else's."""

import asyncio
import os
import time
from collections.abc import AsyncIterator

import pytest

from tests.faults.proxied import ProxyProcess
from tests.faults.proxy import COMMIT, Rule

pytestmark = pytest.mark.anyio

MINE = [os.getpid()]
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Echo:
    """A server that sends back what it gets, and remembers it."""

    def __init__(self) -> None:
        self.got = b""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(1000):
                self.got += piece
                writer.write(piece)
        except ConnectionError:
            self.got += b"<reset>"
        finally:
            writer.close()


@pytest.fixture
async def echo() -> Echo:
    return Echo()


@pytest.fixture
async def proxy(echo: Echo) -> AsyncIterator[ProxyProcess]:
    server = await asyncio.start_server(echo.answer, "127.0.0.1", 0)
    running = ProxyProcess(server.sockets[0].getsockname()[1])
    await running.start()
    yield running
    await running.stop()
    server.close()


async def connected(proxy: ProxyProcess) -> Ends:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    assert await said(reader, writer, b"hello") == b"hello"
    return reader, writer


async def said(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, what: bytes) -> bytes:
    writer.write(what)
    return await asyncio.wait_for(reader.readexactly(len(what)), 10.0)


async def silent(reader: asyncio.StreamReader, seconds: float = 0.4) -> bool:
    try:
        await asyncio.wait_for(reader.read(1), seconds)
    except TimeoutError:
        return True
    return False


async def test_a_rule_concerns_the_processes_that_it_names(proxy: ProxyProcess) -> None:
    await proxy.follow("a", [Rule(pids=[1], refuse=True, reset=True)])
    reader, writer = await connected(proxy)
    await proxy.follow("b", [Rule(pids=MINE, reset=True)])
    with pytest.raises(ConnectionResetError):
        await said(reader, writer, b"again")


async def test_what_the_server_says_can_be_late(proxy: ProxyProcess) -> None:
    reader, writer = await connected(proxy)
    await proxy.follow("a", [Rule(pids=MINE, delay_seconds=0.3)])
    started = time.monotonic()
    assert await said(reader, writer, b"slow") == b"slow"
    assert time.monotonic() - started >= 0.3


async def test_one_way_is_held_back_and_arrives_when_the_fault_ends(
    proxy: ProxyProcess, echo: Echo
) -> None:
    reader, writer = await connected(proxy)
    await proxy.follow("a", [Rule(pids=MINE, hold="to_client")])
    writer.write(b" deaf")
    assert await silent(reader)
    assert echo.got == b"hello deaf"
    await proxy.follow("a", [Rule(pids=MINE, hold="to_server")])
    writer.write(b" mute")
    assert await asyncio.wait_for(reader.readexactly(5), 10.0) == b" deaf"
    assert await silent(reader)
    assert echo.got == b"hello deaf"
    await proxy.follow("a")
    assert await asyncio.wait_for(reader.readexactly(5), 10.0) == b" mute"


async def test_a_half_open_connection_shows_no_end_until_it_is_used_afterwards(
    proxy: ProxyProcess, echo: Echo
) -> None:
    reader, writer = await connected(proxy)
    await proxy.follow("a", [Rule(pids=MINE, half_open=True)])
    writer.write(b" lost")
    assert await silent(reader)
    await proxy.follow("a")
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.readexactly(1), 10.0)
    assert echo.got.startswith(b"hello")
    assert b"lost" not in echo.got


async def test_a_commit_is_answered_by_a_reset_whether_it_was_done_or_not(
    proxy: ProxyProcess, echo: Echo
) -> None:
    ends = [await connected(proxy) for _ in range(3)]
    await proxy.follow("a", [Rule(pids=MINE, commits=2)])
    for reader, writer in ends[:2]:
        with pytest.raises(ConnectionResetError):
            await said(reader, writer, COMMIT)
    assert await said(*ends[2], COMMIT) == COMMIT
    assert proxy.told["commit_lost"] == proxy.told["commit_withheld"] == 1
    assert echo.got.count(COMMIT) == 2
