"""Drivers who book without pause and remember what they were told; what must then be true."""

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx

from evslot.services.station.messages import StationView
from evslot.values import Period
from tests.journeys.people import Person, Town, tomorrow

CLIENT_SECONDS = 60.0
"""How long a driver repeats one request before it counts as lost."""
METHODS = ("sim_ok", "sim_ok", "sim_ok", "sim_flaky", "sim_decline", "sim_timeout_after_charge")


@dataclass
class Memory:
    """What the drivers were told; the databases must agree."""

    held: set[UUID] = field(default_factory=set)
    confirmed: set[UUID] = field(default_factory=set)
    cancelled: set[UUID] = field(default_factory=set)
    said: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    """The longest a single request took to be answered, whatever the answer."""


class Load:
    """Many drivers on stations of their own wishes: no two want the same slot."""

    def __init__(self, town: Town, drivers: list[Person], stations: list[StationView]) -> None:
        self.town = town
        self.memory = Memory()
        self._drivers = drivers
        self._slots = _slots(stations)
        self._dice = random.Random(7)

    async def book(self, count: int, enough: Callable[[], bool]) -> None:
        """At least so many bookings, each held, most paid, some cancelled; then until enough."""
        await asyncio.gather(*(self._drive(driver, count, enough) for driver in self._drivers))

    async def _drive(self, driver: Person, count: int, enough: Callable[[], bool]) -> None:
        while len(self.memory.held) < count or not enough():
            station, charger, period = next(self._slots)
            await self._one_booking(driver, station, charger, period)

    async def _one_booking(
        self, driver: Person, station: StationView, charger: int, period: Period
    ) -> None:
        body = {
            "station_id": str(station.station_id),
            "charger_id": str(station.chargers[charger].charger_id),
            "period": {"start": period.start.isoformat(), "end": period.end.isoformat()},
        }
        quote = await self._insist(driver, "/v1/quotes", body)
        held = await self._insist(driver, "/v1/reservations", {"quote": quote.json()["token"]})
        if held.status_code != 201:
            return
        number = UUID(held.json()["reservation_id"])
        self.memory.held.add(number)
        path = f"/v1/reservations/{number}"
        paid = await self._insist(driver, f"{path}/payment", {"method": self._dice.choice(METHODS)})
        if paid.status_code != 201:
            await self._insist(driver, f"{path}/cancellation", {"reason": "declined"})
            return
        self.memory.confirmed.add(number)
        if self._dice.random() < 0.1:
            gone = await self._insist(driver, f"{path}/cancellation", {"reason": "plans changed"})
            if gone.status_code == 201:
                self.memory.cancelled.add(number)

    async def _insist(self, driver: Person, path: str, body: Any) -> httpx.Response:
        """The same under the same key, at the other gateway too, until there is an outcome."""
        key = str(uuid4())
        until = time.monotonic() + CLIENT_SECONDS
        while time.monotonic() < until:
            started = time.monotonic()
            try:
                answer = await driver.request("POST", path, body=body, key=key)
            except httpx.TransportError as error:
                said = type(error).__name__
                driver.gateway += 1
            else:
                said = str(answer.status_code)
                if answer.is_error:
                    said += f" {answer.json()['code']}"
                if answer.status_code not in (202, 503):
                    self._note(said, started)
                    return answer
            self._note(said, started)
            await asyncio.sleep(0.1)
        raise AssertionError(f"no outcome of {path} within {CLIENT_SECONDS} s")

    def _note(self, said: str, started: float) -> None:
        self.memory.said[said] += 1
        self.memory.slowest = max(self.memory.slowest, time.monotonic() - started)


def _slots(stations: list[StationView]) -> Iterator[tuple[StationView, int, Period]]:
    """Quarters of an hour two hours apart, on near days, and on far ones that are paid at once."""
    for days, hour in itertools.product((2, 9, 3, 10, 4, 11, 5, 12), range(0, 24, 2)):
        for station in stations:
            for charger in range(len(station.chargers)):
                start = tomorrow(hour, days=days).start
                yield station, charger, Period(start, start + timedelta(minutes=15))
