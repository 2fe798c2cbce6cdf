"""The lanes of a service that change something: its commands in batches, and what it hears."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import structlog

from evslot.spine import answers, db, telemetry
from evslot.spine.batch import Batch, HandlerFailed, Item
from evslot.spine.effects import Closing, Effects, speaking, write_effects
from evslot.spine.handling import Handlers
from evslot.spine.message import Refusal, Unauthenticated
from evslot.spine.records import (
    DeadLetter,
    Delivered,
    Incoming,
    Nudge,
    Poison,
    Reader,
    SendReply,
    Told,
    answer_at_once,
    failure_for_service,
    late_caller,
)
from evslot.spine.transaction import Reading, Transaction
from evslot.spine.wiring import Wiring

log = structlog.get_logger()

BATCH = 500
PREPARED_AT_ONCE = 16
"""Commands with a slow preparation in one batch: their time is everybody's."""
TRIES = 3
"""Runs of an item alone before it counts as broken."""
PATIENCE_SECONDS = 1.2
"""After this, in trouble, who waits is told that the outcome is not known yet."""
BACK_OFF_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0)
UNEXPECTED_IN_A_ROW = 20
"""Errors of ours that are neither trouble nor a handler's; then the process ends, and says why."""


class LaneBroken(Exception):
    """A lane fails at its own work again and again; a new process may do better."""


