"""The lane of questions: unordered, a few at a time, unread when late."""

import asyncio
import time
from typing import Any

import structlog

from evslot.spine import answers, db, telemetry
from evslot.spine.handling import Queries
from evslot.spine.inbox import Waiter
from evslot.spine.message import Answer, Envelope, Refusal, Unauthenticated
from evslot.spine.operations import GetOperation, look_up
from evslot.spine.records import (
    Delivered,
    Poison,
    Reader,
    SendReply,
    Told,
    answer_at_once,
    late_caller,
)
from evslot.spine.transaction import Reading
from evslot.spine.wiring import Wiring

log = structlog.get_logger()

QUERIES_WAITING = 500
QUERY_WORKERS = 4
QUERY_SECONDS = 1.8
"""From arrival to answer; who waits is promised a word within two seconds."""


class QueryLane:
    """Questions: unordered, a few at a time, on connections of their own, unread when late."""

    def __init__(
        self,
        wiring: Wiring,
        queries: Queries,
        reader: Reader,
        database: db.Database,
        reply: SendReply,
    ) -> None:
        self.wiring = wiring
        self.reply = reply
        self._queries = queries
        self._reader = reader
        self._database = database
        self._queue: asyncio.Queue[Delivered] = asyncio.Queue()
        self._clock = db.Clock()

    @property
    def backlog(self) -> int:
        return self._queue.qsize()

    def put(self, delivery: Delivered) -> None:
        if self._queue.qsize() >= QUERIES_WAITING:
            answer_at_once(self.wiring, self.reply, delivery.incoming, answers.UNAVAILABLE)
            delivery.done()
        else:
            self._queue.put_nowait(delivery)

    async def drained(self) -> None:
        await self._queue.join()

    async def run(self) -> None:
        """Until cancelled: the workers."""
        async with asyncio.TaskGroup() as workers:
            for _ in range(QUERY_WORKERS):
                workers.create_task(self._work())

    async def _work(self) -> None:
        while True:
            delivery = await self._queue.get()
            try:
                await self._serve(delivery)
            finally:
                delivery.done()
                self._queue.task_done()

    async def _serve(self, delivery: Delivered) -> None:
        incoming = delivery.incoming
        try:
            envelope = self._reader.envelope(incoming)
            if self._is_late(delivery, envelope):
                return
            told = self._reader.read(incoming)
        except Unauthenticated as error:
            answer_at_once(self.wiring, self.reply, incoming, late_caller(error))
            return
        except Poison as poison:
            log.error("query_not_understood", reason=poison.reason)
            answer_at_once(self.wiring, self.reply, incoming, answers.FAILED)
            return
        assert isinstance(told, Told), "answers do not come down the query lane"
        if told.waiter is not None:
            answer = await self._answer(told, told.waiter, delivery.arrived + QUERY_SECONDS)
            if answer.status == 503 and answers.reply_partition(told.waiter) is None:
                return  # a service asks again by itself; a person is told at once
            self.reply(
                answers.record(answer, envelope.id, told.waiter, self.wiring.part), told.waiter
            )

    def _is_late(self, delivery: Delivered, envelope: Envelope) -> bool:
        """Whether who asked has gone. Two clocks alone count: the broker's and the database's."""
        now = self._clock.guessed()
        if now is None or envelope.answer_within is None:
            return False
        return (now - delivery.incoming.appended_at).total_seconds() > envelope.answer_within

    async def _answer(self, told: Told, waiter: Waiter, until: float) -> Answer:
        """Waiting for a worker counts: behind others that hang, nobody is told later than them."""
        started = time.perf_counter()
        try:
            async with asyncio.timeout(max(0.0, until - time.monotonic())):
                outcome = await self._ask(told, waiter)
            answer = answers.done(outcome, self.wiring.keys)
            if isinstance(told.body, GetOperation):
                return answer
            return answers.opened_for(answer, told.kind, waiter, self.wiring.keys)
        except Refusal as refusal:
            return answers.refused(refusal)
        except Exception as error:
            if db.is_trouble(error):
                telemetry.TROUBLE.labels(kind=type(error).__name__).inc()
                return answers.UNAVAILABLE
            log.exception("query_failed", type=told.envelope.type)
            return answers.FAILED
        finally:
            seconds = time.perf_counter() - started
            telemetry.HANDLER_SECONDS.labels(type=told.envelope.type).observe(seconds)

    async def _ask(self, told: Told, waiter: Waiter) -> Any:
        async with self._database.connection() as connection:
            if isinstance(told.body, GetOperation):
                return await look_up(
                    connection, told.body, waiter, self.wiring.catalogue, self.wiring.keys
                )
            now = await self._clock.now(connection)
            reading = Reading(connection, now, self.wiring, told.caller)
            return await self._queries.on_query[told.kind](told.body, reading)
