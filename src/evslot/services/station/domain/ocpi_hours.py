"""Opening hours in OCPI's words and back: regular hours by weekday, exceptions as instants."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from evslot.services.station.domain.details import MOST_EXCEPTIONS, MOST_OPENINGS
from evslot.services.station.domain.hours import open_spans
from evslot.services.station.domain.walltime import first_instant
from evslot.services.station.messages import Hours, Opening, OpeningException
from evslot.values import Period

DAY = 24 * 60
LAST_MINUTE = "23:59"
"""OCPI's day has no 24:00, and a period ends after it begins: this stands for midnight."""
ONE_DAY = timedelta(days=1)

Minutes = tuple[int, int]
"""From and to, of one local day."""


class RegularHours(Struct, frozen=True):
    """OCPI RegularHours."""

    weekday: int
    period_begin: str
    period_end: str


class ExceptionalPeriod(Struct, frozen=True):
    """OCPI ExceptionalPeriod."""

    period_begin: datetime
    period_end: datetime


class OcpiHours(Struct, frozen=True, kw_only=True):
    """OCPI Hours."""

    twentyfourseven: bool = False
    regular_hours: list[RegularHours] = []
    exceptional_openings: list[ExceptionalPeriod] = []
    exceptional_closings: list[ExceptionalPeriod] = []


def read_hours(told: OcpiHours, zone: str, now: datetime, notes: list[str]) -> Hours:
    """Ours, with the exceptions of about a year from `now`; what lies further ahead is noted.

    Raises ValueError where a time is none, there is none, or an exception would be left out: who
    is not told that it is closed would book.
    """
    openings = [] if told.twentyfourseven else list(_weekly(told.regular_hours))
    if not openings and not told.twentyfourseven:
        raise ValueError("open at no time")
    regular = Hours(always=told.twentyfourseven, weekly=tuple(openings[:MOST_OPENINGS]))
    window = _window(now, zone)
    exceptions = tuple(_exceptions(told, regular, zone, window))
    if len(exceptions) > MOST_EXCEPTIONS:
        raise ValueError(f"more than {MOST_EXCEPTIONS} exceptions in a year")
    if len(openings) > MOST_OPENINGS:
        notes.append("more opening hours than we can hold: the first ones are taken")
    periods = (*told.exceptional_openings, *told.exceptional_closings)
    if any(_aware(period.period_end) > window.end for period in periods):
        notes.append("exceptional hours more than a year ahead are left to a later import")
    return replace(regular, exceptions=exceptions)


def write_hours(hours: Hours, zone: str) -> dict[str, Any]:
    """OCPI's Hours as a JSON value."""
    told: dict[str, Any] = {"twentyfourseven": hours.always}
    if not hours.always:
        told["regular_hours"] = [
            {"weekday": weekday, "period_begin": _clock(start), "period_end": _clock(end)}
            for weekday, start, end in _by_day(hours.weekly)
        ]
    opened, closed = _differences(hours, zone)
    for name, periods in (("exceptional_openings", opened), ("exceptional_closings", closed)):
        if periods:
            told[name] = [
                {"period_begin": _instant(p.start), "period_end": _instant(p.end)} for p in periods
            ]
    return told


# --- reading ------------------------------------------------------------------------------------


def _weekly(regular: Iterable[RegularHours]) -> Iterable[Opening]:
    """None crosses midnight: what does is two, so that a day can be looked at alone."""
    for one in regular:
        if not 1 <= one.weekday <= 7:
            raise ValueError(f"weekday {one.weekday}: 1 is Monday, 7 is Sunday")
        start, end = _minute(one.period_begin), _minute(one.period_end)
        if one.period_end == LAST_MINUTE or end <= start:
            yield Opening(weekday=one.weekday, start=start, end=DAY)
        if end <= start and end:
            yield Opening(weekday=one.weekday % 7 + 1, start=0, end=end)
        if start < end and one.period_end != LAST_MINUTE:
            yield Opening(weekday=one.weekday, start=start, end=end)


def _window(now: datetime, zone: str) -> Period:
    """From yesterday on, as many days as we can hold exceptions for: further than one can book."""
    yesterday = now.astimezone(ZoneInfo(zone)).date() - ONE_DAY
    last = yesterday + (MOST_EXCEPTIONS - 1) * ONE_DAY
    return Period(first_instant(yesterday, 0, zone), first_instant(last, 0, zone))


