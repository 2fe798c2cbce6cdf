"""`Evslot-Version`: what a caller has written or read is not unknown to the views they read next.

An answer about a booking carries the header; sent back on a read of a view of another service, the
edge waits a moment for that service to have heard of it, or says that it has not yet.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from litestar import Request
from msgspec import Struct

from evslot.gateway.auth import header_of
from evslot.services.notification import messages as notification
from evslot.services.reservation.messages import Reservation
from evslot.services.station import messages as station
from evslot.spine.message import Query
from evslot.values import ReservationId

FORM = re.compile(r"([0-9a-f]{32})\.([1-9][0-9]{0,8})\.([a-z_]{1,20})")
WAIT_SECONDS = 1.0
"""Views are milliseconds behind, or something is wrong: then an old answer is better than none."""
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.3
NOTIFIED = ("confirmed", "active", "completed", "cancelled")
"""States of which the notification service keeps the booking; a hold is nothing to it."""

Ask = Callable[[Query[Any]], Awaitable[Any]]


class Written(Struct, frozen=True):
    """A version of a booking."""

    reservation_id: ReservationId
    version: int
    state: str

    def header(self) -> bytes:
        return f"{self.reservation_id.hex}.{self.version}.{self.state}".encode()


def written_in(outcome: Any) -> Written | None:
    """The booking that an answer is about, where it is about one."""
    booking = getattr(outcome, "reservation", outcome)
    if not isinstance(booking, Reservation):
        return None
    return Written(booking.reservation_id, booking.version, booking.state)


def wanted_by(request: Request[Any, Any, Any]) -> Written | None:
    """What the caller says they know; what is not understood is no wish."""
    found = FORM.fullmatch(header_of(request, b"evslot-version") or "")
    return None if found is None else Written(
        ReservationId(UUID(found[1])), int(found[2]), found[3]
    )  # fmt: skip


async def known_to_station(written: Written, ask: Ask) -> float | None:
    """None once what is taken counts this version; else for how long it has not."""
    question = station.GetKnownVersion(reservation_id=written.reservation_id)
    return await _until_known(written, lambda: ask(question))


async def known_to_notification(written: Written, ask: Ask) -> float | None:
    """None once what was told, and the calendar, know this version; else for how long not."""
    if written.state not in NOTIFIED:
        return None
    question = notification.GetKnownVersion(reservation_id=written.reservation_id)
    return await _until_known(written, lambda: ask(question))


async def _until_known(written: Written, ask: Callable[[], Awaitable[Any]]) -> float | None:
    began, pause = time.monotonic(), FIRST_PAUSE
    while (await ask()).version < written.version:
        waited = time.monotonic() - began
        if waited > WAIT_SECONDS:
            return waited
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
    return None
