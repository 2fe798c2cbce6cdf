"""An ordinary booking comes by every failpoint there is; here each only says so, once a process."""

import json

import pytest

from evslot.services.station.messages import StationView
from evslot.spine.failpoints import POINTS
from tests.journeys.people import Person, eventually, tomorrow
from tests.journeys.running_system import RunningSystem

pytestmark = pytest.mark.anyio


async def test_a_booking_comes_by_every_failpoint(
    driver: Person, station: StationView, system: RunningSystem
) -> None:
    held = await driver.hold(await driver.quote(station, tomorrow()))
    await driver.pay(held)

    async def missed() -> set[str]:
        return set(POINTS) - passed(system)

    assert await eventually(missed, lambda left: not left, seconds=20) == set()


def passed(system: RunningSystem) -> set[str]:
    """What was logged by any process, and by `up` itself, which migrates."""
    logs = [*(system.folder / "logs").glob("*.log"), system.folder.parent / "up.log"]
    lines = [line for log in logs for line in log.read_text().splitlines() if "failpoint" in line]
    told = {json.loads(line)["point"] for line in lines if line.startswith("{")}
    return told | {point for point in POINTS for line in lines if f"point={point}" in line}
