"""Works on what is due: leased rows, bounded workers, retries, a deadline."""

import asyncio
import random
import time
from contextlib import suppress
from typing import Any
from uuid import UUID

import msgspec
import structlog

from evslot.spine import db, message, telemetry
from evslot.spine.callers import SYSTEM
from evslot.spine.effects import speaking
from evslot.spine.failpoints import failpoint
from evslot.spine.handling import Handlers
from evslot.spine.jobs.dead import DEAD_JOB, as_far_as_readable, letter_of
from evslot.spine.jobs.kinds import JobContext, JobFailed, Jobs, Kind
from evslot.spine.jobs.rows import FINISH, LEASE, RETRY, TAKE_OVER
from evslot.spine.records import Nudge, SendReply
from evslot.spine.sealing import SealBroken
from evslot.spine.transaction import Transaction
from evslot.spine.wiring import Wiring

log = structlog.get_logger()

RESULT_TRIES = 3
"""Runs of a job that has used up its attempts, where the handler of its result breaks."""
LEASE_MARGIN = 5.0
"""Seconds that a lease lasts longer than one attempt may take: for writing down what it did."""
NOTE_PAUSE = 0.1
TICK_SECONDS = 0.5
"""How often the table is asked when nobody nudges."""


class JobRunner:
    """Leases jobs and works on them, a bounded number of each kind."""

    def __init__(
        self,
        wiring: Wiring,
        jobs: Jobs,
        handlers: Handlers,
        database: db.Database,
        reply: SendReply,
        nudge_relay: Nudge,
        slot: int = 0,
    ) -> None:
        """`slot`: the process's number, which no other of its part has at the same time."""
        self._wiring = wiring
        self._slot = slot
        self._jobs = jobs
        self._handlers = handlers
        self._database = database
        self._reply = reply
        self._nudge_relay = nudge_relay
        self._nudged = {kind: asyncio.Event() for kind in jobs.kinds}
        self._working: set[asyncio.Task[None]] = set()
        self._leasing: set[asyncio.Task[None]] = set()
        self._stopping = False

    def nudge(self) -> None:
        """Something was committed: there may be jobs."""
        for nudged in self._nudged.values():
            nudged.set()

    async def run(self) -> None:
        """Until stopped or cancelled; the jobs at work are then left to who comes next here."""
        await self._take_over()
        async with asyncio.TaskGroup() as loops:
            for kind in self._jobs.kinds.values():
                leasing = loops.create_task(self._lease_kind(kind))
                self._leasing.add(leasing)
                leasing.add_done_callback(self._leasing.discard)

    def stop(self) -> None:
        """Nothing more is leased; what is at work goes on."""
        self._stopping = True
        self.nudge()

    async def drained(self, seconds: float) -> None:
        """Stop, and wait a little for the jobs at work; the rest are given up.

        Their leases run out. What a lease that is under way still brings is waited for as well.
        """
        self.stop()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while busy := self._leasing | self._working:
                        await asyncio.wait(busy)
        finally:
            late = self._leasing | self._working
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def step(self, kind_name: str) -> int:
        """Run what is due of one kind once, to its end (tests)."""
        kind = self._jobs.kinds[kind_name]
        rows = await self._lease(kind, kind.workers)
        for row in rows:
            await self._work(kind, row)
        return len(rows)

    async def _take_over(self) -> None:
        """A lease may be long (a mail server is given a minute and a half): nobody waits for it."""
        while True:
            try:
                await self._database.execute(TAKE_OVER, list(self._jobs.kinds), self._slot)
                return
            except Exception as error:
                if not db.is_trouble(error):
                    raise
                telemetry.TROUBLE.labels(kind=type(error).__name__).inc()
                await asyncio.sleep(TICK_SECONDS)

    async def _lease_kind(self, kind: Kind) -> None:
        at_work: set[asyncio.Task[None]] = set()
        nudged = self._nudged[kind.kind.kind()]
        while not self._stopping:
            nudged.clear()
            free = kind.workers - len(at_work)
            if free == 0:
                await asyncio.wait(at_work, return_when=asyncio.FIRST_COMPLETED)
                continue
            rows = await self._lease_through_trouble(kind, free)
            for row in rows:
                task = asyncio.create_task(self._work(kind, row))
                for tasks in (at_work, self._working):
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
            if len(rows) < free:
                await _either(nudged, TICK_SECONDS)

    async def _lease_through_trouble(self, kind: Kind, count: int) -> list[db.Row]:
        try:
            return await self._lease(kind, count)
        except Exception as error:
            if not db.is_trouble(error):
                log.exception("job_lease_failed", kind=kind.kind.kind())
            telemetry.TROUBLE.labels(kind=type(error).__name__).inc()
            await asyncio.sleep(0.5)
            return []

    async def _lease(self, kind: Kind, count: int) -> list[db.Row]:
        seconds = kind.timeout_seconds + LEASE_MARGIN
        return await self._database.fetch(LEASE, kind.kind.kind(), count, seconds, self._slot)

    async def _work(self, kind: Kind, row: db.Row) -> None:
        """One attempt, then its result or the next try; a lost lease changes nothing."""
        job_id, attempt = row["id"], row["attempt"]
        until = time.monotonic() + kind.timeout_seconds + LEASE_MARGIN
        try:
            body = message.decode(row["payload"], kind.kind, self._wiring.keys.unseal)
        except (msgspec.MsgspecError, SealBroken) as error:
            await self._not_understood(kind, row, error)
            return
        try:
            failpoint("job.before_call")
            result, reason = await self._attempt(kind, row, body)
            failpoint("job.after_call")
            await self._note(kind, row, body, result, reason, until)
        except Exception as error:
            # The lease runs out and the job runs again, with the same id towards the outside.
            telemetry.TROUBLE.labels(kind=type(error).__name__).inc()
            if db.is_trouble(error):
                return
            log.exception("job_result_failed", kind=kind.kind.kind(), job_id=str(job_id))
            if attempt >= kind.attempts + RESULT_TRIES - 1:
                await self._bury(kind, row, f"result: {db.reason_of(error)}", "result")

    async def _not_understood(self, kind: Kind, row: db.Row, error: Exception) -> None:
        """Tried again like any other: another process may know its version, or have its key.

        In the end its letter keeps what it says, and its handler hears that it failed.
        """
        reason = f"not understood: {db.reason_of(error)}"
        log.error("job_not_understood", kind=kind.kind.kind(), job_id=str(row["id"]),
                  attempt=row["attempt"], reason=reason)  # fmt: skip
        failed = JobFailed(reason=reason, attempts=row["attempt"])
        try:
            if row["attempt"] < kind.attempts and not row["over"]:
                await self._try_again(kind, row["id"], row["attempt"], reason)
                return
            body = as_far_as_readable(row["payload"], kind.kind, self._wiring.keys.unseal)
            await self._finish(kind, row, body, failed, reason, dead="not_understood")
        except Exception as broken:
            if db.is_trouble(broken):
                telemetry.TROUBLE.labels(kind=type(broken).__name__).inc()
                return  # as any other: the lease runs out
            log.exception("job_result_failed", kind=kind.kind.kind(), job_id=str(row["id"]))
            await self._bury(kind, row, reason, "not_understood")

    async def _bury(self, kind: Kind, row: db.Row, reason: str, dead: str) -> None:
        """To the dead topic; nobody hears of a result."""
        failed = JobFailed(reason=reason, attempts=row["attempt"])
        try:
            await self._finish(kind, row, None, failed, reason, dead=dead)
        except Exception as error:
            if not db.is_trouble(error):
                raise

    async def _attempt(self, kind: Kind, row: db.Row, body: Any) -> tuple[Any, str | None]:
        """A result (JobFailed among them), or None and why it is to be tried again."""
        if row["over"]:
            return JobFailed(reason="deadline", attempts=row["attempt"] - 1), "deadline"
        context = JobContext(self._wiring.resources, row["id"], row["attempt"])
        try:
            async with asyncio.timeout(kind.timeout_seconds):
                return await kind.run(body, context), None
        except Exception as error:
            reason = db.reason_of(error)
            log.warning("job_attempt_failed", kind=kind.kind.kind(), job_id=str(row["id"]),
                        attempt=row["attempt"], reason=type(error).__name__)  # fmt: skip
            if row["attempt"] >= kind.attempts:
                return JobFailed(reason=reason, attempts=row["attempt"]), reason
            return None, reason

    async def _note(
        self, kind: Kind, row: db.Row, body: Any, result: Any, reason: str | None, until: float
    ) -> None:
        """Again and again through trouble, as long as the lease lasts.

        What was done outside is known here and nowhere else: were it left to the lease, it would
        be done again (a mail sent twice), and who waits for it would wait for so long. Fenced by
        the attempt, so a commit that was done after all makes the next one change nothing.
        """
        pause = NOTE_PAUSE
        while True:
            try:
                if result is None:
                    await self._try_again(kind, row["id"], row["attempt"], reason)
                else:
                    await self._finish(kind, row, body, result, reason)
                return
            except Exception as error:
                if not db.is_trouble(error) or time.monotonic() + pause > until:
                    raise
                telemetry.TROUBLE.labels(kind=type(error).__name__).inc()
            await asyncio.sleep(pause)
            pause = min(2 * pause, 1.0)

    async def _try_again(self, kind: Kind, job_id: UUID, attempt: int, reason: str | None) -> None:
        pause = min(kind.back_off_seconds * 2 ** (attempt - 1), 60.0)
        pause *= random.uniform(0.5, 1.0)
        await self._database.execute(RETRY, job_id, attempt, pause, reason)

    async def _finish(
        self,
        kind: Kind,
        row: db.Row,
        body: Any,
        result: Any,
        reason: str | None,
        dead: str | None = None,
    ) -> None:
        """The result handler's transaction; fenced by the attempt.

        Without a body there is nobody to tell; with `dead` it goes to the dead topic as well.
        """
        state = "failed" if isinstance(result, JobFailed) else "done"
        async with speaking(self._database, self._wiring, self._reply, self._nudge_relay) as spoken:
            connection, now, effects = spoken
            finished = await connection.execute(FINISH, row["id"], row["attempt"], state, reason)
            if db.affected(finished) == 0:
                return
            if dead is not None:
                letter = letter_of(kind, row, reason or dead, now)
                effects.outgoing.append(letter.record(self._wiring.topics, self._wiring.part))
            tx = Transaction(connection, now, self._wiring, effects, caller=SYSTEM,
                             command_id=row["id"], trace=row["traceparent"])  # fmt: skip
            handler = self._handlers.results.get(kind.kind)
            if handler is not None and body is not None:
                await handler(body, result, tx)
        if dead is not None:
            topic = f"{DEAD_JOB}{kind.kind.kind()}"
            telemetry.DEAD_LETTERS.labels(topic=topic, reason=dead).inc()
        self.nudge()


async def _either(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
