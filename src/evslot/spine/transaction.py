"""The only way a service speaks: state and all that leaves it, in one database transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Generic, TypeVar
from uuid import UUID, uuid4, uuid5

import msgspec
from msgspec import Struct

from evslot.spine import answers, db, inbox, message
from evslot.spine.callers import Caller
from evslot.spine.db import Row as Row  # services name it from here
from evslot.spine.inbox import Waiter
from evslot.spine.message import (
    Answer,
    Catalogue,
    Command,
    Envelope,
    Event,
    Message,
    Query,
    wire_name,
)
from evslot.spine.outbox import Outgoing
from evslot.spine.sealing import Keys
from evslot.spine.topics import BODY_BYTES, Topics

T = TypeVar("T")

SAVEPOINTS = 60
"""PostgreSQL keeps 64 subtransactions of a transaction in memory; more are slow for everybody."""


class Later:
    """What a handler returns that cannot answer yet: a later step calls `tx.answer`."""


LATER: Final = Later()


class Job(Struct, Generic[T], frozen=True, kw_only=True):
    """Slow work with the outside world; runs after commit. See `spine/jobs.py`."""

    @classmethod
    def kind(cls) -> str:
        return cls.__name__


class Resources:
    """What a part was wired with: settings, keys, adapters, found by type."""

    def __init__(self, things: Sequence[Any] = ()) -> None:
        self._things = list(things)

    def get(self, kind: type[T]) -> T:
        """Raises LookupError where nothing of that type was wired."""
        for thing in self._things:
            if isinstance(thing, kind):
                return thing
        raise LookupError(f"no {kind.__name__} among the resources of this part")

    def add(self, thing: Any) -> None:
        self._things.append(thing)

    def __iter__(self) -> Any:
        return iter(self._things)


class Wiring(Struct, frozen=True, kw_only=True):
    """What does not change while a part runs."""

    part: str
    topics: Topics
    keys: Keys
    resources: Resources
    catalogue: Catalogue
    """The part's own commands and queries."""
    job_deadlines: Mapping[str, float] = {}
    """Seconds from the call, by kind of job."""


class Effects:
    """What a transaction will leave behind besides its own rows; written at its end."""

    def __init__(self) -> None:
        self.outgoing: list[Outgoing] = []
        self.timers: list[tuple[datetime, Outgoing]] = []
        self.asks: list[tuple[Any, ...]] = []
        self.jobs: list[tuple[UUID, str, bytes, float]] = []
        self.answers: list[tuple[UUID, Any]] = []

    @property
    def urgent(self) -> bool:
        """Whether somebody waits for what leaves: a service or a worker, not only views."""
        return bool(self.jobs) or any(
            not outgoing.topic.endswith("-events") for outgoing in self.outgoing
        )

    def mark(self) -> tuple[int, ...]:
        return tuple(map(len, self._all()))

    def cut_back(self, mark: tuple[int, ...]) -> None:
        """Forget what came after a mark: the handler refused."""
        for effects, length in zip(self._all(), mark, strict=True):
            del effects[length:]

    def _all(self) -> tuple[list[Any], ...]:
        return (self.outgoing, self.timers, self.asks, self.jobs, self.answers)


class Reader:
    """Statements on a connection."""

    def __init__(self, connection: db.Connection, now: datetime, wiring: Wiring) -> None:
        self._connection = connection
        self._wiring = wiring
        self.now = now

    async def fetch(self, sql: str, *arguments: Any) -> list[Row]:
        await self._before(sql)
        return list(await self._connection.fetch(sql, *arguments))

    async def fetch_row(self, sql: str, *arguments: Any) -> Row | None:
        await self._before(sql)
        row: Row | None = await self._connection.fetchrow(sql, *arguments)
        return row

    async def fetch_value(self, sql: str, *arguments: Any) -> Any:
        await self._before(sql)
        return await self._connection.fetchval(sql, *arguments)

    def resource(self, kind: type[T]) -> T:
        """Settings, keys or an adapter of this part."""
        return self._wiring.resources.get(kind)

    async def _before(self, sql: str) -> None:
        """Nothing, for a reader."""


class Reading(Reader):
    """What a query gets: a read-only connection, the database's time, who asks."""

    def __init__(
        self, connection: db.Connection, now: datetime, wiring: Wiring, caller: Caller
    ) -> None:
        super().__init__(connection, now, wiring)
        self.caller = caller


