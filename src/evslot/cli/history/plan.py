"""Who came when: the bookings of a town's stations, day by day, with what became of each."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from random import Random
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from evslot.cli.history import rhythm
from evslot.services.reservation.messages import SampleClosure, SampleVisit
from evslot.services.station.domain.hours import is_open, open_spans
from evslot.services.station.domain.prices import price_lines, tariff_at
from evslot.services.station.domain.slots import occupied
from evslot.services.station.domain.walltime import first_instant
from evslot.services.station.messages import Charger, StationView
from evslot.values import ChargerId, Period, UserId

DAYS_BACK: Final = 60
DAYS_AHEAD: Final = 14
"""A working system knows the past weeks, and has bookings for the next two."""
SOON_OVER = timedelta(minutes=2)
"""What ends this soon is left out: its money might be asked for before it is written."""

IN_THE_MIDDLE: Final = 4.0
"""So much more happens there."""
ON_THE_WAY = timedelta(minutes=15)
"""Between two visits of a driver."""


class Town(Struct, frozen=True, kw_only=True):
    """Stations close to each other, and the people who book there."""

    name: str
    stations: Sequence[StationView]
    drivers: Sequence[UserId]
    a_day: float
    """Visits of a charger on a usual day."""
    close: int = 0
    """So many of the stations, from the first on, are in the middle of it all."""


class Planned(Struct, frozen=True, kw_only=True):
    """A visit and the station it is to."""

    station: StationView
    visit: SampleVisit


def days_around(now: datetime) -> list[date]:
    """Of which something is made up, oldest first."""
    first = now.date() - timedelta(days=DAYS_BACK)
    return [first + timedelta(days=number) for number in range(DAYS_BACK + DAYS_AHEAD + 1)]


def visits(
    town: Town, days: Sequence[date], closures: Sequence[SampleClosure]
) -> Iterator[Planned]:
    """All that was, is and will be booked on these local days, whenever that is done."""
    broken: dict[ChargerId, list[SampleClosure]] = {}
    for closure in closures:
        for charger_id in closure.charger_ids:
            broken.setdefault(charger_id, []).append(closure)
    for day in days:
        yield from _of_day(town, day, broken)


def known_by(planned: Planned, now: datetime, since: datetime | None) -> bool:
    """Whether it was booked by now (and after `since`), and is not just about to end."""
    visit = planned.visit
    unfinished = visit.occupied.end > now
    return (
        visit.booked_at <= now
        and (since is None or visit.booked_at > since)
        and not (unfinished and visit.occupied.end <= now + SOON_OVER)
    )


def settled_at(planned: Planned, now: datetime) -> datetime:
    """By when its money had moved: in this order the books are written."""
    visit = planned.visit
    moments = [visit.booked_at, visit.came_at, visit.ended_at]
    if visit.came_at is None and visit.ended_at is None:
        moments.append(visit.occupied.end)
    return max(moment for moment in moments if moment is not None and moment <= now)


def _of_day(
    town: Town, day: date, broken: Mapping[ChargerId, Sequence[SampleClosure]]
) -> Iterator[Planned]:
    """Drivers take turns by days, for what begins late ends on the next."""
    wished = [
        planned
        for number, station in enumerate(town.stations)
        for charger in station.chargers
        for planned in _at_charger(
            station,
            charger,
            day,
            town.a_day * (IN_THE_MIDDLE if number < town.close else 1.0),
            broken.get(charger.charger_id, ()),
        )
    ]
    drivers = town.drivers[day.toordinal() % 2 :: 2]
    free_from: dict[UserId, datetime] = {}
    luck = rhythm.chance("drivers", town.name, day)
    for planned in sorted(wished, key=_start):
        period = planned.visit.period
        start = period.start - ON_THE_WAY
        free = [one for one in drivers if one not in free_from or free_from[one] <= start]
        if free:
            driver = luck.choice(free)
            free_from[driver] = period.end
            yield replace(planned, visit=replace(planned.visit, driver_id=driver))


def _start(planned: Planned) -> tuple[datetime, ChargerId]:
    return planned.visit.period.start, planned.visit.charger_id


def _at_charger(
    station: StationView,
    charger: Charger,
    day: date,
    a_day: float,
    broken: Sequence[SampleClosure],
) -> Iterator[Planned]:
    luck = rhythm.chance("visits", charger.charger_id, day)
    popular = rhythm.chance("station", station.station_id).uniform(0.4, 1.6)
    spans = open_spans(station.hours, station.zone, day, day)
    free_from = first_instant(day, 0, station.zone)
    for stay in rhythm.stays(luck, day, charger, station.rule, a_day * popular):
        start = first_instant(day, stay.minute, station.zone)
        period = Period(start, start + timedelta(minutes=stay.minutes))
        visit = _visit(luck, station, charger, period)
        if start < free_from or not is_open(spans, period) or visit is None:
            continue
        free_from = visit.occupied.end
        kept = _beside_outages(visit, broken, luck)
        if kept is not None:
            yield Planned(station=station, visit=kept)


def _visit(
    luck: Random, station: StationView, charger: Charger, period: Period
) -> SampleVisit | None:
    """All chances are taken whether or not they are needed: others do not move by it."""
    tariff, terms = tariff_at(station, charger), station.terms
    end, lead, use = rhythm.end(luck), rhythm.lead(luck, station.rule), luck.random()
    left = luck.random()
    if tariff is None or terms is None:
        return None
    booked_at = _whole(period.start - lead)
    visit = SampleVisit(
        site=0,
        charger_id=charger.charger_id,
        charger_label=charger.label,
        driver_id=UserId(charger.charger_id),  # until a driver is found
        period=period,
        occupied=occupied(period, station.rule),
        lines=price_lines(tariff, period, station.zone),
        booked_at=booked_at,
        end=end,
    )
    length = period.end - period.start
    if end == "stays":
        late = min(timedelta(minutes=terms.grace_minutes) * 0.8, length * 0.5) * use
        came = _whole(period.start + late)
        went = None if left < 0.35 else _whole(period.end - length * 0.3 * use)
        return replace(visit, came_at=came, left_at=went)
    if end == "cancelled":
        known_for = period.start - booked_at
        return replace(visit, ended_at=_whole(booked_at + known_for * (0.3 + 0.6 * use)))
    if end == "no_show":
        grace = period.start + timedelta(minutes=terms.grace_minutes + 2)
        return replace(visit, ended_at=min(grace, period.end - timedelta(minutes=1)))
    return visit


def _beside_outages(
    visit: SampleVisit, broken: Sequence[SampleClosure], luck: Random
) -> SampleVisit | None:
    """Booked before: the operator cancels it. Booked later, or begun: it was not."""
    after = timedelta(minutes=luck.randint(3, 25))
    for outage in broken:
        if not outage.period.overlaps(visit.occupied):
            continue
        at = outage.period.start + after
        if visit.end not in ("stays", "no_show") or visit.booked_at >= outage.period.start:
            return None
        if at >= visit.period.start:
            return None
        return replace(
            visit, end="cancelled", by="operator", came_at=None, left_at=None, ended_at=_whole(at)
        )
    return visit


def _whole(instant: datetime) -> datetime:
    """People's acts have seconds, not microseconds."""
    return instant.replace(microsecond=0)
