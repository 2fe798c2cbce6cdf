"""Which slots drivers want: a window that moves through the days, so that several want the same."""

import random
from datetime import datetime, timedelta
from typing import Any

from evslot.services.station.messages import StationView
from evslot.values import Period
from tests.journeys.people import tomorrow

DAYS = range(2, 29)
WINDOW = 24
"""Blocks of an hour on one charger that are wanted at a time."""
WISHES_PER_BLOCK = 0.9
"""How many wishes a block meets before the window has moved on: about a third come too late."""


class Wishes:
    """Slots on few chargers; the same seed wishes the same, day after day."""

    def __init__(self, stations: list[StationView], dice: random.Random) -> None:
        self._dice = dice
        self._made = 0
        self._blocks = [
            (station, charger, tomorrow(hour, days=day).start)
            for day in DAYS
            for hour in range(24)
            for station in stations
            for charger in range(len(station.chargers))
        ]

    def next(self) -> dict[str, Any]:
        """The body of a quote."""
        first = int(self._made / WISHES_PER_BLOCK)
        self._made += 1
        # At the end it begins anew: what was given up in the meantime is free again.
        place = (first + self._dice.randrange(WINDOW)) % len(self._blocks)
        station, charger, block = self._blocks[place]
        return quote_body(station, charger, self._within(block))

    def _within(self, block: datetime) -> Period:
        """Mostly most of the hour; some lap over into the next one."""
        start = block + timedelta(minutes=self._dice.choice((0, 0, 15, 30)))
        return Period(start, start + timedelta(minutes=self._dice.choice((30, 45, 45))))


def quote_body(station: StationView, charger: int, period: Period) -> dict[str, Any]:
    return {
        "station_id": str(station.station_id),
        "charger_id": str(station.chargers[charger].charger_id),
        "period": {"start": period.start.isoformat(), "end": period.end.isoformat()},
    }
