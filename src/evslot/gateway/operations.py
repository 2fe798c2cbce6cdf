"""Remembers which part was asked to do what, before the edge says 202 or 503."""

import asyncio
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from evslot.gateway import store
from evslot.spine.db import Database, is_trouble, reason_of
from evslot.spine.telemetry import TROUBLE, log
from evslot.values import UserId

WRITE_SECONDS = 0.3
"""A 503 is promised within 2 s, 1.5 s of which Kafka may use up."""
READ_SECONDS = 1.5
UNWRITTEN = 10_000
"""Operations kept in memory while the database is away."""
RETRY_SECONDS = 0.5
KEPT = timedelta(days=7)
"""As long as the topics keep records; inbox rows live longer."""
CLEANED_AT_ONCE = 1000
"""In one turn: short enough that what could not be written does not wait for it."""
CLEAN_SECONDS = 600.0
"""Where the last turn left none; else the next turn goes on, faster than operations can come."""


class Operation(Struct, frozen=True, kw_only=True):
    """A command that was written to Kafka, or may have been."""

    operation_id: UUID
    service: str
    type: str
    caller: UserId | None
    accepted_at: datetime
    age: timedelta = timedelta(0)
    """When it was looked up; by one clock, though another gateway may have accepted it."""

    def aged(self) -> "Operation":
        """As of now, by the clock of the process that accepted it."""
        return replace(self, age=datetime.now(UTC) - self.accepted_at)

    def row(self) -> store.OperationRow:
        return (self.operation_id, self.service, self.type, self.caller, self.aged().age)


class Operations:
    """The table of operations, with a bounded memory for the time its database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._unwritten: OrderedDict[UUID, Operation] = OrderedDict()
        self._task: asyncio.Task[None] | None = None
        self._failing = ""

    async def start(self) -> None:
        self._task = asyncio.create_task(self._tend(), name="operations")

    async def stop(self) -> None:
        """Writes what is still in memory, if the database lets us."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._write_rest()

    @property
    def is_tended(self) -> bool:
        """False where the task that writes ended by itself: a restart is what helps."""
        return self._task is None or self._task.cancelled() or not self._task.done()

    @property
    def unwritten(self) -> int:
        return len(self._unwritten)

    async def record(self, operation: Operation) -> None:
        """Written on return; or kept in memory and tried again, where the database is away."""
        self._unwritten[operation.operation_id] = operation
        if len(self._unwritten) > UNWRITTEN:
            lost, _ = self._unwritten.popitem(last=False)
            log.error("operation not remembered", command_id=str(lost), kept=UNWRITTEN)
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await store.insert_operations(self._database, [operation.row()])
        except Exception as error:
            if not is_trouble(error):
                raise
            TROUBLE.labels("gateway_database").inc()
            log.warning("operation kept in memory", reason=repr(error))
        else:
            self._unwritten.pop(operation.operation_id, None)

    async def find(self, operation_id: UUID) -> Operation | None:
        """Raises what the database raises where it is away."""
        if kept := self._unwritten.get(operation_id):
            return kept.aged()
        async with asyncio.timeout(READ_SECONDS):
            row = await store.select_operation(self._database, operation_id)
        if row is None:
            return None
        return Operation(
            operation_id=row["id"],
            service=row["service"],
            type=row["type"],
            caller=row["caller"],
            accepted_at=row["accepted_at"],
            age=row["age"],
        )

    async def _tend(self) -> None:
        """Write what could not be written, throw away what is old."""
        until_cleaning = 0.0
        while True:
            await self._write_rest()
            if until_cleaning <= 0:
                more = await self._clean()
                until_cleaning = 0.0 if more else CLEAN_SECONDS
            await asyncio.sleep(RETRY_SECONDS)
            until_cleaning -= RETRY_SECONDS

    async def _write_rest(self) -> None:
        batch = list(self._unwritten.values())
        if not batch:
            return
        try:
            async with asyncio.timeout(2.0):
                await store.insert_operations(self._database, [one.row() for one in batch])
        except Exception as error:
            self._note("operations still unwritten", error, count=len(batch))
        else:
            self._failing = ""
            for one in batch:
                self._unwritten.pop(one.operation_id, None)

    async def _clean(self) -> bool:
        """Whether there may be more that is old."""
        try:
            deleted = await store.delete_old_operations(self._database, KEPT, CLEANED_AT_ONCE)
        except Exception as error:
            self._note("old operations not deleted", error)
            return False
        return deleted == CLEANED_AT_ONCE

    def _note(self, what: str, error: Exception, **more: int) -> None:
        """Whatever it is, the next try comes soon; what is none of trouble is said once."""
        TROUBLE.labels("gateway_database").inc()
        if is_trouble(error):
            log.warning(what, reason=repr(error), **more)
        elif type(error).__name__ != self._failing:
            self._failing = type(error).__name__
            log.error(what, reason=reason_of(error), **more)
