"""Chargers that were, or are, out of order: the same for a charger and a week."""

from collections.abc import Iterator
from datetime import date, timedelta

from evslot.cli.history.rhythm import OUTAGE_A_WEEK, OUTAGES, chance
from evslot.services.reservation.messages import SampleClosure
from evslot.services.station.domain.walltime import first_instant
from evslot.services.station.messages import StationView
from evslot.values import ChargerId, Period

WEEK = timedelta(days=7)


def outages(station: StationView, first: date, last: date) -> Iterator[SampleClosure]:
    """Those that begin in the weeks of these days, each of one charger."""
    monday = first - timedelta(days=first.weekday())
    while monday <= last:
        for charger in station.chargers:
            luck = chance("outage", charger.charger_id, monday)
            if luck.random() < OUTAGE_A_WEEK:
                minute = luck.randrange(0, 7 * 24 * 60, 5)
                begin = first_instant(monday, minute, station.zone)
                period = Period(begin, begin + timedelta(hours=luck.randint(3, 36)))
                yield _closure(station, charger.charger_id, period, luck.choice(OUTAGES))
        monday += WEEK


def _closure(
    station: StationView, charger_id: ChargerId, period: Period, reason: str
) -> SampleClosure:
    return SampleClosure(
        station_id=station.station_id,
        charger_ids=(charger_id,),
        period=period,
        reason=reason,
        set_at=period.start,
    )
