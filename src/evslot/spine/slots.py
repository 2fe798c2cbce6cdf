"""A process's number among those of its part: two processes never share one."""

import asyncio
import time
from typing import Any

import structlog

from evslot.spine import db, telemetry

log = structlog.get_logger()

WAIT_SECONDS = 4.0
"""A process that was killed a moment ago may still hold the slot in the database's eyes."""
KEEP_SECONDS = 3.0
"""For one try to take it again: who looks after the process waits for it."""

TAKE = "select pg_try_advisory_lock(hashtext('evslot slot'), $1)"


class SlotTaken(Exception):
    """Another process runs in this slot; the message names the setting."""


class SlotLock:
    """A session lock in the part's own database, taken again whenever the session is lost."""

    def __init__(self, url: str, part: str, slot: int) -> None:
        self._url = url
        self._part = part
        self._slot = slot
        self._connection: Any = None

    async def take(self) -> None:
        """Waits for the database; raises SlotTaken where the slot has another owner.

        Raises AccessRefused where the database does not let this part in.
        """
        until = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                with db.access_by(f"EVSLOT_{self._part.upper()}_DATABASE_URL"):
                    if await self._try():
                        return
            except Exception as error:
                if not db.is_trouble(error):
                    raise
                log.warning("waiting_for_database", reason=str(error))
                until = time.monotonic() + WAIT_SECONDS
                await asyncio.sleep(0.5)
                continue
            if time.monotonic() > until:
                raise self._taken("is taken by another process")
            await asyncio.sleep(0.1)

    async def keep(self) -> bool:
        """Take it again where the session was lost; False while trouble keeps us from it.

        Raises SlotTaken where another process has it now.
        """
        if self._connection is not None and not self._connection.is_closed():
            return True
        try:
            async with asyncio.timeout(KEEP_SECONDS):
                held = await self._try()
        except Exception as error:
            if not db.is_trouble(error):
                raise
            telemetry.TROUBLE.labels(kind=type(error).__name__).inc()
            return False
        if not held:
            raise self._taken("was lost to another process")
        return True

    async def release(self) -> None:
        if self._connection is not None:
            await self._connection.close(timeout=2.0)
            self._connection = None

    async def _try(self) -> bool:
        if self._connection is None or self._connection.is_closed():
            self._connection = await db.connect(self._url, f"{self._part} slot {self._slot}")
        try:
            return bool(await self._connection.fetchval(TAKE, self._slot))
        except BaseException:
            # An open session is one that holds the lock, and whether this one does is not known.
            self._connection.terminate()
            raise

    def _taken(self, how: str) -> SlotTaken:
        setting = f"EVSLOT_{self._part.upper()}_SLOT"
        return SlotTaken(f"slot {self._slot} of {self._part} {how}: set {setting} to a free number")
