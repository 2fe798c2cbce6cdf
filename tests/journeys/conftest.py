"""One real system for all journeys, with an operator who has an organisation."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from evslot.services.station.messages import StationView
from evslot.spine.failpoints import POINTS
from tests.journeys import test_route_coverage
from tests.journeys.people import Person, Town
from tests.journeys.running_system import RunningSystem

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What the journeys used is judged after all of them, and only where all of them are run."""
    judging = test_route_coverage.test_every_operation_is_used_by_a_journey.__name__
    last = [item for item in items if item.path.parent == HERE and item.name == judging]
    if not last:
        return
    items[:] = [item for item in items if item not in last]
    run = {item.path for item in items if item.path.parent == HERE}
    whole = set(HERE.glob("test_*.py")) <= run
    if whole and not _chosen(config):
        items.extend(last)
    else:
        config.hook.pytest_deselected(items=last)


def _chosen(config: pytest.Config) -> bool:
    """Whether single tests were chosen, by name, place, word or last failure."""
    places = [str(argument) for argument in config.args]
    words = config.getoption("keyword"), config.getoption("lf"), config.getoption("deselect")
    return any(words) or any("::" in place for place in places)


@pytest.fixture(scope="package")
def system(cache_dir: Path) -> Iterator[RunningSystem]:
    """Two gateways, two reservation services, one of each other part."""
    running = RunningSystem(cache_dir)
    running.environment["EVSLOT_FAIL"] = ",".join(f"{point}:1:log" for point in POINTS)
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="package")
async def town(system: RunningSystem) -> AsyncIterator[Town]:
    """HTTP clients to the system and the mailboxes."""
    town = Town(system)
    yield town
    await town.close()


@pytest.fixture(scope="package")
async def operator(town: Town) -> Person:
    """Somebody who owns an organisation."""
    person = await town.sign_up()
    await person.make_organisation()
    return person


@pytest.fixture
async def station(operator: Person) -> StationView:
    """A station with one charger that nobody has booked yet."""
    return await operator.fresh_station()


@pytest.fixture(scope="package")
async def account(town: Town) -> Person:
    """Somebody with an account."""
    return await town.sign_up()


@pytest.fixture
async def driver(account: Person) -> Person:
    """Somebody with an account, who holds nothing: a test before may have left holds."""
    for held in (await account.bookings(states="held")).reservations:
        await account.request("POST", f"/v1/reservations/{held.reservation_id}/cancellation")
    return account