class Savepoints:
    """Taken before a handler's first write, so that a refusal after it can be cut back."""

    def __init__(self, connection: db.Connection) -> None:
        self._connection = connection
        self.taken = 0

    async def take(self) -> None:
        self.taken += 1
        await self._connection.execute("savepoint handler")

    async def go_back(self) -> None:
        await self._connection.execute("rollback to savepoint handler")

    @property
    def exhausted(self) -> bool:
        return self.taken >= SAVEPOINTS


class Transaction(Reader):
    """What a handler gets; everything it does happens on commit, or not at all."""

    def __init__(
        self,
        connection: db.Connection,
        now: datetime,
        wiring: Wiring,
        effects: Effects,
        *,
        caller: Caller,
        command_id: UUID,
        prepared: Any = None,
        savepoints: Savepoints | None = None,
    ) -> None:
        super().__init__(connection, now, wiring)
        self.caller = caller
        self.command_id = command_id
        self.prepared = prepared
        self._effects = effects
        self._savepoints = savepoints
        self._mark = effects.mark()
        self.wrote = False
        """Whether a statement that may change something went out."""

    async def execute(self, sql: str, *arguments: Any) -> int:
        """Answers the number of rows it touched."""
        await self._before(sql)
        return db.affected(await self._connection.execute(sql, *arguments))

    async def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        await self._before(sql)
        await self._connection.executemany(sql, rows)

    def emit(self, event: Event) -> None:
        """Tell the world, on this part's event topic."""
        part = self._wiring.part
        envelope = _envelope(event, part, uuid4())
        topic = self._wiring.topics.events(part)
        body = _fitting(message.encode(event), envelope)
        self._effects.outgoing.append(
            Outgoing(topic=topic, key=event.key(), envelope=envelope, body=body)
        )

    def send(self, command: Command[Any]) -> None:
        """Have its owner do something; nobody waits for the answer."""
        self._effects.outgoing.append(self._addressed(command, uuid4()))

    def send_at(self, when: datetime, command: Command[Any]) -> None:
        """Send when the database's clock says `when`."""
        self._effects.timers.append((when, self._addressed(command, uuid4())))

    def ask(
        self,
        question: Command[Any] | Query[Any],
        *,
        then: str,
        about: UUID,
        context: Any = None,
        attempt: int = 0,
    ) -> UUID:
        """Ask its owner; the answer comes to the handler `@handlers.answered(then)`.

        The id is uuid5(about, then, attempt): asked again, it is the same question.
        """
        command_id = uuid5(about, f"{then}/{attempt}")
        home = f"{self._wiring.topics.commands(self._wiring.part)}#{about}"
        outgoing = self._addressed(question, command_id, answer_to=home)
        row = outgoing.row()
        self._effects.outgoing.append(outgoing)
        self._effects.asks.append(
            (command_id, then, about, db.to_json(context), outgoing.envelope.type, *row)
        )
        return command_id

    def call(self, job: Job[Any], *, job_id: UUID | None = None) -> UUID:
        """Have a worker do it after commit; `job_id` is its idempotency key outside."""
        number = job_id or uuid4()
        payload = message.encode(job, self._wiring.keys.seal_own)
        deadline = self._wiring.job_deadlines[job.kind()]
        self._effects.jobs.append((number, job.kind(), payload, deadline))
        return number

    async def answer(self, command_id: UUID, outcome: Any) -> None:
        """Answer a command that was left open; a Refusal is an answer too."""
        self._effects.answers.append((command_id, outcome))

    async def cut_back(self) -> None:
        """Undo what this handler did so far: it refuses."""
        self._effects.cut_back(self._mark)
        if self.wrote and self._savepoints is not None:
            await self._savepoints.go_back()

    def _addressed(self, question: Message, number: UUID, answer_to: str | None = None) -> Outgoing:
        owner = question.destination()
        keys = self._wiring.keys
        envelope = _envelope(question, self._wiring.part, number, answer_to)
        body = message.encode(question, lambda clear: keys.seal_to(owner, clear))
        return Outgoing(
            topic=self._wiring.topics.commands(owner),
            key=question.key(),
            envelope=envelope,
            body=_fitting(body, envelope),
        )

    async def _before(self, sql: str) -> None:
        if self.wrote or sql.lstrip()[:6].lower() == "select":
            return
        self.wrote = True
        if self._savepoints is not None:
            await self._savepoints.take()


def _envelope(what: Message, source: str, number: UUID, answer_to: str | None = None) -> Envelope:
    return Envelope(
        id=number,
        type=wire_name(type(what)),
        version=what.VERSION,
        source=source,
        answer_to=answer_to,
    )