class Lane:
    """Takes what arrived while the last batch ran; retries trouble, buries what is broken."""

    name = "events"

    def __init__(
        self, wiring: Wiring, handlers: Handlers, reader: Reader, database: db.Database,
        reply: SendReply, nudge: Nudge,
    ) -> None:  # fmt: skip
        self.wiring = wiring
        self.handlers = handlers
        self.reader = reader
        self.database = database
        self.reply = reply
        self.nudge = nudge
        self.in_trouble = False
        self.waited_seconds = 0.0
        """How long the first of the present batch had waited for it."""
        self._queue: deque[Delivered] = deque()
        self._in_hand: list[Delivered] = []
        self._moved_at = time.monotonic()
        """When a batch began, or one more preparation of it was done."""
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def backlog(self) -> int:
        return len(self._queue)

    def put(self, deliveries: Sequence[Delivered]) -> None:
        self._queue.extend(deliveries)
        self._idle.clear()
        self._wake.set()

    async def drained(self) -> None:
        """Until nothing is in hand or queued."""
        await self._idle.wait()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if not self._queue:
                self._idle.set()
                self._wake.clear()
                await self._wake.wait()
            self._in_hand = self._take()
            self._moved_at = time.monotonic()
            if self._in_hand:
                self.waited_seconds = self._moved_at - self._in_hand[0].arrived
            await self._persist(self._in_hand)
            self._in_hand = []

    async def watch(self) -> None:
        """Tell who waits too long because of trouble; until cancelled.

        A queue that moves is none, however long: of 200 passwords to compare, the last has to wait.
        """
        while True:
            await asyncio.sleep(0.2)
            late = time.monotonic() - PATIENCE_SECONDS
            stuck = bool(self._in_hand) and self._moved_at < late
            if not (stuck or self.in_trouble):
                continue
            for delivery in [*self._in_hand, *self._queue]:
                if delivery.arrived < late and not delivery.warned:
                    delivery.warned = True
                    answer_at_once(self.wiring, self.reply, delivery.incoming, answers.UNAVAILABLE)

    def _take(self) -> list[Delivered]:
        taken: list[Delivered] = []
        while self._queue and len(taken) < BATCH:
            delivery = self._queue.popleft()
            if not delivery.lost:
                taken.append(delivery)
        return taken

    async def _persist(self, deliveries: list[Delivered]) -> None:
        """Through trouble: nobody's message is to blame, so the same again and again.

        From the second failure on each halves what is tried at once, and each success doubles it:
        what takes longer than a transaction may (`transaction_timeout`) looks like trouble too,
        and whole it would be tried for ever.
        """
        open_: dict[int, Delivered] = {}
        items = []
        for delivery in deliveries:
            item = await self._read(delivery)
            if item is not None:
                open_[id(item)] = delivery
                items.append(item)
        telemetry.BATCH_SIZE.labels(lane=self.name).observe(len(deliveries))
        attempt = unexpected = 0
        at_once = len(items)
        while items:
            tried = items[:at_once]
            try:
                await self._work_through(tried, open_)
                unexpected = 0
                at_once = 2 * len(tried)
            except Exception as error:
                unexpected = 0 if db.is_trouble(error) else unexpected + 1
                if unexpected:
                    self._note_unexpected(error, unexpected)
                self._note_trouble(error, attempt)
                await asyncio.sleep(BACK_OFF_SECONDS[min(attempt, len(BACK_OFF_SECONDS) - 1)])
                if attempt > 0:
                    at_once = max(1, len(tried) // 2)
                attempt += 1
            items = [i for i in items if id(i) in open_ and not open_[id(i)].lost]
        self.in_trouble = False

    def _note_unexpected(self, error: Exception, times: int) -> None:
        """Raises LaneBroken once it is too often: for ever the same batch would be a dead lane."""
        log.error("lane_failed", lane=self.name, times=times, exc_info=error)
        if times >= UNEXPECTED_IN_A_ROW:
            reason = db.reason_of(error)
            raise LaneBroken(f"{self.name} failed {times} times in a row: {reason}") from error

    def _note_trouble(self, error: Exception, attempt: int) -> None:
        telemetry.TROUBLE.labels(kind=type(error).__name__).inc()
        self.in_trouble = attempt > 0
        if attempt in (0, 5):
            log.warning("trouble", lane=self.name, reason=db.reason_of(error))

    async def _work_through(self, items: list[Item], open_: dict[int, Delivered]) -> None:
        """Commit all items, whatever split that takes; broken ones end in the dead topic."""
        while items:
            try:
                left = await self._commit(items)
            except Exception as error:
                if db.is_trouble(error):
                    raise
                if not await self.database.healthy():
                    raise db.Trouble("a handler broke on an unhealthy connection") from error
                if len(items) == 1:
                    await self._alone(items[0], error)
                    open_.pop(id(items[0])).done()
                    return
                for part in _split(items, error):
                    await self._work_through(part, open_)
                return
            kept = set(map(id, left))
            for item in items:
                if id(item) not in kept:
                    open_.pop(id(item)).done()
            items = left

    async def _alone(self, item: Item, error: Exception) -> None:
        """A few more tries by itself, then it is given up."""
        for _ in range(TRIES - 1):
            try:
                if not await self._commit([item]):
                    return
            except Exception as again:
                if db.is_trouble(again):
                    raise
                error = again
        cause = error.cause if isinstance(error, HandlerFailed) else error
        log.error(
            "message_broken",
            type=item.envelope.type,
            command_id=str(item.envelope.id),
            exc_info=cause,
        )
        await self._bury(item.incoming, db.reason_of(cause), item)

    async def _read(self, delivery: Delivered) -> Item | None:
        try:
            if not self._concerns(delivery.incoming):
                delivery.done()
                return None
            return self.reader.read(delivery.incoming)
        except Unauthenticated as error:
            answer_at_once(self.wiring, self.reply, delivery.incoming, late_caller(error))
        except Poison as poison:
            log.error("poison", topic=delivery.incoming.topic, reason=poison.reason)
            await self._bury_surely(delivery.incoming, poison.reason)
        delivery.done()
        return None

    def _concerns(self, incoming: Incoming) -> bool:
        """An event of a known kind that nobody here listens to is not even decoded."""
        kind = self.reader.kind_of(incoming)
        return kind is None or kind in self.handlers.events

    async def _bury_surely(self, incoming: Incoming, reason: str) -> None:
        """Until the database takes it."""
        for attempt in range(1_000_000):
            try:
                await self._bury(incoming, reason, None)
                return
            except Exception as error:
                if not db.is_trouble(error):
                    raise
                self._note_trouble(error, attempt)
                await asyncio.sleep(BACK_OFF_SECONDS[min(attempt, len(BACK_OFF_SECONDS) - 1)])

    async def _bury(self, incoming: Incoming, reason: str, item: Item | None) -> None:
        """The record goes to the dead topic, with its inbox row, in one transaction."""
        letter = DeadLetter.of(incoming, reason).record(self.wiring.topics, self.wiring.part)
        effects = Effects()
        effects.outgoing.append(letter)
        effects.outgoing += failure_for_service(self.wiring, incoming)
        async with self.database.transaction() as connection:
            if isinstance(item, Told) and self.name == "commands":
                await connection.execute(FAILED, item.envelope.id, item.fingerprint,
                                         item.envelope.type)  # fmt: skip
            await write_effects(connection, self.wiring, effects, Closing())
        telemetry.DEAD_LETTERS.labels(topic=incoming.topic, reason=reason.split(":")[0]).inc()
        self.nudge(True)
        answer_at_once(self.wiring, self.reply, incoming, answers.FAILED)

    async def _commit(self, items: list[Item]) -> list[Item]:
        """Events: each by its handler, all in one transaction."""
        async with speaking(self.database, self.wiring, self.reply, self.nudge) as spoken:
            connection, now, effects = spoken
            for place, item in enumerate(items):
                assert isinstance(item, Told), "an event topic carries events"
                handler = self.handlers.events[item.kind]
                tx = Transaction(connection, now, self.wiring, effects, caller=item.caller,
                                 command_id=item.envelope.id,
                                 trace=item.envelope.traceparent)  # fmt: skip
                try:
                    await handler(item.body, tx)
                except Exception as error:
                    if db.is_trouble(error):
                        raise
                    raise HandlerFailed(place, error) from error
        return []


FAILED = """
insert into inbox (command_id, fingerprint, type, state, answered_at)
values ($1, $2, $3, 'failed', now())
on conflict (command_id) do nothing"""


class CommandLane(Lane):
    """Commands and the answers to our own questions, by the batch contract."""

    name = "commands"

    def __init__(
        self, wiring: Wiring, handlers: Handlers, reader: Reader, database: db.Database,
        reply: SendReply, nudge: Nudge,
    ) -> None:  # fmt: skip
        super().__init__(wiring, handlers, reader, database, reply, nudge)
        self._batch = Batch(self.wiring, self.handlers, self.database, self.reply, self.nudge)
        self._thinking = asyncio.Semaphore(2)

    def _take(self) -> list[Delivered]:
        """As the lane does, but with few slow preparations: their time is everybody's."""
        slow = {kind.__name__ for kind in self.handlers.preparing}
        taken: list[Delivered] = []
        thinking = 0
        while self._queue and len(taken) < BATCH:
            name = (self._queue[0].incoming.header("ce_type") or "").rpartition(".")[2]
            thinking += name in slow
            if thinking > PREPARED_AT_ONCE:
                break
            delivery = self._queue.popleft()
            if not delivery.lost:
                taken.append(delivery)
        return taken

    def _concerns(self, incoming: Incoming) -> bool:
        return True  # what comes on the command topic is always for us

    async def _commit(self, items: list[Item]) -> list[Item]:
        return await self._batch.run(items, await self._prepare(items))

    async def _prepare(self, items: list[Item]) -> dict[UUID, Any]:
        first: dict[UUID, Told] = {}
        for item in items:
            if isinstance(item, Told) and item.kind in self.handlers.preparing:
                first.setdefault(item.envelope.id, item)
        if not first:
            return {}
        waiting = {number: self._prepare_one(item) for number, item in first.items()}
        results = await asyncio.gather(*waiting.values(), return_exceptions=True)
        found = dict(zip(waiting, results, strict=True))
        for place, item in enumerate(items):
            error = found.get(item.envelope.id)
            if isinstance(error, Exception) and not isinstance(error, Refusal):
                if db.is_trouble(error):
                    raise error
                raise HandlerFailed(place, error) from error
        return found

    async def _prepare_one(self, item: Told) -> Any:
        async with self._thinking, self.database.connection() as connection:
            now = await connection.fetchval("select now()")
            reading = Reading(connection, now, self.wiring, item.caller)
            prepared = await self.handlers.preparing[item.kind](item.body, reading)
            self._moved_at = time.monotonic()
            return prepared


def _split(items: list[Item], error: Exception) -> list[list[Item]]:
    """Around the broken one where it is known, else in halves; order is kept."""
    place = error.place if isinstance(error, HandlerFailed) else None
    if place is None:
        middle = len(items) // 2
        return [items[:middle], items[middle:]]
    return [part for part in (items[:place], items[place : place + 1], items[place + 1 :]) if part]
