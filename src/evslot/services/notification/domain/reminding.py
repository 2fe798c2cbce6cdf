"""When a booking's driver is reminded, and when that has become pointless."""

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from evslot.services.notification.messages import Kind

BEFORE: Final[dict[Kind, timedelta]] = {
    "reservation_tomorrow": timedelta(hours=24),
    "reservation_soon": timedelta(minutes=30),
}
"""How long before the start."""
QUIET_AFTER_BOOKING: Final[dict[Kind, timedelta]] = {
    "reservation_tomorrow": timedelta(hours=1),
    "reservation_soon": timedelta(minutes=10),
}
"""Who has booked just now knows."""
LATEST: Final[dict[str, timedelta]] = {
    "reservation_tomorrow": timedelta(hours=2),
    "reservation_soon": timedelta(0),
}
"""With less than that left (we were away) this reminder is left out: the next one is better."""


class Reminder(Struct, frozen=True, kw_only=True):
    """One mail or line that is due at a time."""

    kind: Kind
    due_at: datetime


def reminders(start: datetime, now: datetime) -> list[Reminder]:
    """Those of a booking confirmed now that are not just behind the confirmation."""
    due = [Reminder(kind=kind, due_at=start - before) for kind, before in BEFORE.items()]
    return [one for one in due if one.due_at >= now + QUIET_AFTER_BOOKING[one.kind]]


def is_timely(kind: str, start: datetime, now: datetime) -> bool:
    """Whether this reminder still helps."""
    return now < start - LATEST[kind]
