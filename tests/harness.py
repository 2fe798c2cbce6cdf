"""Runs a service's real handlers on a real database, through the real batch code, without Kafka."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4, uuid5

import msgspec
from msgspec import Struct

from evslot import system
from evslot.embedded.throwaway import PostgresServer
from evslot.spine import answers, db, message, outbox
from evslot.spine.callers import ANONYMOUS, SYSTEM, AccessTokens, Caller
from evslot.spine.config import Config, SharedSettings
from evslot.spine.inbox import Waiter
from evslot.spine.jobs import JobRunner, Jobs
from evslot.spine.lanes import CommandLane, Lane
from evslot.spine.message import (
    Answer,
    Catalogue,
    Command,
    Envelope,
    Event,
    Message,
    Query,
    message_types,
    outcome_type,
    owner_of,
    wire_name,
)
from evslot.spine.outbox import Outgoing
from evslot.spine.query_lane import QueryLane
from evslot.spine.records import DeadLetter, Incoming, Reader
from evslot.spine.sealing import AnswerKey
from evslot.spine.service import Service
from evslot.spine.topics import Topics
from evslot.spine.wiring import Resources
from tests.callers import driver as driver  # tests name these from here
from tests.callers import keys_folder as keys_folder
from tests.callers import keys_of as keys_of
from tests.callers import token_of
from tests.databases import fresh_database, give_back

T = TypeVar("T")
O = TypeVar("O")  # noqa: E741


class Sent(Struct, frozen=True, kw_only=True):
    """A command or query that left for a service (through send, send_at when due, or ask)."""

    command: Message
    command_id: UUID
    answer_to: str | None
    envelope: Envelope
    outgoing: Outgoing


class Hand:
    """A delivery that knows whether it was finished."""

    def __init__(self, incoming: Incoming) -> None:
        self.incoming = incoming
        self.arrived = time.monotonic()
        self.warned = False
        self.finished = False
        self.lost = False

    def done(self) -> None:
        self.finished = True


class Harness:
    """`async with Harness(SERVICE, postgres_server) as h: await h.send(Command(…), caller=…)`."""

    def __init__(
        self, service: Service, server: PostgresServer, env: Mapping[str, str] | None = None
    ) -> None:
        self.service = service
        self._server = server
        self._env = dict(env or {})
        self._replies: dict[str, Answer] = {}
        self._answer_key = AnswerKey()
        self._offset = 0
        self._collecting = asyncio.Lock()
        self.events: list[Event] = []
        self.sent: list[Sent] = []
        self.dead: list[Outgoing] = []

    async def __aenter__(self) -> "Harness":
        self.url = await fresh_database(self._server, self.service)
        part = self.service.name
        folder = keys_folder()
        env = {
            f"EVSLOT_{part.upper()}_DATABASE_URL": self.url,
            f"EVSLOT_{part.upper()}_HEALTH_PORT": "0",
            f"EVSLOT_{part.upper()}_KEYS_FILE": str(folder / f"{part}.json"),
            "EVSLOT_KEYS_PUBLIC_FILE": str(folder / "public.jwks.json"),
            **self._env,
        }
        self.keys = keys_of(part)
        self.database = db.Database(self.url, name=part)
        self.reading = db.Database(self.url, name=f"{part} queries", read_only=True)
        tokens = AccessTokens(self.keys)
        config = Config(env)
        own = self.service.resources(config)
        self.resources = Resources(
            [*own, self.keys, tokens, config.shared(SharedSettings), self.database]
        )
        self._started = [thing for thing in own if hasattr(thing, "start")]
        for thing in self._started:
            await thing.start()
        self.topics = Topics()
        self.wiring = self.service.wiring(self.topics, self.keys, self.resources)
        handlers = self.service.all_handlers()
        self.handlers = handlers
        heard, _ = self.service.hears(handlers)
        reader = Reader(self.wiring, self.wiring.catalogue, tokens)
        common = (self.database, self._reply, _nothing)
        self.commands = CommandLane(self.wiring, handlers, reader, *common)
        self.hearing = Lane(self.wiring, handlers, Reader(self.wiring, heard, tokens), *common)
        self.queries = QueryLane(
            self.wiring, self.service.queries, reader, self.reading, self._reply
        )
        self.jobs = JobRunner(
            self.wiring,
            self.service.jobs or Jobs(),
            handlers,
            self.database,
            self._reply,
            _nothing,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.jobs.drained(2.0)
        for thing in self._started:
            if hasattr(thing, "stop"):
                await thing.stop()
        await self.database.stop()
        await self.reading.stop()
        await give_back(self._server, self.service, self.url)

    # --- asking -----------------------------------------------------------------------------

    async def send(
        self,
        command: Command[O],
        *,
        caller: Caller = ANONYMOUS,
        key: str | None = None,
        command_id: UUID | None = None,
    ) -> O:
        """The typed outcome; raises Refused for a no, LookupError where it was left open."""
        answer = await self.submit(command, caller=caller, key=key, command_id=command_id)
        if answer is None:
            raise LookupError("the command was left open: see h.stored_answer(command_id)")
        if answer.status == 500:
            raise AssertionError(f"the handler broke: {self.reasons()}")
        return answer.result(outcome_type(type(command)), self._answer_key.unseal)  # type: ignore[no-any-return]

    async def submit(
        self,
        command: Command[Any],
        *,
        caller: Caller = ANONYMOUS,
        key: str | None = None,
        command_id: UUID | None = None,
    ) -> Answer | None:
        """The raw answer; None where the handler said LATER."""
        number = command_id or (uuid5(caller.user_id or UUID(int=0), key) if key else uuid4())
        (answer,) = await self.submit_many([(command, caller, number)])
        return answer

    async def submit_many(
        self, commands: list[tuple[Command[Any], Caller, UUID]]
    ) -> list[Answer | None]:
        """One batch, in this order."""
        said = await self._persisted(commands)
        await self._collect()
        return said

    async def submit_at_once(
        self, batches: list[list[tuple[Command[Any], Caller, UUID]]]
    ) -> list[list[Answer | None]]:
        """Each batch on a connection of its own, as if so many processes had one."""
        said = await asyncio.gather(*(self._persisted(batch) for batch in batches))
        await self._collect()
        return said

    async def _persisted(
        self, commands: list[tuple[Command[Any], Caller, UUID]]
    ) -> list[Answer | None]:
        hands, names = [], []
        for command, caller, number in commands:
            incoming, name = self.record(command, caller, number)
            hands.append(Hand(incoming))
            names.append(name)
        await self.commands._persist(list(hands))
        return [self._replies.pop(name, None) for name in names]

    async def ask(self, query: Query[O], *, caller: Caller = ANONYMOUS) -> O:
        """The typed answer; raises Refused for a no."""
        incoming, name = self.record(query, caller, uuid4())
        await self.queries._serve(Hand(incoming))
        answer = self._replies.pop(name)
        return answer.result(outcome_type(type(query)), self._answer_key.unseal)  # type: ignore[no-any-return]

    async def hear(self, *events: Event, event_id: UUID | None = None) -> None:
        """Events of other services; `event_id` to hear the same one twice."""
        hands = []
        for event in events:
            kind = type(event)
            envelope = Envelope(
                id=event_id or uuid4(),
                type=wire_name(kind),
                version=kind.VERSION,
                source=owner_of(kind),
            )
            hands.append(Hand(self._incoming(envelope, event.key(), message.encode(event))))
        await self.hearing._persist(list(hands))
        await self._collect()

    async def answer_asked(self, sent: Sent, outcome: Any) -> None:
        """The other service's answer to something this one asked: an outcome or a Refusal."""
        other = keys_of(sent.envelope.type.partition(".")[0])
        kind = type(sent.command)
        answer = answers.answer_for(outcome, other)
        waiter = Waiter(sent.answer_to or "", None, f"part:{self.service.name}")
        opened = answers.opened_for(answer, kind, waiter, other)
        record = answers.record(opened, sent.command_id, waiter, "other")
        hand = Hand(self._incoming(record.envelope, record.key, record.body))
        await self.commands._persist([hand])
        await self._collect()

    def reasons(self) -> list[str]:
        """Why records went to the dead topic."""
        return [msgspec.json.decode(out.body, type=DeadLetter).reason for out in self.dead]

    def answer_of(self, correlation: str) -> Answer | None:
        """An answer that came later (`name` from `record`, or `last_later`)."""
        return self._replies.get(correlation)

    async def stored_answer(self, command_id: UUID, kind: type[T] | None = None) -> Any:
        """What the inbox holds: None while open; typed where `kind` is given."""
        raw = await self.fetch_value("select answer from inbox where command_id = $1", command_id)
        if raw is None:
            return None
        answer = msgspec.json.decode(raw, type=Answer)
        return answer.result(kind, self.keys.unseal) if kind is not None else answer

    # --- what happens behind ------------------------------------------------------------------

    async def run_jobs(self, rounds: int = 20) -> int:
        """Everything that is due or waits for its next try, to its end."""
        total = 0
        for _ in range(rounds):
            await self.database.execute("update job set run_at = now() where state = 'ready'")
            ran = 0
            for kind in (self.service.jobs or Jobs()).kinds:
                ran += await self.jobs.step(kind)
            total += ran
            if ran == 0:
                break
        await self._collect()
        return total

    async def run_timers(self) -> int:
        """All timers, due or not; commands to this service itself are handled too."""
        await self.database.execute("update timer set due_at = now() - interval '1 second'")
        await self.database.execute(outbox.TIMERS_DUE, outbox.AT_ONCE)
        before = len(self.sent)
        await self._collect()
        own = [s for s in self.sent[before:] if s.command.destination() == self.service.name]
        for sent in own:
            await self.deliver(sent)
        return len(self.sent) - before

    async def deliver(self, sent: Sent) -> None:
        """Hand a command this service sent to itself back to it."""
        out = sent.outgoing
        await self.commands._persist([Hand(self._incoming(out.envelope, out.key, out.body))])
        await self._collect()

    async def run_periodic(self) -> None:
        """Each periodic handler once."""
        from evslot.spine.duties import Duties
        from evslot.spine.leases import Lease

        lease = Lease(self.database, "duties", "harness")
        duties = Duties(self.wiring, self.handlers, self.database, lease, self._reply, _nothing)
        for periodic in self.handlers.periodic:
            await duties.run_periodic(periodic)
        await self._collect()

    async def fetch(self, sql: str, *arguments: Any) -> list[db.Row]:
        return await self.database.fetch(sql, *arguments)

    async def fetch_value(self, sql: str, *arguments: Any) -> Any:
        return await self.database.fetch_value(sql, *arguments)

    async def execute(self, sql: str, *arguments: Any) -> int:
        return await self.database.execute(sql, *arguments)

    # --- records ------------------------------------------------------------------------------

    def record(self, what: Message, caller: Caller, number: UUID) -> tuple[Incoming, str]:
        """The record a gateway would write, and the correlation id of its answer."""
        name = str(uuid4())
        kind = type(what)
        system_call = caller == SYSTEM
        envelope = Envelope(
            id=number,
            type=wire_name(kind),
            version=kind.VERSION,
            source="saga" if system_call else "gateway",
            correlation_id=name,
            answer_to="gateway-replies/0",
            answer_key=self._answer_key.public,
            begin_within=None if isinstance(what, Query) else 30.0,
            caller=token_of(caller) if caller.kind == "user" else None,
        )
        owner = what.destination()
        body = message.encode(what, lambda clear: self.keys.seal_to(owner, clear))
        return self._incoming(envelope, what.key(), body), name

    def _incoming(self, envelope: Envelope, key: str | None, body: bytes) -> Incoming:
        self._offset += 1
        return Incoming(
            topic=self.topics.commands(self.service.name),
            partition=0,
            offset=self._offset,
            appended_at=datetime.now(UTC),
            key=key,
            value=body,
            headers=tuple(envelope.headers()),
        )

    def _reply(self, outgoing: Outgoing, waiter: Waiter) -> None:
        if waiter.correlation_id is not None:
            self._replies[waiter.correlation_id] = msgspec.json.decode(outgoing.body, type=Answer)

    async def _collect(self) -> None:
        """Take what the relay would publish; as it, one at a time."""
        async with self._collecting:
            rows = await self.database.fetch(outbox.UNSENT, 10_000)
            for row in rows:
                self._sort_in(
                    Outgoing(
                        topic=row["topic"],
                        key=row["key"],
                        envelope=msgspec.json.decode(row["envelope"], type=Envelope),
                        body=row["body"],
                    )
                )
            await self.database.execute(
                "update outbox set sent_at = now() where id = any($1::bigint[])",
                [row["id"] for row in rows],
            )

    def _sort_in(self, out: Outgoing) -> None:
        if out.topic.endswith("-dead"):
            self.dead.append(out)
        elif out.topic.endswith("-events"):
            kind = _kinds(self.service.name).find(out.envelope.type, out.envelope.version)
            assert kind is not None, f"{out.envelope.type} is not in messages.py"
            self.events.append(message.decode(out.body, kind))  # type: ignore[arg-type]
        elif out.envelope.type != answers.ANSWER:
            owner = out.topic.removesuffix("-service")
            kind = _kinds(owner).find(out.envelope.type, out.envelope.version)
            assert kind is not None, f"{out.envelope.type} is not in messages.py of {owner}"
            command = message.decode(out.body, kind, keys_of(owner).unseal)
            self.sent.append(
                Sent(
                    command=command,
                    command_id=out.envelope.id,
                    answer_to=out.envelope.answer_to,
                    envelope=out.envelope,
                    outgoing=out,
                )
            )


def _kinds(service: str) -> Catalogue:
    if service in system.SERVICES:
        return Catalogue(message_types(system.service(service).messages))
    return Catalogue(EXTRA_KINDS)


EXTRA_KINDS: list[type[Message]] = []
"""Message types that tests define for themselves."""


def _nothing(urgent: bool) -> None:
    """Nobody to nudge: the harness looks by itself."""
