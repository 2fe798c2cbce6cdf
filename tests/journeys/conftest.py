"""One real system for all journeys, with an operator who has an organisation."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from evslot.services.station.messages import StationView
from tests.journeys.people import Person, Town
from tests.journeys.running_system import RunningSystem


@pytest.fixture(scope="session")
def system(cache_dir: Path) -> Iterator[RunningSystem]:
    """Two gateways, two reservation services, one of each other part."""
    running = RunningSystem(cache_dir)
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
async def town(system: RunningSystem) -> AsyncIterator[Town]:
    """HTTP clients to the system and the mailboxes."""
    town = Town(system)
    yield town
    await town.close()


@pytest.fixture(scope="session")
async def operator(town: Town) -> Person:
    """Somebody who owns an organisation."""
    person = await town.sign_up()
    await person.make_organisation()
    return person


@pytest.fixture
async def station(operator: Person) -> StationView:
    """A station with one charger that nobody has booked yet."""
    return await operator.fresh_station()


@pytest.fixture(scope="session")
async def driver(town: Town) -> Person:
    """Somebody with an account."""
    return await town.sign_up()
