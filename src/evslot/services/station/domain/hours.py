"""When a station is open: weekly hours and dated exceptions, as instants."""

from collections.abc import Iterable
from datetime import date, timedelta

from evslot.services.station.domain.walltime import first_instant
from evslot.services.station.messages import Hours
from evslot.values import Period

DAY = 24 * 60


def open_spans(hours: Hours, zone: str, first: date, last: date) -> list[Period]:
    """The spans (UTC, sorted, never touching) that begin on the local days `first` to `last`.

    The day before is looked at too, for its hours may reach over midnight. An exception replaces
    what begins on its day, not what the day before left open.
    """
    days = (last - first).days + 1
    return _joined(
        Period(first_instant(day, start, zone), first_instant(day, end, zone))
        for day in (first + timedelta(days=number) for number in range(-1, days))
        for start, end in _minutes(hours, day)
    )


def is_open(spans: Iterable[Period], period: Period) -> bool:
    """Whether the whole period lies in one span; its buffer need not."""
    return any(span.start <= period.start and period.end <= span.end for span in spans)


def _minutes(hours: Hours, day: date) -> list[tuple[int, int]]:
    exceptions = [exception for exception in hours.exceptions if exception.day == day]
    if exceptions:
        return [(e.start, e.end) for e in exceptions if e.start is not None and e.end is not None]
    if hours.always:
        return [(0, DAY)]
    weekday = day.isoweekday()
    return [(o.start, o.end) for o in hours.weekly if o.weekday == weekday]


def _joined(spans: Iterable[Period]) -> list[Period]:
    joined: list[Period] = []
    for span in sorted(spans, key=lambda span: span.start):
        if span.end <= span.start:  # wholly inside an hour that the clock leaps over
            continue
        if joined and span.start <= joined[-1].end:
            joined[-1] = Period(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return joined