def _fitting(body: bytes, envelope: Envelope) -> bytes:
    """Refused here: the broker would refuse it for ever, and all behind it would wait."""
    if len(body) > BODY_BYTES:
        raise ValueError(f"a {envelope.type} of {len(body)} bytes does not fit a record")
    return body


class Closing(Struct, frozen=True, kw_only=True):
    """How the commands of a batch end in the inbox."""

    answered: Sequence[tuple[UUID, Answer]] = ()
    left_open: Sequence[tuple[UUID, Sequence[Waiter]]] = ()


CLOSE = """
with answered as (
  update inbox set state = 'answered', answer = a.answer, answered_at = now()
  from unnest($1::uuid[], $2::bytea[]) as a(command_id, answer)
  where inbox.command_id = a.command_id)
insert into outbox (topic, key, envelope, body)
select topic, key, envelope, body
from unnest($3::text[], $4::text[], $5::bytea[], $6::bytea[])
  with ordinality as o(topic, key, envelope, body, place)
order by place"""

# Also one that failed before: what is open now must be found by its answer, and not run again.
LEAVE_OPEN = """
update inbox set state = 'open', waiting = o.waiting::jsonb
from unnest($1::uuid[], $2::text[]) as o(command_id, waiting)
where inbox.command_id = o.command_id"""

ANSWER_OPEN = """
update inbox set state = 'answered', answer = a.answer, answered_at = now(), waiting = '[]'
from unnest($1::uuid[], $2::bytea[]) as a(command_id, answer)
where inbox.command_id = a.command_id and inbox.state = 'open'
returning inbox.command_id, inbox.type, old.waiting"""

TIMERS = """
insert into timer (id, due_at, topic, key, envelope, body)
select * from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::bytea[],
                     $6::bytea[])"""

ASKS = """
insert into ask (command_id, step, about, context, type, topic, key, envelope, body)
select command_id, step, about, context::jsonb, type, topic, key, envelope, body
from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[],
            $8::bytea[], $9::bytea[])
  as a(command_id, step, about, context, type, topic, key, envelope, body)
on conflict (command_id) do nothing"""

JOBS = """
insert into job (id, kind, payload, deadline_at)
select id, kind, payload, now() + make_interval(secs => seconds)
from unnest($1::uuid[], $2::text[], $3::bytea[], $4::float8[]) as j(id, kind, payload, seconds)
on conflict (id) do nothing"""


async def write_effects(
    connection: db.Connection, wiring: Wiring, effects: Effects, closing: Closing
) -> list[tuple[Outgoing, Waiter]]:
    """Write what leaves; answers the replies to publish after commit (to gateways)."""
    if closing.left_open:  # before the answers: one of them may be for a command of this batch
        left_open = [
            (number, msgspec.json.encode(waiters[: inbox.WAITING_LIMIT]).decode())
            for number, waiters in closing.left_open
        ]
        await connection.execute(LEAVE_OPEN, *db.columns(left_open, 2))
    replies = await _answer_open(connection, wiring, effects)
    if effects.timers:
        rows = [(uuid4(), when, *outgoing.row()) for when, outgoing in effects.timers]
        await connection.execute(TIMERS, *db.columns(rows, 6))
    if effects.asks:
        await connection.execute(ASKS, *db.columns(effects.asks, 9))
    if effects.jobs:
        await connection.execute(JOBS, *db.columns(effects.jobs, 4))
    if closing.answered or effects.outgoing:
        answered = [(number, msgspec.json.encode(answer)) for number, answer in closing.answered]
        await connection.execute(
            CLOSE,
            *db.columns(answered, 2),
            *db.columns([outgoing.row() for outgoing in effects.outgoing], 4),
        )
    return replies


async def _answer_open(
    connection: db.Connection, wiring: Wiring, effects: Effects
) -> list[tuple[Outgoing, Waiter]]:
    """Answer commands left open earlier; services are answered through the outbox."""
    if not effects.answers:
        return []
    first = dict(reversed(effects.answers))
    given = {number: answers.answer_for(outcome, wiring.keys) for number, outcome in first.items()}
    rows = await connection.fetch(
        ANSWER_OPEN, list(given), [msgspec.json.encode(answer) for answer in given.values()]
    )
    replies = []
    for row in rows:
        number = row["command_id"]
        kind = wiring.catalogue.find_newest(row["type"])
        for waiter in inbox.waiters(row["waiting"]):
            sent = answers.opened_for(given[number], kind, waiter, wiring.keys)
            outgoing = answers.record(sent, number, waiter, wiring.part)
            if answers.reply_partition(waiter) is None:
                effects.outgoing.append(outgoing)
            else:
                replies.append((outgoing, waiter))
    return replies
