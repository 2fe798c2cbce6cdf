"""Between a station's wall clock and UTC, right on the days when the clock is changed."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from evslot.values import Period

STEP = timedelta(minutes=5)
"""Offsets of all zones in use, and so all clock changes, are whole multiples of it."""


@lru_cache(maxsize=4096)
def first_instant(day: date, minute: int, zone: str) -> datetime:
    """The first instant (UTC) at which the clock shows `day` 00:00 plus `minute`, or more.

    Of a doubled time it is the earlier one; for a time that the clock leaps over it is the leap.
    """
    wanted = datetime.combine(day, time()) + timedelta(minutes=minute)
    there = ZoneInfo(zone)
    instant = wanted.replace(tzinfo=there, fold=0).astimezone(UTC)
    if _wall(instant, there) == wanted:
        return instant
    # In a gap PEP 495 reads fold=1 with the offset after the leap: an instant before it.
    instant = wanted.replace(tzinfo=there, fold=1).astimezone(UTC)
    while _wall(instant, there) < wanted:
        instant += STEP
    return instant


@lru_cache(maxsize=256)
def grid_starts(day: date, zone: str, grid: int) -> tuple[datetime, ...]:
    """All instants (UTC) of a local day at which the clock shows a multiple of `grid` minutes.

    A doubled hour has each of its starts twice, a missing hour has none.
    """
    there = ZoneInfo(zone)
    begin, end = first_instant(day, 0, zone), first_instant(day, 24 * 60, zone)
    return tuple(
        instant
        for instant in _steps(begin, end)
        if on_grid(instant, grid, there) and instant.astimezone(there).date() == day
    )


def turns(minutes: tuple[int, ...], period: Period, zone: str) -> list[datetime]:
    """The instants (UTC) around a period at which the clock shows one of `minutes` of a day.

    Those of a doubled hour come twice; where the clock itself is changed is one more.
    """
    there = ZoneInfo(zone)
    first, last = (instant.astimezone(there).date() for instant in (period.start, period.end))
    days = ((last - first).days) + 1
    return [
        instant
        for number in range(days)
        for instant in _turns_of_day(first + timedelta(days=number), zone, minutes)
    ]


@lru_cache(maxsize=1024)
def _turns_of_day(day: date, zone: str, minutes: tuple[int, ...]) -> tuple[datetime, ...]:
    there = ZoneInfo(zone)
    found = {_at(day, minute, there, fold) for minute in minutes for fold in (0, 1)}
    begin, end = first_instant(day, 0, zone), first_instant(day, 24 * 60, zone)
    if begin.astimezone(there).utcoffset() != end.astimezone(there).utcoffset():
        found |= {
            instant
            for instant in _steps(begin, end)
            if _offset(instant, there) != _offset(instant - STEP, there)
        }
    return tuple(sorted(found))


def _at(day: date, minute: int, there: ZoneInfo, fold: int) -> datetime:
    wall = datetime.combine(day, time()) + timedelta(minutes=minute)
    return wall.replace(tzinfo=there, fold=fold).astimezone(UTC)


def _offset(instant: datetime, there: ZoneInfo) -> timedelta | None:
    return instant.astimezone(there).utcoffset()


def on_grid(instant: datetime, grid: int, zone: ZoneInfo) -> bool:
    """Whether the wall clock shows a multiple of `grid` minutes after midnight, to the microsecond.

    >>> from datetime import UTC, datetime
    >>> on_grid(datetime(2026, 1, 1, 10, 15, tzinfo=UTC), 30, ZoneInfo("Asia/Kathmandu"))
    True
    """
    wall = instant.astimezone(zone)
    return not wall.second and not wall.microsecond and not (wall.hour * 60 + wall.minute) % grid


def _steps(begin: datetime, end: datetime) -> Iterator[datetime]:
    instant = begin
    while instant < end:
        yield instant
        instant += STEP


def _wall(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)
