"""What one process of a service does for all: timers, silent asks, periodic work, clean-up."""

import asyncio
import time
from uuid import uuid4

import structlog

from evslot.spine import db, jobs, outbox, telemetry
from evslot.spine.callers import SYSTEM
from evslot.spine.effects import speaking
from evslot.spine.handling import Handlers, Periodic
from evslot.spine.leases import Lease
from evslot.spine.records import Nudge, SendReply
from evslot.spine.transaction import Transaction
from evslot.spine.wiring import Wiring

log = structlog.get_logger()

TICK_SECONDS = 0.1
CLEAN_UP_SECONDS = 600.0
MEASURE_SECONDS = 2.0

CLEAN_UP_ROWS = 1000
"""Where a statement of the clean-up found as many, the next comes at once: there is more."""
# Rows by where they lie: however little the planner knows of a table that has just grown, it looks
# at each of them once (by their keys: 14 s for 5,000 of 12,000).
CLEAN_UP = (
    "select outbox_partitions()",
    # what was written while no day had a partition yet, after days without anybody at work
    """delete from outbox_rest where ctid = any(array(
         select ctid from outbox_rest where sent_at < now() - interval '1 day' limit 5000))""",
    # kept longer than the topics, so that nothing that can still be read is unknown
    """delete from inbox where ctid = any(array(
         select ctid from inbox where received_at < now() - interval '9 days'
           and state <> 'open' limit 5000))""",
    """delete from ask where ctid = any(array(
         select ctid from ask where answered_at < now() - interval '9 days' limit 5000))""",
    jobs.CLEAN_UP,
)


class Duties:
    """Held by lease; each run of a periodic handler is a transaction of its own."""

    def __init__(
        self,
        wiring: Wiring,
        handlers: Handlers,
        database: db.Database,
        lease: Lease,
        reply: SendReply,
        nudge: Nudge,
    ) -> None:
        self._wiring = wiring
        self._handlers = handlers
        self._database = database
        self._lease = lease
        self._reply = reply
        self._nudge = nudge
        self._due: dict[str, float] = {}

    async def run(self) -> None:
        """Until cancelled; trouble is waited out."""
        while True:
            try:
                if await self._lease.hold() is not None:
                    await self._round()
            except Exception as error:
                if not db.is_trouble(error):
                    log.exception("duty_failed")
                telemetry.TROUBLE.labels(kind=type(error).__name__).inc()
                self._lease.forget()
                await asyncio.sleep(0.5)
            await asyncio.sleep(TICK_SECONDS)

    async def _round(self) -> None:
        moved = await self._database.execute(outbox.TIMERS_DUE, outbox.AT_ONCE)
        if self._is_due("asks", 1.0):
            moved += await self._database.execute(outbox.ASK_AGAIN, outbox.AT_ONCE)
        if moved:
            self._nudge(True)
        for number, periodic in enumerate(self._handlers.periodic):
            name = f"periodic {number}"
            if self._is_due(name, periodic.seconds) and await self.run_periodic(periodic):
                self._due[name] = 0.0
        if self._is_due("measure", MEASURE_SECONDS):
            await self._measure()
        if self._is_due("clean up", CLEAN_UP_SECONDS):
            removed = [await self._database.execute(statement) for statement in CLEAN_UP]
            if max(removed) >= CLEAN_UP_ROWS:
                self._due["clean up"] = 0.0

    async def run_periodic(self, periodic: Periodic) -> bool:
        """One run of a periodic handler; whether there is more for it to do."""
        async with speaking(self._database, self._wiring, self._reply, self._nudge) as spoken:
            connection, now, effects = spoken
            tx = Transaction(
                connection, now, self._wiring, effects, caller=SYSTEM, command_id=uuid4()
            )
            return await periodic.run(tx) is True

    async def _measure(self) -> None:
        backlog = await self._database.fetch_row(outbox.BACKLOG)
        if backlog is not None:
            telemetry.OUTBOX_BACKLOG.set(backlog["rows"])
            telemetry.OUTBOX_AGE.set(backlog["seconds"])
        for row in await self._database.fetch(jobs.COUNTS):
            telemetry.JOBS.labels(kind=row["kind"], state=row["state"]).set(row["jobs"])

    def _is_due(self, name: str, seconds: float) -> bool:
        now = time.monotonic()
        if now < self._due.get(name, 0.0):
            return False
        self._due[name] = now + seconds
        return True
