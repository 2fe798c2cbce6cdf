"""When Kafka or the database is away, or too much comes: honest answers in time, nothing lost."""

import asyncio
import socket
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from msgspec.structs import replace

from evslot.embedded.throwaway import PostgresServer
from evslot.gateway.app import Gateway
from evslot.gateway.application import Parts, create_app
from evslot.gateway.auth import REMEMBERED_SECONDS, Door, EndedSessions
from evslot.gateway.backend import Backend
from evslot.gateway.history import History
from evslot.gateway.live import Live
from evslot.gateway.operations import CLEANED_AT_ONCE, KEPT, Operation, Operations
from evslot.gateway.settings import GatewaySettings
from evslot.gateway.shared_reads import SharedReads
from evslot.services.reservation import messages as reservation
from evslot.spine.callers import AccessTokens
from evslot.spine.config import Config
from evslot.spine.db import Database
from evslot.spine.kafka import Producer, ReplyInbox
from evslot.spine.telemetry import PortTaken
from evslot.spine.topics import Topics
from tests.gateway.edge_bench import Edge, database, environment, rows, running_edge
from tests.gateway.made_up import booking
from tests.harness import driver, keys_of

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def silent_port() -> AsyncIterator[int]:
    """A broker that hangs: it takes connections and never says a word."""

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def edge_without_kafka(
    url: str, settings: GatewaySettings
) -> AsyncIterator[tuple[httpx.AsyncClient, dict[str, str]]]:
    """The application over a broker that hangs, and somebody's headers."""
    async with silent_port() as port:
        store = Database(url, name="gateway", size=2)
        operations = Operations(store)
        producer = Producer(f"127.0.0.1:{port}", delivery_seconds=settings.ack_seconds)
        replies = ReplyInbox(f"127.0.0.1:{port}", "gateway-replies", partition=0)
        await producer.start()
        keys = keys_of("gateway")
        tokens = AccessTokens(keys_of("user"))
        backend = Backend(producer, replies, keys, Topics(), operations, settings)
        parts = Parts(
            door=Door(AccessTokens(keys), EndedSessions()),
            backend=backend,
            shared=SharedReads(0.1),
            live=Live(settings),
            history=History(store, keys),
        )
        somebody = driver()
        assert somebody.user_id is not None
        assert somebody.session_id is not None
        token = tokens.mint(
            somebody.user_id, somebody.session_id, somebody.roles, {}, datetime.now(UTC), 600
        )
        transport = httpx.ASGITransport(app=create_app(parts, settings))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://edge") as http:
            yield http, {"Authorization": f"Bearer {token}"}
        await producer.stop()
        await store.stop()


async def test_a_hung_broker_is_answered_503_within_two_seconds_and_remembered(
    postgres_server: PostgresServer,
) -> None:
    url = await database(postgres_server)
    async with edge_without_kafka(url, GatewaySettings()) as (http, headers):
        path = f"/v1/reservations/{booking().reservation_id}/cancellation"
        started = time.monotonic()
        answered = await http.post(path, headers=headers)
        assert time.monotonic() - started < 2.0
        assert (answered.status_code, answered.json()["code"]) == (503, "outcome_unknown")
        assert answered.headers["retry-after"] == "1"
        operation_id = UUID(answered.json()["operation_id"])
        assert answered.headers["location"] == f"/v1/operations/{operation_id}"
        (row,) = await rows(url, "select * from operation where id = $1", operation_id)
        assert row["type"] == "reservation.CancelReservation"
        asked = await http.get(f"/v1/stations/{uuid4()}")
        assert (asked.status_code, asked.json()["code"]) == (503, "unavailable")


async def test_too_much_in_flight_is_refused_at_once(postgres_server: PostgresServer) -> None:
    url = await database(postgres_server)
    settings = GatewaySettings(in_flight=2, ack_seconds=0.5)
    async with edge_without_kafka(url, settings) as (http, headers):
        path = f"/v1/reservations/{booking().reservation_id}/cancellation"
        answered = await asyncio.gather(*(http.post(path, headers=headers) for _ in range(5)))
        codes = sorted(one.json()["code"] for one in answered)
        assert codes == ["busy"] * 3 + ["outcome_unknown"] * 2
        again = await http.post(path, headers=headers)
        assert again.json()["code"] == "outcome_unknown"


