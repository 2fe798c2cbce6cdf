"""A real gateway on a real Kafka and PostgreSQL, and a small responder in place of the services."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx

from evslot.embedded.postgres import DatabaseSpec, provision
from evslot.embedded.throwaway import PostgresServer
from evslot.gateway.app import SCHEMA, Gateway, until_there
from evslot.services.notification import messages as notification
from evslot.services.payment import messages as payment
from evslot.services.reservation import messages as reservation
from evslot.services.station import messages as station
from evslot.services.user import messages as user
from evslot.spine import answers, message, migrations
from evslot.spine.callers import AccessTokens, Caller
from evslot.spine.config import Config
from evslot.spine.inbox import Waiter
from evslot.spine.kafka import EventFeed, Producer, make_topics
from evslot.spine.message import (
    Answer,
    Catalogue,
    Command,
    Envelope,
    Event,
    Message,
    Query,
    message_types,
    wire_name,
)
from evslot.spine.operations import GetOperation, OperationState
from evslot.spine.records import Incoming
from evslot.spine.topics import Topics
from tests.callers import driver, keys_folder, keys_of

MODULES = (user, station, reservation, payment, notification)
SPEC = DatabaseSpec("edge_test", "edge_test", "secret")

Script = Callable[[Any, Envelope], Any]


class Asked:
    """A record that reached a service."""

    def __init__(self, body: Any, envelope: Envelope, incoming: Incoming) -> None:
        self.body = body
        self.envelope = envelope
        self.incoming = incoming


class Responder:
    """Answers records as a test says, the way services do; silent where it says nothing."""

    def __init__(self, bootstrap: str, topics: Topics) -> None:
        self.topics = topics
        self.asked: list[Asked] = []
        self.script: dict[type[Message], Script] = {}
        self.answers: dict[UUID, Answer] = {}
        self.running: set[UUID] = set()
        kinds = [
            kind
            for module in MODULES
            for kind in message_types(module)
            if issubclass(kind, Command | Query)
        ]
        self._catalogue = Catalogue([*kinds, GetOperation])
        services = [module.__name__.split(".")[-2] for module in MODULES]
        self._keys = {service: keys_of(service) for service in services}
        self._feed = EventFeed(
            bootstrap, [topics.commands(service) for service in services], back_seconds=0
        )
        self._producer = Producer(bootstrap, delivery_seconds=5.0)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._producer.start()
        await until_there("new topics", self._feed.start)
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._feed.stop()
        await self._producer.stop()

    def forget(self) -> None:
        """A clean slate for the next test."""
        self.asked.clear()
        self.script.clear()

    async def emit(self, event: Event) -> None:
        """As a service's relay would."""
        service = wire_name(type(event)).partition(".")[0]
        envelope = Envelope(
            id=uuid4(), type=wire_name(type(event)), version=event.VERSION, source=service
        )
        topic = self.topics.events(service)
        await self.publish(topic, event.key(), message.encode(event), envelope.headers())

    async def publish(
        self, topic: str, key: str | None, value: bytes, headers: list[tuple[str, bytes]]
    ) -> None:
        await self._producer.publish(topic, key, value, headers, timeout=5.0)

    async def _run(self) -> None:
        async for incoming in self._feed:
            envelope = Envelope.from_headers(incoming.headers)
            kind = self._catalogue.find(envelope.type, envelope.version)
            assert kind is not None
            keys = self._keys[incoming.topic.removeprefix(self.topics.prefix).partition("-")[0]]
            body = message.decode(incoming.value, kind, keys.unseal)
            self.asked.append(Asked(body, envelope, incoming))
            waiter = answers.waiter_of(envelope)
            outcome = self._outcome(body, envelope)
            if outcome is None or waiter is None:
                continue
            self._answer(self.asked[-1], outcome, waiter)

    async def answer_late(self, outcome: Any) -> None:
        """Answer the last record, which was left open."""
        waiter = answers.waiter_of(self.asked[-1].envelope)
        assert waiter is not None
        self._answer(self.asked[-1], outcome, waiter)

    def _answer(self, asked: Asked, outcome: Any, waiter: Waiter) -> None:
        keys = self._keys[asked.body.destination()]
        answer = outcome if isinstance(outcome, Answer) else answers.answer_for(outcome, keys)
        self.answers[asked.envelope.id] = answer
        opened = answer
        if not isinstance(asked.body, GetOperation):
            opened = answers.opened_for(answer, type(asked.body), waiter, keys)
        out = answers.record(opened, asked.envelope.id, waiter, "responder")
        self._producer.fire(
            out.topic,
            out.key,
            out.body,
            out.envelope.headers(),
            partition=answers.reply_partition(waiter),
        )

    def _outcome(self, body: Any, envelope: Envelope) -> Any:
        if isinstance(body, GetOperation):
            return self._operation(body, envelope)
        script = self.script.get(type(body))
        return script(body, envelope) if script else None

    def _operation(self, query: GetOperation, envelope: Envelope) -> OperationState:
        assert envelope.source != "gateway", "the edge asks this in its own name"
        assert envelope.caller is None
        stored = self.answers.get(query.command_id)
        if stored is None:
            state: Any = "running" if query.command_id in self.running else "pending"
            return OperationState(state=state)
        asked = next(one for one in self.asked if one.envelope.id == query.command_id)
        waiter = answers.waiter_of(envelope)
        assert waiter is not None
        opened = answers.opened_for(stored, type(asked.body), waiter, self._keys[query.service])
        return OperationState(state="done", type=asked.envelope.type, answer=opened)


