"""Fills the sample: asks what there is, makes it up, and has each service write its part."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct

from evslot.cli.history import rhythm
from evslot.cli.history.outages import outages
from evslot.cli.history.own import own_visits
from evslot.cli.history.parts import bookings
from evslot.cli.history.plan import Planned, Town, days_around, known_by, settled_at, visits
from evslot.services.notification import messages as notification
from evslot.services.reservation import messages as reservation
from evslot.services.reservation.messages import SampleClosure
from evslot.services.station import messages as station
from evslot.services.station.domain.sample import sample_operators
from evslot.services.station.messages import Position, StationView
from evslot.services.user import messages as user
from evslot.services.user.domain.samples import sample_person
from evslot.spine.asking import Asker
from evslot.values import ChargerId, StationId, UserId

OPENING: Final = Position(52.52, 13.405)
"""The middle of what the app shows first."""
RADIUS_METRES = 40_000
MOST_STATIONS = 500
"""Of a town: a sample that was multiplied to measure with is not filled whole."""
AT_ONCE = 8
"""Questions on their way at the same time."""
CLOSURES_AT_ONCE = 200
HEARD_WITHIN = 10
"""Tries, half a second apart: the reservation service hears of new stations a moment later."""


class Place(Struct, frozen=True, kw_only=True):
    """Where a town of the sample is, and how much happens there."""

    name: str
    middle: Position
    a_day: float
    drivers: slice
    close: int = 0
    """So many stations around the middle are what everybody sees."""


PLACES: Final = (
    Place(name="Berlin", middle=OPENING, a_day=0.35, drivers=slice(0, 220), close=18),
    Place(name="Helsinki", middle=Position(60.17, 24.94), a_day=0.08, drivers=slice(220, 280)),
    Place(name="Ahmedabad", middle=Position(23.03, 72.58), a_day=0.06, drivers=slice(280, 330)),
    Place(name="New York", middle=Position(40.73, -73.99), a_day=0.06, drivers=slice(330, 380)),
)
"""Most of it where the app opens; the drivers after these are those of the traffic."""


class Filled(Struct, frozen=True, kw_only=True):
    """What a filling has added."""

    bookings: int
    seconds: float


async def fill(
    asker: Asker, say: Callable[[str], None], places: Sequence[Place] = PLACES
) -> Filled | None:
    """Once a day; None where nothing was to be done, or there is no sample. Raises Refused.

    The app opens in the first of the places: the sample driver books there.
    """
    now, started = datetime.now(UTC), time.monotonic()
    since = (await asker.send(reservation.GetSampleHistory())).written_until
    if since is not None and since.date() >= now.date():
        return None
    there = [(place, await _stations(asker, place.middle)) for place in places]
    if not any(stations for _, stations in there):
        return None
    drivers = (await asker.send(user.EnsureSampleDrivers())).user_ids
    await asker.send(notification.EnsureSampleSilence(user_ids=drivers))
    written = 0
    planned: list[Planned] = []
    for place, stations in there:
        town = _town(place, stations, drivers)
        planned += await _make_up(asker, town, now, since, first=place is places[0])
    planned.sort(key=lambda one: settled_at(one, now))
    for part in bookings(planned):
        written += (await asker.send(part)).written
    await asker.send(reservation.EnsureSampleHistory(written_until=now))
    seconds = time.monotonic() - started
    say(f"{written:,} made-up bookings of the last 60 days and the next 14 ({seconds:.0f} s)")
    return Filled(bookings=written, seconds=seconds)


def _town(place: Place, stations: Sequence[StationView], drivers: Sequence[UserId]) -> Town:
    return Town(
        name=place.name,
        stations=stations,
        drivers=drivers[place.drivers],
        a_day=place.a_day,
        close=place.close,
    )


async def _make_up(
    asker: Asker, town: Town, now: datetime, since: datetime | None, *, first: bool
) -> list[Planned]:
    """The visits of a town; its outages are written before anybody comes."""
    stations = town.stations
    if not stations:
        return []
    everything, closures = await asyncio.to_thread(_plan, town, now)
    planned = [one for one in everything if known_by(one, now, since)]
    if first and since is None:
        planned += own_visits(stations, everything, sample_person("driver").user_id, now)
    await _close(asker, [one for one in closures if since is None or one.set_at > since])
    if first:
        await _say_states(asker, stations, planned, closures, now)
    return planned


def _plan(town: Town, now: datetime) -> tuple[list[Planned], list[SampleClosure]]:
    """All there is to make up around now, and what is out of order until then."""
    days = days_around(now)
    closures = [
        closure
        for one in town.stations
        for closure in outages(one, days[0], now.date())
        if closure.set_at <= now
    ]
    return list(visits(town, days, closures)), closures


async def _stations(asker: Asker, middle: Position) -> list[StationView]:
    """Those of the sample around a place, nearest first."""
    owners = {operator.organisation_id for operator in sample_operators()}
    found: list[StationId] = []
    cursor: str | None = None
    while len(found) < MOST_STATIONS:
        page = await asker.send(
            station.FindStations(
                position=middle, radius_metres=RADIUS_METRES, bookable_only=True, cursor=cursor
            )
        )
        found += [one.station_id for one in page.stations]
        cursor = page.next_cursor
        if cursor is None:
            break
    views: list[StationView] = []
    for begin in range(0, len(found), AT_ONCE):
        views += await asyncio.gather(
            *(
                asker.send(station.GetStation(station_id=number))
                for number in found[begin : begin + AT_ONCE]
            )
        )
    return [view for view in views if view.organisation_id in owners and view.terms and view.tariff]


async def _close(asker: Asker, closures: Sequence[SampleClosure]) -> None:
    operator_id = sample_person("operator").user_id
    for begin in range(0, len(closures), CLOSURES_AT_ONCE):
        part = tuple(closures[begin : begin + CLOSURES_AT_ONCE])
        command = reservation.EnsureSampleClosures(operator_id=operator_id, closures=part)
        for _ in range(HEARD_WITHIN):
            if (await asker.send(command)).refused == 0:
                break
            await asyncio.sleep(0.5)


async def _say_states(
    asker: Asker,
    stations: Sequence[StationView],
    planned: Sequence[Planned],
    closures: Sequence[SampleClosure],
    now: datetime,
) -> None:
    """As operators know them: broken, in use, free, and of some nobody has said anything."""
    said: dict[ChargerId, station.SampleState] = {}
    for charger in (charger for one in stations for charger in one.chargers):
        luck = rhythm.chance("state", charger.charger_id, now.date())
        if luck.random() < 0.75:
            at = now - timedelta(minutes=luck.randint(2, 300))
            said[charger.charger_id] = _said(charger.charger_id, "AVAILABLE", at)
    for visit in (one.visit for one in planned):
        going = visit.left_at or visit.period.end
        if visit.came_at is not None and visit.came_at <= now < going:
            said[visit.charger_id] = _said(visit.charger_id, "CHARGING", visit.came_at)
    for closure in closures:
        if closure.period.start <= now < closure.period.end:
            for charger_id in closure.charger_ids:
                said[charger_id] = _said(charger_id, "OUTOFORDER", closure.period.start)
    await asker.send(station.EnsureSampleStates(states=tuple(said.values())))


def _said(
    charger_id: ChargerId, state: station.ChargerStateValue, at: datetime
) -> station.SampleState:
    return station.SampleState(charger_id=charger_id, state=state, at=at)


def traffic_drivers(count: int) -> range:
    """Numbers of made-up drivers who have no history: they are free to act."""
    first = max(place.drivers.stop for place in PLACES) + 1
    return range(first, first + count)
