"""A small made-up past for tests: a few stations of the sample, planned, written, paid for."""

from datetime import datetime
from uuid import UUID, uuid5

from tests.harness import Harness
from tests.sample_network import sample_stations

from evslot.cli.history.outages import outages
from evslot.cli.history.parts import bookings
from evslot.cli.history.plan import Planned, Town, days_around, known_by, settled_at, visits
from evslot.services.payment import messages as payment
from evslot.services.reservation.messages import SampleClosure, SampleCount
from evslot.services.station.messages import StationPublished, StationView
from evslot.spine.callers import SYSTEM
from evslot.values import UserId

STATIONS = 3
NAMESPACE = UUID("7d2f0f0a-3b57-5a53-9d5e-0e7c2c1f9a10")
DRIVERS = [UserId(uuid5(NAMESPACE, str(number))) for number in range(40)]


def few_stations() -> list[StationView]:
    """One of each operator, with its own rules, prices and terms."""
    found: dict[object, StationView] = {}
    for one in sample_stations("Berlin"):
        found.setdefault(one.organisation_id, one)
    return list(found.values())[:STATIONS]


def planned(
    stations: list[StationView], now: datetime, since: datetime | None = None
) -> tuple[list[Planned], list[SampleClosure]]:
    """What was booked up to now, and the outages."""
    town = Town(name="test", stations=stations, drivers=DRIVERS, a_day=1.2)
    days = days_around(now)
    closures = [one for place in stations for one in outages(place, days[0], now.date())]
    closures = [one for one in closures if one.set_at <= now]
    made = [one for one in visits(town, days, closures) if known_by(one, now, since)]
    return sorted(made, key=lambda one: settled_at(one, now)), closures


async def hear_of(h: Harness, stations: list[StationView]) -> None:
    for one in stations:
        await h.hear(StationPublished(station=one, version=one.version))


async def write(h: Harness, made: list[Planned]) -> SampleCount:
    """All parts, one after the other; the sum of what became of them."""
    counts = [await h.send(part, caller=SYSTEM) for part in bookings(made)]
    return SampleCount(
        written=sum(one.written for one in counts),
        known=sum(one.known for one in counts),
        refused=sum(one.refused for one in counts),
    )


def payments_sent(h: Harness) -> list[payment.EnsureSamplePayments]:
    """What the payment service was told to write, in order."""
    commands = [sent.command for sent in h.sent]
    return [one for one in commands if isinstance(one, payment.EnsureSamplePayments)]
