"""`evslot demo` plays its story on the running system, and plays it again."""

import pytest

from tests.journeys.people import Person
from tests.journeys.running_system import RunningSystem

pytestmark = pytest.mark.anyio


async def test_the_demonstration_plays_twice_on_one_system(
    operator: Person, system: RunningSystem
) -> None:
    await operator.fresh_station(chargers=3, position={"latitude": 52.5219, "longitude": 13.4132})
    for _ in range(2):
        told = " ".join(system.command("demo").split())
        for words in (
            "409 slot_taken",
            "Kill the reservation service",
            "the booking is confirmed",
            "reservation-service[",
            "→ ev_payment_db",
            "with evslot-",
            "the receipt is a PDF",
            "the booking is completed",
            "given back: €3.40",
            "“Cancelled:",
        ):
            assert words in told, told
        assert "try it yourself at http://127.0.0.1:" in told[-200:]