class Edge:
    """What a test talks to."""

    def __init__(self, gateway: Gateway, responder: Responder, database_url: str) -> None:
        self.gateway = gateway
        self.responder = responder
        self.database_url = database_url
        self.url = f"http://127.0.0.1:{gateway.http.port}"
        self.http = httpx.AsyncClient(base_url=self.url, timeout=15.0)
        self.tokens = AccessTokens(keys_of("user"))

    def sign(self, caller: Caller, seconds: int = 600) -> dict[str, str]:
        """The headers of somebody signed in."""
        assert caller.user_id is not None
        assert caller.session_id is not None
        token = self.tokens.mint(
            caller.user_id,
            caller.session_id,
            caller.roles,
            caller.organisations,
            datetime.now(UTC),
            seconds,
        )
        return {"Authorization": f"Bearer {token}"}

    def headers(self, **more: str) -> dict[str, str]:
        """Somebody new, signed in; `Idempotency_Key="…"` adds a header."""
        return {**self.sign(driver()), **{name.replace("_", "-"): v for name, v in more.items()}}

    @asynccontextmanager
    async def follow(self, path: str, **headers: str) -> AsyncIterator["Following"]:
        """An open live stream."""
        async with self.http.stream("GET", path, headers=headers) as response:
            yield Following(response)


class Following:
    """Reads the frames of a live stream."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()
        self.last_id = ""

    async def event(self, seconds: float = 5.0) -> tuple[str, Any]:
        """The next event: name and decoded data; ids and comments on the way are noted."""
        name = ""
        async with asyncio.timeout(seconds):
            async for line in self._lines:
                field, _, value = line.partition(": ")
                if field == "id":
                    self.last_id = value
                elif field == "event":
                    name = value
                elif field == "data":
                    return name, json.loads(value)
        raise EOFError("the stream ended")

    async def beginning(self) -> str:
        """The first id: from here on nothing is missed."""
        async with asyncio.timeout(5.0):
            async for line in self._lines:
                if line.startswith("id: "):
                    self.last_id = line[4:]
                    return self.last_id
        raise EOFError("the stream ended")

    async def rest(self, seconds: float = 5.0) -> str:
        """All until the stream ends."""
        async with asyncio.timeout(seconds):
            return "\n".join([line async for line in self._lines])


async def database(server: PostgresServer) -> str:
    """A migrated database of the edge; the app role's URL."""
    await provision(server.superuser_dsn, [SPEC])
    where = f"{server.host}:{server.port}/{SPEC.name}"
    await migrations.migrate(f"postgresql://{SPEC.owner}:{SPEC.password}@{where}", [SCHEMA])
    return f"postgresql://{SPEC.owner}_app:{SPEC.password}@{where}"


def environment(bootstrap: str, url: str, prefix: str, **more: str) -> dict[str, str]:
    """The settings of a gateway on free ports."""
    folder = keys_folder()
    return {
        "EVSLOT_GATEWAY_DATABASE_URL": url,
        "EVSLOT_GATEWAY_HEALTH_PORT": "0",
        "EVSLOT_GATEWAY_PORT": "0",
        "EVSLOT_GATEWAY_KEYS_FILE": str(folder / "gateway.json"),
        "EVSLOT_KEYS_PUBLIC_FILE": str(folder / "public.jwks.json"),
        "EVSLOT_KAFKA_BOOTSTRAP": bootstrap,
        "EVSLOT_TOPIC_PREFIX": prefix,
        **more,
    }


@asynccontextmanager
async def running_edge(
    bootstrap: str, server: PostgresServer, **settings: str
) -> AsyncIterator[Edge]:
    """A gateway with its own topics, and a responder; stopped at the end."""
    prefix = f"edge-{uuid4().hex[:8]}-"
    topics = Topics(prefix)
    await asyncio.to_thread(make_topics, bootstrap, topics.table())
    url = await database(server)
    responder = Responder(bootstrap, topics)
    await responder.start()
    gateway = Gateway(Config(environment(bootstrap, url, prefix, **settings)))
    await gateway.start()
    edge = Edge(gateway, responder, url)
    try:
        yield edge
    finally:
        await edge.http.aclose()
        await gateway.stop()
        await responder.stop()


async def rows(url: str, sql: str, *arguments: Any) -> list[Any]:
    """What the database holds."""
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(sql, *arguments))
    finally:
        await connection.close()
