"""A full edge says no in the protocol itself: no task, no route, and the connection lives on."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from evslot.embedded.throwaway import PostgresServer
from evslot.gateway import server as serving
from evslot.gateway.admission import Admission
from evslot.gateway.refusing import Refusing
from evslot.gateway.server import MAX_IGNORED_BYTES, HttpServer
from evslot.services.reservation import messages as reservation
from tests.gateway.edge_bench import running_edge

pytestmark = pytest.mark.anyio

BODY = b'{"quote": "x"}'
POST = b"POST /v1/reservations HTTP/1.1\r\nHost: edge\r\nContent-Length: 14\r\n\r\n" + BODY
GET = b"GET /v1/stations HTTP/1.1\r\nHost: edge\r\n\r\n"


class Application:
    """Says what it was asked; only what is not refused comes so far."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(scope["method"])
        while scope["method"] == "POST" and (await receive()).get("more_body"):
            pass
        headers = [(b"content-length", b"4")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"done"})


class Full:
    """A server whose admission has room for one, who is there."""

    def __init__(self) -> None:
        self.application = Application()
        self.admission = Admission(1)
        self.server = HttpServer(
            self.application,
            refuse=Refusing(self.admission),
            host="127.0.0.1",
            port=0,
            connections=50,
            stop_seconds=1,
        )

    async def connect(self) -> "Wire":
        return Wire(*await asyncio.open_connection("127.0.0.1", self.server.port))


class Wire:
    """A connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(5):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in head[1:] if line)
            body = await self.reader.readexactly(int(headers["content-length"]))
        return int(head[0].split()[1]), headers, body

    async def asks(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        self.writer.write(request)
        return await self.answer()


@asynccontextmanager
async def running(full: Full) -> AsyncIterator[Full]:
    full.admission.enter("reservation")
    await full.server.start()
    try:
        yield full
    finally:
        await full.server.stop()


@pytest.fixture
async def full() -> AsyncIterator[Full]:
    async with running(Full()) as full:
        yield full


async def test_a_full_edge_says_no_before_it_asks_who_is_there(full: Full) -> None:
    wire = await full.connect()
    for _ in range(3):  # one connection
        status, headers, body = await wire.asks(POST)
        problem = json.loads(body)
        assert (status, problem["code"], problem["status"]) == (503, "busy", 503)
        assert problem["instance"] == "/v1/reservations"
        assert problem["request_id"] == headers["x-request-id"]
        assert headers["retry-after"] == "1"
        assert headers["content-type"] == "application/problem+json"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "date" in headers
    assert full.application.asked == []


async def test_reads_go_on_and_writes_again_when_there_is_room(full: Full) -> None:
    wire = await full.connect()
    assert (await wire.asks(GET))[0] == 200
    assert (await wire.asks(POST))[0] == 503
    full.admission.leave("reservation")
    assert (await wire.asks(POST))[0] == 200
    assert full.application.asked == ["GET", "POST"]


async def test_answers_keep_the_order_of_what_was_asked_at_once(full: Full) -> None:
    wire = await full.connect()
    wire.writer.write(POST + GET + POST)
    assert [(await wire.answer())[0] for _ in range(2)] == [503, 200]
    # Behind one that is at work it waits its turn, and the application decides.
    assert (await wire.answer())[0] == 200


async def test_who_wants_no_more_is_let_go(full: Full) -> None:
    wire = await full.connect()
    status, headers, _ = await wire.asks(
        POST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    )
    assert (status, headers["connection"]) == (503, "close")
    assert await wire.reader.read() == b""


async def test_who_waits_to_be_asked_for_the_body_is_asked(full: Full) -> None:
    wire = await full.connect()
    head = POST.removesuffix(BODY).replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
    wire.writer.write(head)
    async with asyncio.timeout(5):
        assert (await wire.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
    assert (await wire.asks(BODY))[0] == 200


async def test_a_body_without_an_end_is_hung_up_on(full: Full) -> None:
    wire = await full.connect()
    wire.writer.write(POST.removesuffix(BODY).replace(b": 14", b": 10000000"))
    with pytest.raises(ConnectionError):
        await sends_on(wire)


async def test_who_never_sends_the_rest_of_a_refused_body_is_hung_up_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else a full edge would fill up with those as well."""
    monkeypatch.setattr(serving, "IDLE_SECONDS", 0.3)
    monkeypatch.setattr(serving, "REAP_SECONDS", 0.1)
    async with running(Full()) as full:
        wire = await full.connect()
        wire.writer.write(POST.removesuffix(BODY))
        async with asyncio.timeout(5):
            assert await wire.reader.read() == b""


@pytest.mark.parametrize(
    ("first", "then"),
    [(GET, b"GE"), (GET.replace(b"\r\n\r\n", b"\r\nContent-Length: 14\r\n\r\n"), b"{")],
)
async def test_who_was_answered_and_never_ends_a_request_is_hung_up_on(
    monkeypatch: pytest.MonkeyPatch, first: bytes, then: bytes
) -> None:
    """The head of a second one; the body of one that was answered without it."""
    monkeypatch.setattr(serving, "IDLE_SECONDS", 1)
    monkeypatch.setattr(serving, "REAP_SECONDS", 0.1)
    async with running(Full()) as full:
        wire = await full.connect()
        assert (await wire.asks(first))[0] == 200
        wire.writer.write(then)
        async with asyncio.timeout(5):
            assert await wire.reader.read() == b""


async def test_the_whole_edge_says_no_to_anybody_and_knows_strangers_again_when_there_is_room(
    kafka_bootstrap: str, postgres_server: PostgresServer
) -> None:
    full = {"EVSLOT_GATEWAY_IN_FLIGHT": "1", "EVSLOT_GATEWAY_WAIT_SECONDS": "2"}
    async with running_edge(kafka_bootstrap, postgres_server, **full) as edge:
        asked = asyncio.Event()
        edge.responder.script[reservation.HoldSlot] = lambda *_: asked.set()
        wish = {"quote": f"{uuid4()}.payload.mac"}
        waiting = asyncio.create_task(
            edge.http.post("/v1/reservations", json=wish, headers=edge.headers())
        )
        async with asyncio.timeout(5):
            await asked.wait()
        refused = await edge.http.post("/v1/reservations", json=wish)
        assert (refused.status_code, refused.json()["code"]) == (503, "busy")
        assert int(refused.headers["content-length"]) == len(refused.content)
        assert (await waiting).status_code == 202
        stranger = await edge.http.post("/v1/reservations", json=wish)
        assert stranger.status_code == 401


async def sends_on(wire: Wire) -> None:
    for _ in range(200):
        wire.writer.write(b"x" * MAX_IGNORED_BYTES)
        await wire.writer.drain()
        await asyncio.sleep(0.01)
