"""The only way a service speaks: state and all that leaves it, in one database transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Generic, TypeVar
from uuid import UUID, uuid4, uuid5

from msgspec import Struct

from evslot.spine import db, message
from evslot.spine.callers import Caller
from evslot.spine.db import Row as Row  # services name it from here
from evslot.spine.effects import Effects
from evslot.spine.message import Command, Envelope, Event, Message, Query, wire_name
from evslot.spine.outbox import Outgoing
from evslot.spine.topics import BODY_BYTES
from evslot.spine.wiring import Wiring

T = TypeVar("T")

SAVEPOINTS = 60
"""PostgreSQL keeps 64 subtransactions of a transaction in memory; more are slow for everybody."""


# Neither the end of an attempt that runs nor a dead letter changes what is done.
CALL_OFF = """
update job set state = 'done', finished_at = now(), leased_until = null, error = 'called off',
  payload = ''
where id = any($1::uuid[]) and state in ('ready', 'running')"""


class Later:
    """What a handler returns that cannot answer yet: a later step calls `tx.answer`."""


LATER: Final = Later()


class Job(Struct, Generic[T], frozen=True, kw_only=True):
    """Slow work with the outside world; runs after commit. See `spine/jobs/`."""

    @classmethod
    def kind(cls) -> str:
        return cls.__name__


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
        trace: str | None = None,
    ) -> None:
        super().__init__(connection, now, wiring)
        self.caller = caller
        self.command_id = command_id
        self.trace = trace
        """W3C traceparent of what caused this; all that leaves carries it on."""
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

    def emit(self, event: Event, *, trace: str | None = None) -> None:
        """Tell the world, on this part's event topic.

        A handler for many names the `trace` of the command that the event belongs to.
        """
        part = self._wiring.part
        envelope = _envelope(event, part, uuid4(), trace or self.trace)
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
        self._effects.jobs.append((number, job.kind(), payload, deadline, self.trace))
        return number

    async def call_off(self, job_ids: Sequence[UUID]) -> None:
        """End jobs of earlier transactions, and empty them; their results are heard of no more.

        One that is at work may still do what it is for. It locks them, as their end does before
        its handler: whoever writes the rows of that handler too calls off before that.
        """
        if job_ids:
            await self.execute(CALL_OFF, list(job_ids))

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
        envelope = _envelope(question, self._wiring.part, number, self.trace, answer_to)
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


def _envelope(
    what: Message, source: str, number: UUID, trace: str | None, answer_to: str | None = None
) -> Envelope:
    return Envelope(
        id=number,
        type=wire_name(type(what)),
        version=what.VERSION,
        source=source,
        answer_to=answer_to,
        traceparent=trace,
    )


def _fitting(body: bytes, envelope: Envelope) -> bytes:
    """Refused here: the broker would refuse it for ever, and all behind it would wait."""
    if len(body) > BODY_BYTES:
        raise ValueError(f"a {envelope.type} of {len(body)} bytes does not fit a record")
    return body
