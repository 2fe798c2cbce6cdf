"""A slow second opinion on hours, slots and prices: looks at every single minute."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo

from evslot.services.station import messages as station
from evslot.values import Period

MINUTE = timedelta(minutes=1)
BERLIN, HELSINKI = "Europe/Berlin", "Europe/Helsinki"
KOLKATA, NEW_YORK = "Asia/Kolkata", "America/New_York"

CHANGE_DAYS = {
    BERLIN: (date(2027, 3, 28), date(2026, 10, 25)),
    HELSINKI: (date(2027, 3, 28), date(2026, 10, 25)),
    NEW_YORK: (date(2027, 3, 14), date(2026, 11, 1)),
    KOLKATA: (date(2027, 3, 28), date(2026, 10, 25)),
}
"""When the clock goes forward, and back; in Kolkata it never does."""


@lru_cache(maxsize=64)
def minutes_around(day: date, zone: str) -> tuple[tuple[datetime, datetime], ...]:
    """Every minute from two days before a day to three after it: in UTC, and on the wall."""
    first = datetime.combine(day, time(), UTC) - timedelta(days=2)
    there = ZoneInfo(zone)
    instants = (first + number * MINUTE for number in range(5 * 24 * 60))
    return tuple((one, one.astimezone(there).replace(tzinfo=None)) for one in instants)


def starts(day: date, zone: str, grid: int) -> list[datetime]:
    """The minutes of a day at which the wall clock shows a multiple of the grid."""
    return [
        instant
        for instant, wall in minutes_around(day, zone)
        if wall.date() == day and (wall.hour * 60 + wall.minute) % grid == 0
    ]


def open_minutes(hours: station.Hours, day: date, zone: str) -> set[datetime]:
    """The minutes around a day at which a station is open.

    A span begins at the first minute at which the clock shows its start or more, and ends at the
    first at which it shows its end or more.
    """
    clock = minutes_around(day, zone)
    found: set[datetime] = set()
    for number in range(-2, 4):
        begun = day + timedelta(days=number)
        for start, end in _spans(hours, begun):
            midnight = datetime.combine(begun, time())
            opened = _first(clock, midnight + start * MINUTE)
            closed = _first(clock, midnight + end * MINUTE)
            found |= {instant for instant, _ in clock if opened <= instant < closed}
    return found


def _first(clock: tuple[tuple[datetime, datetime], ...], wanted: datetime) -> datetime:
    fitting = (instant for instant, wall in clock if wall >= wanted)
    return next(fitting, clock[-1][0] + MINUTE)


def _spans(hours: station.Hours, day: date) -> Iterator[tuple[int, int]]:
    exceptional = [one for one in hours.exceptions if one.day == day]
    for one in exceptional:
        if one.start is not None and one.end is not None:
            yield one.start, one.end
    if exceptional:
        return
    if hours.always:
        yield 0, 24 * 60
    for opening in hours.weekly:
        if opening.weekday == day.isoweekday():
            yield opening.start, opening.end


def each_minute(period: Period) -> Iterator[datetime]:
    instant = period.start
    while instant < period.end:
        yield instant
        instant += MINUTE


def amounts(tariff: station.Tariff, period: Period, zone: str) -> list[int]:
    """The lines of a price above nothing, from what each minute costs; booking fee first."""
    minutes: dict[int | None, int] = {}
    for instant in each_minute(period):
        who = _names(tariff, "per_hour", instant, period.start, zone)
        minutes[who] = minutes.get(who, 0) + 1
    fee = _amount(tariff, "flat", _names(tariff, "flat", period.start, period.start, zone))
    lines = [Fraction(fee)]
    for who, count in minutes.items():
        lines.append(Fraction(_amount(tariff, "per_hour", who) * count, 60))
    return [half_up for line in lines if (half_up := int(line + Fraction(1, 2)))]


def _names(
    tariff: station.Tariff, what: str, instant: datetime, start: datetime, zone: str
) -> int | None:
    wall = instant.astimezone(ZoneInfo(zone))
    for number, element in enumerate(tariff.elements):
        if getattr(element, what) is not None and _holds(element, wall, instant - start):
            return number
    return None


def _holds(element: station.TariffElement, wall: datetime, since: timedelta) -> bool:
    shown = wall.hour * 60 + wall.minute
    if element.start is not None and element.end is not None:
        hours = range(element.start, element.end)
        night = [*range(element.start, 1440), *range(element.end)]
        if shown not in (hours if element.start < element.end else night):
            return False
    days = element.weekdays or range(1, 8)
    least = element.min_minutes or 0
    most = 10_000 if element.max_minutes is None else element.max_minutes
    return wall.isoweekday() in days and least <= since // MINUTE < most


def _amount(tariff: station.Tariff, what: str, who: int | None) -> int:
    amount: int = getattr(tariff if who is None else tariff.elements[who], what)
    return amount
