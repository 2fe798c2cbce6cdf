"""Slow work with the outside world: leased rows, bounded workers, retries, a deadline."""

import asyncio
import base64
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import structlog
from msgspec import Struct

from evslot.spine import db, message, telemetry
from evslot.spine.callers import SYSTEM
from evslot.spine.effects import speaking
from evslot.spine.failpoints import failpoint
from evslot.spine.handling import Handlers
from evslot.spine.records import DeadLetter, Incoming, Nudge, SendReply
from evslot.spine.sealing import SealBroken
from evslot.spine.transaction import Job, Transaction
from evslot.spine.wiring import Resources, Wiring

log = structlog.get_logger()

T = TypeVar("T")
R = TypeVar("R")

RESULT_TRIES = 3
"""Runs of a job that has used up its attempts, where the handler of its result breaks."""
DEAD_JOB = "job/"
"""In place of a topic in a dead letter: what follows is the kind of a job."""
LEASE_MARGIN = 5.0
"""Seconds that a lease lasts longer than one attempt may take: for writing down what it did."""
NOTE_PAUSE = 0.1
TICK_SECONDS = 0.5
"""How often the table is asked when nobody nudges."""

LEASE = """
update job set state = 'running', attempt = attempt + 1, slot = $4,
  leased_until = now() + make_interval(secs => $3)
where id in (
  select id from job
  where kind = $1 and state in ('ready', 'running') and run_at <= now()
    and (state = 'ready' or leased_until < now())
  order by run_at limit $2 for update skip locked)
returning id, payload, attempt, traceparent, deadline_at < now() as over"""

# What the process before us in this slot left: it holds the slot no more, and should it still do
# something, its attempt is fenced.
TAKE_OVER = """
update job set leased_until = now()
where kind = any($1) and state = 'running' and slot = $2 and leased_until > now()"""

FINISH = """
update job set state = $3, finished_at = now(), leased_until = null, error = $4, payload = ''
where id = $1 and state = 'running' and attempt = $2"""

RETRY = """
update job set state = 'ready', leased_until = null, error = $4,
  run_at = now() + make_interval(secs => $3)
where id = $1 and state = 'running' and attempt = $2"""

# From a dead letter; one that is at work or done meanwhile is left alone.
AGAIN = """
insert into job (id, kind, payload, deadline_at, traceparent)
values ($1, $2, $3, now() + make_interval(secs => $4), $5)
on conflict (id) do update set state = 'ready', payload = excluded.payload, attempt = 0,
  run_at = now(), deadline_at = excluded.deadline_at, error = null, finished_at = null
where job.state = 'failed'"""

COUNTS = "select kind, state, count(*) as jobs from job group by kind, state"

CLEAN_UP = """
delete from job where ctid = any(array(
  select ctid from job
  where state in ('done', 'failed') and finished_at < now() - interval '30 days' limit 1000))"""


class JobFailed(Struct, frozen=True, kw_only=True):
    """Attempts or time are used up; the outcome outside may be unknown."""

    reason: str
    attempts: int


class JobContext(Resources):
    """Resources, the job's id (its idempotency key outside) and which attempt this is."""

    def __init__(self, resources: Resources, job_id: UUID, attempt: int) -> None:
        super().__init__(list(resources))
        self.job_id = job_id
        self.attempt = attempt


class Kind(Struct, frozen=True, kw_only=True):
    """How one kind of job is run."""

    kind: type[Job[Any]]
    run: Callable[[Any, JobContext], Awaitable[Any]]
    workers: int
    attempts: int
    timeout_seconds: float
    deadline_seconds: float
    back_off_seconds: float


