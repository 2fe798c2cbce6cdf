"""When people come, how long they stay, what becomes of it: the chances of the sample."""

from datetime import date, timedelta
from random import Random
from typing import Final

from msgspec import Struct

from evslot.services.reservation.messages import VisitEnd
from evslot.services.station.messages import Charger, SlotRule

SEED: Final = "evslot history 1"
"""Another one is another past; it is part of every chance here."""

HOURS: Final = (5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22)
BUSY_WORKING: Final = (2, 5, 10, 14, 10, 8, 8, 11, 9, 7, 8, 11, 15, 14, 10, 7, 4, 2)
BUSY_FREE: Final = (0, 1, 2, 4, 8, 12, 13, 12, 11, 11, 10, 9, 8, 7, 5, 4, 3, 2)
"""How often a visit begins in each of the hours, on working days and at week-ends."""
OF_A_WEEKDAY: Final = (1.0, 1.0, 1.05, 1.1, 1.2, 0.85, 0.6)

ENDS: Final[tuple[VisitEnd, ...]] = ("stays", "cancelled", "no_show", "released", "lapsed")
CHANCES: Final = (80, 9, 4, 4, 3)

OUTAGE_A_WEEK: Final = 0.025
"""Of a charger."""
OUTAGES: Final = ("Connector broken", "Payment terminal out of order", "No power on site",
                  "Yearly inspection", "Cable stolen")  # fmt: skip
NOTICED_LATE = timedelta(minutes=5)
SHORTEST_LEAD = timedelta(minutes=6)


class Stay(Struct, frozen=True, kw_only=True):
    """What somebody wants of a day: from a minute of its wall clock on, for so many minutes."""

    minute: int
    minutes: int


def chance(*what: object) -> Random:
    """The same for the same seed and things."""
    return Random(" ".join(map(str, (SEED, *what))))


def stays(luck: Random, day: date, charger: Charger, rule: SlotRule, expected: float) -> list[Stay]:
    """Of one charger and day, in order; whether they fit beside each other is not asked."""
    wanted = expected * OF_A_WEEKDAY[day.weekday()]
    count = int(wanted) + (luck.random() < wanted % 1)
    busy = BUSY_FREE if day.weekday() >= 5 else BUSY_WORKING
    found = [
        Stay(
            minute=luck.choices(HOURS, busy)[0] * 60 + luck.randrange(0, 60, rule.grid),
            minutes=_minutes(luck, charger, rule),
        )
        for _ in range(count)
    ]
    return sorted(found, key=lambda stay: stay.minute)


def _minutes(luck: Random, charger: Charger, rule: SlotRule) -> int:
    """Fast ones are left soon; always on the grid, and what the rule allows."""
    most, usual = (60, 30) if charger.current == "DC" else (240, 90)
    wished = luck.triangular(15, most, usual)
    rounded = max(1, round(wished / rule.grid)) * rule.grid
    return max(rule.shortest, min(rule.longest, rounded))


def lead(luck: Random, rule: SlotRule) -> timedelta:
    """How long before its start a visit is booked: a third within hours, the rest days."""
    kind = luck.choices(("soon", "today", "days"), (32, 30, 38))[0]
    if kind == "soon":
        ahead = timedelta(minutes=luck.uniform(8, 90))
    elif kind == "today":
        ahead = timedelta(hours=luck.uniform(1.5, 20))
    else:
        ahead = timedelta(days=luck.triangular(1, 13, 2))
    least = max(SHORTEST_LEAD, timedelta(minutes=rule.latest_notice + 1))
    return max(least, min(ahead, timedelta(days=rule.earliest_notice_days - 1)))


def end(luck: Random) -> VisitEnd:
    return luck.choices(ENDS, CHANCES)[0]
