"""What the sample driver has booked: a few visits of past weeks, and one tomorrow."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from evslot.cli.history.plan import Planned
from evslot.services.reservation.messages import SampleVisit
from evslot.services.station.domain.hours import is_open, open_spans
from evslot.services.station.domain.prices import price_lines, tariff_at
from evslot.services.station.domain.slots import occupied
from evslot.services.station.domain.walltime import first_instant
from evslot.services.station.messages import Charger, StationView
from evslot.values import ChargerId, Period, UserId

DAYS: Final = (-44, -27, -13, -6, -2, 1)
"""From today."""
BOOKED_BEFORE = timedelta(hours=50)
"""Older than a day, whenever it is looked at: news of it is not mailed any more."""
EVENINGS: Final = (17, 18, 16, 19, 15, 20)
HOUR = timedelta(hours=1)


def own_visits(
    stations: Sequence[StationView], planned: Sequence[Planned], driver_id: UserId, now: datetime
) -> Iterator[Planned]:
    """An hour after work at stations close by, where nobody else is then."""
    taken: dict[ChargerId, list[Period]] = {}
    for other in planned:
        taken.setdefault(other.visit.charger_id, []).append(other.visit.occupied)
    for number, ahead in enumerate(DAYS):
        about, turn = now + timedelta(days=ahead), number % len(stations)
        for station in (*stations[turn:], *stations[:turn]):
            found = _free(station, taken, about)
            if found is not None:
                yield Planned(station=station, visit=_visit(station, *found, driver_id))
                break


def _free(
    station: StationView, taken: dict[ChargerId, list[Period]], about: datetime
) -> tuple[Charger, Period] | None:
    spans = open_spans(station.hours, station.zone, about.date(), about.date())
    for hour in EVENINGS:
        start = first_instant(about.date(), hour * 60, station.zone)
        period = Period(start, start + HOUR)
        for charger in station.chargers:
            claimed = occupied(period, station.rule)
            rivals = taken.get(charger.charger_id, ())
            if is_open(spans, period) and not any(claimed.overlaps(rival) for rival in rivals):
                return charger, period
    return None


def _visit(
    station: StationView, charger: Charger, period: Period, driver_id: UserId
) -> SampleVisit:
    tariff = tariff_at(station, charger)
    assert tariff is not None, "a bookable station has prices"
    return SampleVisit(
        site=0,
        charger_id=charger.charger_id,
        charger_label=charger.label,
        driver_id=driver_id,
        period=period,
        occupied=occupied(period, station.rule),
        lines=price_lines(tariff, period, station.zone),
        booked_at=period.start - BOOKED_BEFORE,
        came_at=period.start + timedelta(minutes=4),
        left_at=period.end - timedelta(minutes=7),
    )
