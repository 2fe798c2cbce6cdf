"""The history of requests: gathered in memory, written in batches, forgotten with its people."""

import asyncio
import time
from collections import OrderedDict, deque
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from litestar.types import Scope

from evslot.gateway import store
from evslot.gateway.problems import CursorInvalid, Unavailable
from evslot.gateway.store import RequestRow
from evslot.spine.callers import ANONYMOUS, Caller
from evslot.spine.db import Database, is_trouble, reason_of
from evslot.spine.sealing import Keys, from_b64, to_b64
from evslot.spine.telemetry import HISTORY_DROPPED, TROUBLE, log

WAITING = 5000
"""Requests in memory, about 1 kB each; more are dropped: the history never slows a request."""
BATCH = 1000
WRITE_SECONDS = 0.5
TRY_SECONDS = 5.0
READ_SECONDS = 2.0
PARTITIONS_SECONDS = 600.0
ERASED_SECONDS = 15 * 60
"""Longer than an access token lives: a request of theirs may still be under way."""
ERASED_KEPT = 100_000
LAST = (datetime(9999, 1, 1, tzinfo=UTC), "")
PATH_LENGTH = 300


class History:
    """What was asked in this process goes in, what was asked anywhere comes out."""

    def __init__(self, database: Database, keys: Keys) -> None:
        self._database = database
        self._keys = keys
        self._waiting: deque[RequestRow] = deque()
        self._erased: OrderedDict[UUID, float] = OrderedDict()
        self._to_erase: set[UUID] = set()
        self._task: asyncio.Task[None] | None = None
        self._partitions_at = 0.0
        self._failing = ""

    async def start(self) -> None:
        self._task = asyncio.create_task(self._tend(), name="history")

    async def stop(self) -> None:
        """Writes what is still in memory, if the database lets us."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._step()
        await self._database.stop()

    @property
    def is_tended(self) -> bool:
        """False where the task that writes ended by itself: a restart is what helps."""
        return self._task is None or self._task.cancelled() or not self._task.done()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def add(self, row: RequestRow) -> None:
        """Never waits; dropped and counted where the writing is behind."""
        if row.user_id in self._erased:
            row = row._replace(user_id=None)
        if len(self._waiting) >= WAITING:
            HISTORY_DROPPED.inc()
            return
        self._waiting.append(row)

    def erase(self, user_id: UUID) -> None:
        """A person is gone: what is in memory now, what is written at the next step."""
        now = time.monotonic()
        self._erased[user_id] = now
        while self._erased:
            oldest, since = next(iter(self._erased.items()))
            if since > now - ERASED_SECONDS and len(self._erased) <= ERASED_KEPT:
                break
            del self._erased[oldest]
        self._to_erase.add(user_id)
        self._waiting = deque(row for row in self._waiting if row.user_id != user_id)

    async def read(
        self,
        *,
        user_id: UUID | None = None,
        organisation_id: UUID | None = None,
        limit: int,
        cursor: str | None,
    ) -> tuple[list[RequestRow], str | None]:
        """A page, newest first, and the cursor of the next; raises CursorInvalid, Unavailable."""
        whose = f"{user_id}/{organisation_id}"
        before = self._place(whose, cursor) if cursor is not None else LAST
        try:
            async with asyncio.timeout(READ_SECONDS):
                rows = await store.select_requests(
                    self._database, user_id, organisation_id, before, limit + 1
                )
        except Exception as error:
            if is_trouble(error):
                raise Unavailable() from error
            raise
        page = rows[:limit]
        more = len(rows) > limit
        return page, self._cursor(whose, page[-1]) if more else None

    async def _tend(self) -> None:
        while True:
            await self._step()
            await asyncio.sleep(WRITE_SECONDS)

    async def _step(self) -> None:
        """Write, then erase: in this order nothing of a person is written after them.

        One that stumbles over something of its own does not keep the others from their work: the
        server has refused it, so nothing is under way. After trouble something may be.
        """
        failure: Exception | None = None
        until = asyncio.get_running_loop().time() + TRY_SECONDS
        for duty in (self._write, self._forget_people, self._tend_partitions):
            try:
                async with asyncio.timeout_at(until):
                    await duty()
            except Exception as error:
                failure = error
                if is_trouble(error):
                    break
        self._note(failure)

    def _note(self, failure: Exception | None) -> None:
        """Said once for as long as it lasts: the next try comes soon."""
        if failure is None:
            self._failing = ""
            return
        TROUBLE.labels("gateway_database").inc()
        if type(failure).__name__ != self._failing:
            self._failing = type(failure).__name__
            say = log.warning if is_trouble(failure) else log.error
            say("history waits", reason=reason_of(failure), waiting=len(self._waiting))

    async def _write(self) -> None:
        while self._waiting:
            batch = [self._waiting[place] for place in range(min(BATCH, len(self._waiting)))]
            try:
                await store.copy_requests(self._database, batch)
            except Exception as error:
                # Written before, by a try whose end was not seen.
                if getattr(error, "sqlstate", None) != "23505":
                    raise
            self._drop(batch)

    def _drop(self, written: list[RequestRow]) -> None:
        """An erasure may have changed the queue meanwhile: only what was written goes."""
        done = {row.id for row in written}
        while self._waiting and self._waiting[0].id in done:
            self._waiting.popleft()

    async def _forget_people(self) -> None:
        gone = list(self._to_erase)
        if gone:
            await store.delete_requests_of(self._database, gone)
            self._to_erase.difference_update(gone)

    async def _tend_partitions(self) -> None:
        if time.monotonic() >= self._partitions_at:
            await store.tend_request_partitions(self._database)
            self._partitions_at = time.monotonic() + PARTITIONS_SECONDS

    def _cursor(self, whose: str, last: RequestRow) -> str:
        place = f"{last.at.isoformat()} {last.id}"
        return to_b64(place.encode() + b" " + self._check(whose, place))

    def _place(self, whose: str, cursor: str) -> tuple[datetime, str]:
        try:
            at, number, check = from_b64(cursor).split(b" ", 2)
            place = f"{at.decode()} {number.decode()}"
            if check != self._check(whose, place):
                raise CursorInvalid()
            return datetime.fromisoformat(at.decode()), number.decode()
        except ValueError:
            raise CursorInvalid() from None

    def _check(self, whose: str, place: str) -> bytes:
        """Finds slips and cursors of other lists."""
        return self._keys.fingerprint(f"requests {whose} {place}".encode())[:9]


def row_of(scope: Scope, status: int, at: datetime, seconds: float) -> RequestRow | None:
    """What is kept of a request; None where it was none to a resource of the API."""
    seen: Any = scope
    route = seen.get("path_template") or ""
    if not route.startswith("/v1/"):
        return None
    state = seen["state"]
    caller: Caller = state.get("caller") or ANONYMOUS
    params = seen.get("path_params") or {}
    only_ids = all(isinstance(value, UUID) for value in params.values())
    command_id = state.get("command_id")
    return RequestRow(
        at=at,
        id=state["request_id"],
        method=seen["method"],
        route=route,
        path=seen["path"][:PATH_LENGTH] if only_ids else route,
        status=status,
        code=state.get("code"),
        milliseconds=round(seconds * 1000),
        user_id=caller.user_id,
        organisation_id=_organisation_of(seen, caller, params),
        command_id=UUID(command_id) if command_id else None,
    )


def _organisation_of(scope: Any, caller: Caller, params: dict[str, Any]) -> UUID | None:
    """The one in the path, where the caller acts for it; else the only one of an operator.

    What a member does as a driver is their own business and not in their organisation's history.
    """
    named = params.get("organisation_id")
    if named is not None:
        return named if named in caller.organisations else None
    handler = scope.get("route_handler")
    operates = handler is not None and handler.opt.get("tag") == "Operators"
    by_key = not caller.roles  # an API key is no person: all it does is the organisation's
    if (operates or by_key) and len(caller.organisations) == 1:
        return next(iter(caller.organisations))
    return None