async def test_operations_are_kept_in_memory_while_the_database_is_away(
    postgres_server: PostgresServer,
) -> None:
    url = await database(postgres_server)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    away = Database(url.replace(f":{postgres_server.port}/", f":{port}/"), name="gateway")
    operations = Operations(away)
    operation = Operation(
        operation_id=uuid4(),
        service="reservation",
        type="reservation.HoldSlot",
        caller=None,
        accepted_at=datetime.now(UTC),
    )
    started = time.monotonic()
    await operations.record(operation)
    assert time.monotonic() - started < 0.5
    assert same(await operations.find(operation.operation_id), operation)
    await operations.start()
    async with forwarding(port, postgres_server.port):
        for _ in range(100):
            if operations.unwritten == 0:
                break
            await asyncio.sleep(0.1)
        assert same(await operations.find(operation.operation_id), operation)
        assert operations.unwritten == 0
        await operations.stop()
        await away.stop()


async def test_what_cannot_be_remembered_does_not_end_the_remembering(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evslot.gateway.operations.RETRY_SECONDS", 0.05)
    url = await database(postgres_server)
    store = Database(url, name="gateway")
    operations = Operations(store)
    good, bad = (
        Operation(
            operation_id=uuid4(),
            service="user",
            type=name,
            caller=None,
            accepted_at=datetime.now(UTC),
        )
        for name in ("user.EndSession", "no\0text")
    )
    operations._unwritten = OrderedDict((one.operation_id, one) for one in (good, bad))
    await operations.start()
    await asyncio.sleep(0.3)
    assert (operations.unwritten, operations.is_tended) == (2, True)
    del operations._unwritten[bad.operation_id]
    for _ in range(60):
        if operations.unwritten == 0:
            break
        await asyncio.sleep(0.05)
    assert same(await operations.find(good.operation_id), good)
    await operations.stop()
    assert operations.unwritten == 0
    await store.stop()


async def test_an_operation_is_kept_while_the_server_only_reads(
    postgres_server: PostgresServer,
) -> None:
    demoted = Database(await database(postgres_server), name="gateway", read_only=True)
    operations = Operations(demoted)
    await operations.record(
        Operation(
            operation_id=uuid4(),
            service="user",
            type="user.EndSession",
            caller=None,
            accepted_at=datetime.now(UTC),
        )
    )
    assert operations.unwritten == 1
    assert not await operations._clean()
    await demoted.stop()


@pytest.mark.parametrize("part", ["_history", "_operations"])
async def test_a_gateway_that_writes_no_more_says_that_a_restart_helps(
    edge: Edge, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    assert edge.gateway._is_live()
    ended = asyncio.create_task(asyncio.sleep(0))
    await asyncio.wait([ended])
    monkeypatch.setattr(getattr(edge.gateway, part), "_task", ended)
    assert not edge.gateway._is_live()


def same(found: Operation | None, operation: Operation) -> bool:
    """But for the clocks: of the process, and of the database."""
    assert found is not None
    moment = timedelta(seconds=2)
    assert abs(datetime.now(UTC) - operation.accepted_at - found.age) < moment
    assert abs(found.accepted_at - operation.accepted_at) < moment
    return replace(found, accepted_at=operation.accepted_at, age=operation.age) == operation


@asynccontextmanager
async def forwarding(port: int, to: int) -> AsyncIterator[None]:
    """The database comes back: connections to `port` reach it."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", to)
        await asyncio.gather(copy(reader, there_writer), copy(there_reader, writer))

    server = await asyncio.start_server(connect, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()


async def test_old_operations_are_thrown_away(postgres_server: PostgresServer) -> None:
    url = await database(postgres_server)
    store = Database(url, name="gateway")
    operations = Operations(store)
    old, new = (
        Operation(
            operation_id=uuid4(),
            service="user",
            type="user.EndSession",
            caller=None,
            accepted_at=datetime.now(UTC) - timedelta(days=days),
        )
        for days in (8, 1)
    )
    await operations.record(old)
    await operations.record(new)
    await operations.start()
    for _ in range(100):
        if await operations.find(old.operation_id) is None:
            break
        await asyncio.sleep(0.05)
    assert await operations.find(old.operation_id) is None
    assert same(await operations.find(new.operation_id), new)
    await operations.stop()
    await store.stop()


async def test_old_operations_are_thrown_away_faster_than_they_come(
    postgres_server: PostgresServer,
) -> None:
    """An hour of trouble accepts far more than one turn of cleaning deletes."""
    url = await database(postgres_server)
    await rows(
        url,
        """insert into operation (id, service, type, accepted_at)
           select gen_random_uuid(), 'user', 'user.EndSession', now() - interval '8 days'
           from generate_series(1, $1)""",
        2 * CLEANED_AT_ONCE + 1,
    )
    store = Database(url, name="gateway")
    operations = Operations(store)
    await operations.start()
    for _ in range(100):
        left = await rows(
            url, "select 1 from operation where accepted_at < now() - $1::interval", KEPT
        )
        if not left:
            break
        await asyncio.sleep(0.05)
    await operations.stop()
    await store.stop()
    assert not left


async def test_a_stop_answers_what_is_in_flight_and_ends_streams_with_a_hint(
    kafka_bootstrap: str, postgres_server: PostgresServer
) -> None:
    async with running_edge(kafka_bootstrap, postgres_server) as edge:
        held = reservation.SlotHeld(reservation=booking(), version=1)
        told = asyncio.Event()
        edge.responder.script[reservation.HoldSlot] = lambda *_: told.set()
        quote = {"quote": f"{uuid4()}.payload.mac"}
        async with edge.follow(f"/v1/live?station={uuid4()}") as stream:
            await stream.beginning()
            waiting = asyncio.create_task(
                edge.http.post("/v1/reservations", json=quote, headers=edge.headers())
            )
            await asyncio.wait_for(told.wait(), 5.0)
            stopping = asyncio.create_task(edge.gateway.stop())
            assert "retry: 500" in await stream.rest()
            assert await refuses_connections(edge.gateway.http.port)
            await edge.responder.answer_late(held)
            assert (await waiting).status_code == 201
            await asyncio.wait_for(stopping, 8.0)


async def refuses_connections(port: int) -> bool:
    """Within a second."""
    for _ in range(50):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionError:
            return True
        writer.close()
        await asyncio.sleep(0.02)
    return False


async def test_a_taken_port_is_named_with_its_setting(
    edge: Edge, kafka_bootstrap: str, postgres_server: PostgresServer
) -> None:
    env = environment(
        kafka_bootstrap,
        edge.database_url,
        edge.responder.topics.prefix,
        EVSLOT_GATEWAY_PORT=str(edge.gateway.http.port),
    )
    second = Gateway(Config(env))
    with pytest.raises(PortTaken, match="EVSLOT_GATEWAY_PORT"):
        await second.start()
    await second.stop()


async def test_health_tells_what_is_ready(edge: Edge) -> None:
    base = f"http://127.0.0.1:{edge.gateway.health.port}"
    async with httpx.AsyncClient() as http:
        ready = await http.get(f"{base}/readyz")
        assert (ready.status_code, ready.json()["ready"]) == (200, True)
        assert (await http.get(f"{base}/healthz")).status_code == 200
        assert "evslot_http_seconds" in (await http.get(f"{base}/metrics")).text


def test_ended_sessions_are_forgotten_when_no_token_can_be_alive() -> None:
    ended = EndedSessions()
    old, new = uuid4(), uuid4()
    ended.add(old, time.time() - REMEMBERED_SECONDS - 1)
    ended.add(new)
    assert old not in ended
    assert new in ended
    assert len(ended) == 1


def test_the_pages_are_part_of_the_package() -> None:
    folder = Path(__file__).parents[2] / "src" / "evslot" / "gateway"
    assert {one.name for one in (folder / "templates").iterdir()} >= {"docs.html.j2", "style.css"}