def _exceptions(
    told: OcpiHours, regular: Hours, zone: str, window: Period
) -> Iterable[OpeningException]:
    """For each day that an exception touches: when it is open, all in all."""
    opened = [_on_the_wall(period, zone, window) for period in told.exceptional_openings]
    closed = [_on_the_wall(period, zone, window) for period in told.exceptional_closings]
    for day in sorted({day for period in (*opened, *closed) for day in _days(period)}):
        usual = _usual(regular, day)
        spans = _united([*usual, *_of_day(opened, day)])
        spans = _without(spans, _united(_of_day(closed, day)))
        if spans == usual:
            continue
        if not spans:
            yield OpeningException(day=day)
        for start, end in spans:
            yield OpeningException(day=day, start=start, end=end)


def _on_the_wall(period: ExceptionalPeriod, zone: str, window: Period) -> tuple[datetime, datetime]:
    """What of it lies in the window: before that, an end of time is in no calendar."""
    start, end = (
        min(max(_aware(instant), window.start), window.end)
        .astimezone(ZoneInfo(zone))
        .replace(tzinfo=None)
        for instant in (period.period_begin, period.period_end)
    )
    return start, end


def _aware(instant: datetime) -> datetime:
    """OCPI's times are UTC, said or not."""
    return instant.replace(tzinfo=instant.tzinfo or UTC)


def _days(period: tuple[datetime, datetime]) -> Iterable[date]:
    """No more than there are exceptions: a period lies in the window."""
    start, end = period
    for number in range(min((end - start).days + 2, MOST_EXCEPTIONS)):
        day = start.date() + number * ONE_DAY
        if datetime.combine(day, datetime.min.time()) < end:
            yield day


def _of_day(periods: Sequence[tuple[datetime, datetime]], day: date) -> list[Minutes]:
    midnight = datetime.combine(day, datetime.min.time())
    minutes = [
        (
            max(0, int((start - midnight).total_seconds() // 60)),
            min(DAY, int((end - midnight).total_seconds() // 60)),
        )
        for start, end in periods
    ]
    return [(start, end) for start, end in minutes if start < end]


def _usual(regular: Hours, day: date) -> list[Minutes]:
    if regular.always:
        return [(0, DAY)]
    weekday = day.isoweekday()
    return _united([(o.start, o.end) for o in regular.weekly if o.weekday == weekday])


def _united(spans: Iterable[Minutes]) -> list[Minutes]:
    united: list[Minutes] = []
    for start, end in sorted(spans):
        if united and start <= united[-1][1]:
            united[-1] = (united[-1][0], max(united[-1][1], end))
        else:
            united.append((start, end))
    return united


def _without(spans: Sequence[Minutes], holes: Sequence[Minutes]) -> list[Minutes]:
    left = list(spans)
    for begin, end in holes:
        left = [
            piece
            for start, stop in left
            for piece in ((start, min(stop, begin)), (max(start, end), stop))
            if piece[0] < piece[1]
        ]
    return left


def _minute(text: str) -> int:
    hours, colon, minutes = text.partition(":")
    if not (colon and hours.isdecimal() and minutes.isdecimal()):
        raise ValueError(f"{text!r} is no time of day such as 08:15")
    minute = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or minute > DAY:
        raise ValueError(f"{text!r} is no time of day such as 08:15")
    return minute


# --- writing ------------------------------------------------------------------------------------


def _by_day(weekly: Iterable[Opening]) -> list[tuple[int, int, int]]:
    pieces = []
    for one in weekly:
        pieces.append((one.weekday, one.start, min(one.end, DAY)))
        if one.end > DAY:
            pieces.append((one.weekday % 7 + 1, 0, one.end - DAY))
    return sorted(pieces)


def _differences(hours: Hours, zone: str) -> tuple[list[Period], list[Period]]:
    """What the exceptions open and close, day by day; their hours may reach into the next day."""
    regular = replace(hours, exceptions=())
    named = {exception.day for exception in hours.exceptions}
    opened: list[Period] = []
    closed: list[Period] = []
    for day in sorted(named | {day + ONE_DAY for day in named}):
        whole = Period(first_instant(day, 0, zone), first_instant(day, DAY, zone))
        spans = _inside(hours, zone, day, whole)
        if spans == _inside(regular, zone, day, whole):
            continue
        opened += spans
        edges = [whole.start, *(edge for p in spans for edge in (p.start, p.end)), whole.end]
        gaps = zip(edges[::2], edges[1::2], strict=True)
        closed += [Period(start, end) for start, end in gaps if start < end]
    return opened, closed


def _inside(hours: Hours, zone: str, day: date, whole: Period) -> list[Period]:
    return [
        Period(max(span.start, whole.start), min(span.end, whole.end))
        for span in open_spans(hours, zone, day, day)
        if span.overlaps(whole)
    ]


def _clock(minute: int) -> str:
    return LAST_MINUTE if minute >= DAY else f"{minute // 60:02}:{minute % 60:02}"


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
