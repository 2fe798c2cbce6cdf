"""The batch contract: what arrived together is one transaction, answered after its commit.

Equal ids run once. The inbox insert comes first, ids sorted. Messages of one key keep their
order. A handler for many gets messages that do not touch each other. A handler for one that
refuses after it wrote is cut back to its savepoint. Any split of a batch gives the same state
and the same answers as the serial run (tests/spine/test_batch_property.py).
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog
from msgspec import Struct

from evslot.spine import answers, db, inbox, telemetry
from evslot.spine.callers import SYSTEM
from evslot.spine.effects import Closing, Effects, write_effects
from evslot.spine.failpoints import failpoint
from evslot.spine.handling import Handlers, Received, Reply
from evslot.spine.inbox import Waiter
from evslot.spine.message import Answer, Envelope, Refusal, wire_name
from evslot.spine.outbox import Outgoing
from evslot.spine.records import Answered, Nudge, Told
from evslot.spine.transaction import Later, Savepoints, Transaction
from evslot.spine.wiring import Wiring

log = structlog.get_logger()

Item = Told | Answered
SendReply = Callable[[Outgoing, Waiter], None]

ASKED = """
update ask set answered_at = now()
where command_id = $1 and answered_at is null
returning step, about, context, type, envelope"""


class HandlerFailed(Exception):
    """A handler broke on one item; its place in the batch tells which."""

    def __init__(self, place: int | None, cause: BaseException) -> None:
        self.place = place
        """Index of the one item; None where a handler for many had several."""
        self.cause = cause
        super().__init__(str(cause))


class Ended(Struct, kw_only=True):
    """How one command id of a batch came out, and all that came under it."""

    bodies: dict[bytes, list[Told]]
    """By fingerprint: more than one where a key was used for different requests."""
    counts: bytes
    """The fingerprint that is this command; other bodies are refused."""
    outcome: Any = None
    """A stored or fresh Answer, or Later."""
    fresh: bool = False

    @property
    def told(self) -> Told:
        """The first of those that count."""
        return self.bodies[self.counts][0]

    @property
    def waiters(self) -> list[Waiter]:
        return [item.waiter for item in self.bodies[self.counts] if item.waiter is not None]

    @property
    def arrival(self) -> inbox.Arrival:
        """In time if any of the repeats is: a late one must not hide the one that is not."""
        limits = [item.not_after for item in self.bodies[self.counts]]
        latest = None if None in limits else max(limit for limit in limits if limit)
        return msgspec.structs.replace(self.told.arrival, not_after=latest)


class Batch:
    """Runs items in one transaction."""

    def __init__(
        self,
        wiring: Wiring,
        handlers: Handlers,
        database: db.Database,
        reply: SendReply,
        nudge: Nudge,
    ) -> None:
        self._wiring = wiring
        self._handlers = handlers
        self._database = database
        self._reply = reply
        self._nudge = nudge

    async def run(
        self, items: Sequence[Item], prepared: dict[UUID, Any] | None = None
    ) -> list[Item]:
        """Commit what fits one transaction; answers the items left for the next.

        Raises HandlerFailed for a broken handler, anything else as the database gave it.
        """
        unit = _Unit(self._wiring, self._handlers, items, prepared or {})
        async with self._database.transaction() as connection:
            left, replies = await unit.run(connection)
            failpoint("commands.before_commit")
        failpoint("commands.after_commit")
        for outgoing, waiter in replies:
            self._reply(outgoing, waiter)
        failpoint("commands.after_reply")
        self._nudge(unit.urgent)
        return left


class _Unit:
    """One transaction over items: collapse, fence, run in groups, close."""

    def __init__(
        self,
        wiring: Wiring,
        handlers: Handlers,
        items: Sequence[Item],
        prepared: dict[UUID, Any],
    ) -> None:
        self._wiring = wiring
        self._handlers = handlers
        self._items = items
        self._prepared = prepared
        self._effects = Effects()
        self._ended: dict[UUID, Ended] = {}

    @property
    def urgent(self) -> bool:
        return self._effects.urgent

    async def run(
        self, connection: db.Connection
    ) -> tuple[list[Item], list[tuple[Outgoing, Waiter]]]:
        self._collapse()
        now = await self._fence(connection)
        self._savepoints = Savepoints(connection)
        left = await self._run_groups(connection, now)
        closing = self._closing()
        replies = self._replies()  # services' answers become outbox rows, so before writing
        replies += await write_effects(connection, self._wiring, self._effects, closing)
        return left, replies

    def _collapse(self) -> None:
        """Equal command ids are one command that several wait for."""
        for item in self._items:
            if isinstance(item, Answered):
                continue
            ended = self._ended.get(item.envelope.id)
            if ended is None:
                ended = Ended(bodies={}, counts=item.fingerprint)
                self._ended[item.envelope.id] = ended
            ended.bodies.setdefault(item.fingerprint, []).append(item)

    async def _fence(self, connection: db.Connection) -> datetime:
        """The inbox insert; what was there before gets its stored answer."""
        if not self._ended:
            return await connection.fetchval("select now()")  # type: ignore[no-any-return]
        fresh, now = await inbox.arrive(
            connection, [ended.arrival for ended in self._ended.values()]
        )
        for number in fresh:
            self._ended[number].fresh = True
        seen = [number for number, ended in self._ended.items() if not ended.fresh]
        if seen:
            known = await inbox.known(connection, seen)
            for number in seen:
                await self._repeat(connection, number, known.get(number))
        return now or await connection.fetchval("select now()")

    async def _repeat(
        self, connection: db.Connection, number: UUID, known: inbox.Known | None
    ) -> None:
        ended = self._ended[number]
        if known is None:
            ended.outcome = answers.TOO_LATE
            return
        ended.counts = known.fingerprint
        if known.fingerprint not in ended.bodies:
            return
        if known.state == "failed":
            ended.fresh = True  # an unexpected failure is no outcome: it runs again
        elif known.answer is not None:
            stored = msgspec.json.decode(known.answer, type=Answer)
            ended.outcome = msgspec.structs.replace(stored, replayed=True)
        else:
            for waiter in ended.waiters:
                await inbox.join(connection, number, waiter)
            ended.outcome = Later()

    async def _run_groups(self, connection: db.Connection, now: datetime) -> list[Item]:
        """Run what is fresh, in order; what is left when the savepoints are used up."""
        first = {id(ended.told) for ended in self._ended.values() if ended.fresh}
        rest = [
            (place, item)
            for place, item in enumerate(self._items)
            if isinstance(item, Answered) or id(item) in first
        ]
        while rest:
            group, rest = self._next_group(rest)
            if len(group) == 1 and not self._is_many(group[0][1]):
                alone, item = group[0]
                await self._guarded(alone, self._run_one(connection, now, item))
                if self._savepoints.exhausted and rest:
                    return await self._postpone(connection, [item for _, item in rest])
            else:
                place = group[0][0] if len(group) == 1 else None
                await self._guarded(place, self._run_many(connection, now, group))
        return []

    async def _postpone(self, connection: db.Connection, rest: list[Item]) -> list[Item]:
        """Leave items, and their repeats, to the next transaction: as if they had not come."""
        numbers = {item.envelope.id for item in rest}
        fresh = [number for number in numbers if self._ended.pop(number, None) is not None]
        await connection.execute(
            "delete from inbox where command_id = any($1::uuid[]) and state = 'open'", fresh
        )
        return [item for item in self._items if item.envelope.id in numbers]

    def _next_group(
        self, rest: list[tuple[int, Item]]
    ) -> tuple[list[tuple[int, Item]], list[tuple[int, Item]]]:
        """The first item, and for a handler for many all that may run together with it."""
        if not self._is_many(rest[0][1]):
            return rest[:1], rest[1:]
        kind = rest[0][1].kind  # type: ignore[union-attr]
        touches = self._handlers.many[kind].touches
        group: list[tuple[int, Item]] = []
        left: list[tuple[int, Item]] = []
        touched: set[Any] = set()  # also by who was passed over: nobody may overtake them
        passed_keys: set[str | None] = set()
        for place, item in rest:
            if isinstance(item, Told) and item.kind is kind:
                things = set(touches(_received(item)))
                free = not things & touched and item.incoming.key not in passed_keys
                touched |= things
                if free:
                    group.append((place, item))
                    continue
            left.append((place, item))
            if item.incoming.key is not None:
                passed_keys.add(item.incoming.key)
        return group, left

    def _is_many(self, item: Item) -> bool:
        return isinstance(item, Told) and item.kind in self._handlers.many

    async def _guarded(self, place: int | None, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:
            if db.is_trouble(error):
                raise
            raise HandlerFailed(place, error) from error

    async def _run_many(
        self, connection: db.Connection, now: datetime, group: list[tuple[int, Item]]
    ) -> None:
        told = self._well_prepared(group)
        if not told:
            return
        started = time.perf_counter()
        tx = Transaction(connection, now, self._wiring, self._effects, caller=SYSTEM,
                         command_id=UUID(int=0))  # fmt: skip
        try:
            run = self._handlers.many[told[0].kind].run
            received = [_received(item, self._prepared.get(item.envelope.id)) for item in told]
            outcomes = await run(received, tx)
        except Refusal as refusal:
            if len(told) > 1 or tx.wrote:
                raise  # found by taking the batch apart; what was written can only be undone whole
            await tx.cut_back()
            outcomes = [refusal]
        for item, outcome in zip(told, outcomes, strict=True):
            self._end(item, answers.answer_for(outcome, self._wiring.keys))
        _observe(told[0], started, len(told))

    def _well_prepared(self, group: list[tuple[int, Item]]) -> list[Told]:
        """What goes to the handler; what its preparation refused is answered."""
        told = []
        for _, item in group:
            if isinstance(item, Told):
                prepared = self._prepared.get(item.envelope.id)
                if isinstance(prepared, Refusal):
                    self._end(item, answers.refused(prepared))
                else:
                    told.append(item)
        return told

    async def _run_one(self, connection: db.Connection, now: datetime, item: Item) -> None:
        if isinstance(item, Answered):
            await self._run_answer(connection, now, item)
            return
        started = time.perf_counter()
        tx = self._transaction(connection, now, item)
        handler = self._handlers.one.get(item.kind)
        if handler is None:
            raise LookupError(f"{wire_name(item.kind)} has no handler here")
        try:
            if isinstance(tx.prepared, Refusal):
                raise tx.prepared
            outcome = await handler(item.body, tx)
            refused = outcome if isinstance(outcome, Refusal) else None
        except Refusal as refusal:
            outcome = refused = refusal
        if refused is not None:
            await tx.cut_back()
        if isinstance(outcome, Later):
            self._ended[item.envelope.id].outcome = outcome
        else:
            self._end(item, answers.answer_for(outcome, self._wiring.keys))
        _observe(item, started, 1)

    async def _run_answer(self, connection: db.Connection, now: datetime, item: Answered) -> None:
        row = await connection.fetchrow(ASKED, item.envelope.id)
        if row is None:
            return  # answered before: a repeat
        reply = Reply(
            about=row["about"],
            step=row["step"],
            asked=row["type"],
            command_id=item.envelope.id,
            context=msgspec.json.decode(row["context"]),
            answer=item.answer,
            unseal=self._wiring.keys.unseal,
        )
        trace = msgspec.json.decode(row["envelope"], type=Envelope).traceparent
        tx = Transaction(connection, now, self._wiring, self._effects, caller=SYSTEM,
                         command_id=item.envelope.id, trace=trace)  # fmt: skip
        await self._handlers.answers[reply.step](reply, tx)

    def _transaction(self, connection: db.Connection, now: datetime, item: Told) -> Transaction:
        return Transaction(
            connection,
            now,
            self._wiring,
            self._effects,
            caller=item.caller,
            command_id=item.envelope.id,
            prepared=self._prepared.get(item.envelope.id),
            savepoints=self._savepoints,
            trace=item.envelope.traceparent,
        )

    def _end(self, item: Told, answer: Answer) -> None:
        self._ended[item.envelope.id].outcome = answer

    def _closing(self) -> Closing:
        fresh = [(number, ended) for number, ended in self._ended.items() if ended.fresh]
        return Closing(
            answered=[(n, e.outcome) for n, e in fresh if isinstance(e.outcome, Answer)],
            left_open=[(n, e.waiters) for n, e in fresh if isinstance(e.outcome, Later)],
        )

    def _replies(self) -> list[tuple[Outgoing, Waiter]]:
        """Answers for gateways, to go out after commit; those for services go to the outbox."""
        replies = []
        for ended in self._ended.values():
            for fingerprint, items in ended.bodies.items():
                answer = ended.outcome if fingerprint == ended.counts else answers.KEY_REUSED
                if isinstance(answer, Answer):
                    replies += [
                        self._reply(item, answer, item.waiter)
                        for item in items
                        if item.waiter is not None
                    ]
        self._effects.outgoing += [
            outgoing for outgoing, waiter in replies if answers.reply_partition(waiter) is None
        ]
        return [reply for reply in replies if answers.reply_partition(reply[1]) is not None]

    def _reply(self, told: Told, answer: Answer, waiter: Waiter) -> tuple[Outgoing, Waiter]:
        opened = answers.opened_for(answer, told.kind, waiter, self._wiring.keys)
        return answers.record(opened, told.envelope.id, waiter, self._wiring.part), waiter


def _received(told: Told, prepared: Any = None) -> Received[Any]:
    command: Any = told.body
    return Received(
        command=command,
        caller=told.caller,
        command_id=told.envelope.id,
        prepared=prepared,
        trace=told.envelope.traceparent,
    )


def _observe(told: Told, started: float, count: int) -> None:
    seconds = time.perf_counter() - started
    telemetry.HANDLER_SECONDS.labels(type=wire_name(told.kind)).observe(seconds / count)