class Jobs:
    """What a service does outside of transactions."""

    def __init__(self) -> None:
        self.kinds: dict[str, Kind] = {}

    def run(
        self,
        kind: type[Job[R]],
        *,
        workers: int = 4,
        attempts: int = 6,
        timeout_seconds: float = 10.0,
        deadline_seconds: float = 120.0,
        back_off_seconds: float = 0.5,
    ) -> Callable[
        [Callable[[T, JobContext], Awaitable[R]]], Callable[[T, JobContext], Awaitable[R]]
    ]:
        """An adapter call: whatever it raises is tried again with growing pauses."""

        def register(
            run: Callable[[T, JobContext], Awaitable[R]],
        ) -> Callable[[T, JobContext], Awaitable[R]]:
            self.kinds[kind.kind()] = Kind(
                kind=kind,
                run=run,
                workers=workers,
                attempts=attempts,
                timeout_seconds=timeout_seconds,
                deadline_seconds=deadline_seconds,
                back_off_seconds=back_off_seconds,
            )
            return run

        return register


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

    def nudge(self) -> None:
        """Something was committed: there may be jobs."""
        for nudged in self._nudged.values():
            nudged.set()

    async def run(self) -> None:
        """Until cancelled; the jobs at work are then left to who comes next in this slot."""
        await self._take_over()
        async with asyncio.TaskGroup() as loops:
            for kind in self._jobs.kinds.values():
                loops.create_task(self._lease_kind(kind))

    async def drained(self, seconds: float) -> None:
        """Wait a little for the jobs at work; the rest are given up, and their leases run out."""
        if not self._working:
            return
        _, late = await asyncio.wait(self._working, timeout=seconds)
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
        while True:
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
        except (msgspec.MsgspecError, SealBroken):
            # A type or a key that is gone: no try will ever read it.
            log.exception("job_not_understood", kind=kind.kind.kind(), job_id=str(job_id))
            await self._database.execute(FINISH, job_id, attempt, "failed", "not understood")
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
                await self._bury(kind, row, db.reason_of(error))

    async def _bury(self, kind: Kind, row: db.Row, reason: str) -> None:
        """To the dead topic, whole enough to be run again: what it did outside is not lost."""
        reason = f"result: {reason}"
        headers = {"ce_type": kind.kind.kind(), "ce_id": str(row["id"])}
        if row["traceparent"]:
            headers["traceparent"] = row["traceparent"]
        try:
            async with speaking(self._database, self._wiring, self._reply, self._nudge_relay) as (
                connection,
                now,
                effects,
            ):
                ended = await connection.execute(
                    FINISH, row["id"], row["attempt"], "failed", reason
                )
                if db.affected(ended) == 0:
                    return
                letter = DeadLetter.of(_as_record(kind, row, headers, now), reason)
                effects.outgoing.append(letter.record(self._wiring.topics, self._wiring.part))
        except Exception as error:
            if not db.is_trouble(error):
                raise
            return
        telemetry.DEAD_LETTERS.labels(topic=f"{DEAD_JOB}{kind.kind.kind()}", reason="result").inc()

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
        self, kind: Kind, row: db.Row, body: Any, result: Any, reason: str | None
    ) -> None:
        """The result handler's transaction; fenced by the attempt."""
        state = "failed" if isinstance(result, JobFailed) else "done"
        async with speaking(self._database, self._wiring, self._reply, self._nudge_relay) as spoken:
            connection, now, effects = spoken
            finished = await connection.execute(FINISH, row["id"], row["attempt"], state, reason)
            if db.affected(finished) == 0:
                return
            tx = Transaction(connection, now, self._wiring, effects, caller=SYSTEM,
                             command_id=row["id"], trace=row["traceparent"])  # fmt: skip
            handler = self._handlers.results.get(kind.kind)
            if handler is not None:
                await handler(body, result, tx)
        self.nudge()


def _as_record(kind: Kind, row: db.Row, headers: dict[str, str], now: datetime) -> Incoming:
    return Incoming(
        topic=f"{DEAD_JOB}{kind.kind.kind()}",
        partition=0,
        offset=row["attempt"],
        appended_at=now,
        key=None,
        value=bytes(row["payload"]),
        headers=tuple((name, value.encode()) for name, value in headers.items()),
    )


async def run_again(database: db.Database, jobs: Jobs, letter: DeadLetter) -> bool:
    """A job from the dead topic is ready again; False where it is at work or done by now."""
    headers = dict(letter.headers)
    kind = jobs.kinds[letter.topic.removeprefix(DEAD_JOB)]
    done = await database.execute(
        AGAIN,
        UUID(headers["ce_id"]),
        kind.kind.kind(),
        base64.b64decode(letter.value),
        kind.deadline_seconds,
        headers.get("traceparent"),
    )
    return done == 1


async def _either(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


__all__ = ["DEAD_JOB", "Job", "JobContext", "JobFailed", "JobRunner", "Jobs", "run_again"]
