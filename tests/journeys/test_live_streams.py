"""What happens is told at once: a station's slots to everybody, a booking's life to its driver."""

import asyncio

import pytest

from evslot.services.station.messages import StationView
from tests.journeys.live_stream import LiveStream
from tests.journeys.people import Person, Town, tomorrow

pytestmark = pytest.mark.anyio


async def test_a_station_tells_everybody_what_is_taken_and_free(
    town: Town, driver: Person, station: StationView
) -> None:
    async with town.stranger(gateway=1).live(station) as stream:
        held = await driver.hold(await driver.quote(station, tomorrow()))
        _, slot = await stream.event("slot")
        assert slot["state"] == "taken"
        assert slot["charger_id"] == str(held.charger_id)
        assert "driver_id" not in str(slot)
        await driver.cancel(held)
        _, slot = await stream.event("slot")
        assert slot["state"] == "free"


async def test_a_driver_is_told_the_life_of_their_booking(town: Town, station: StationView) -> None:
    driver = await town.sign_up()
    async with driver.live() as stream:
        held = await driver.hold(await driver.quote(station, tomorrow()))
        await driver.pay(held)
        told = await happenings(stream, "ReservationConfirmed")
        assert told[0] == "SlotHeld"
        assert "PaymentStarted" in told
        last_id = stream.last_id
    await driver.cancel(held)
    driver.gateway = 1  # another gateway goes on where the first was left
    async with driver.live(last_id=last_id) as stream:
        told = await happenings(stream, "ReservationSettled")
        assert "ReservationCancelled" in told
        assert "SlotHeld" not in told


async def happenings(stream: LiveStream, last: str) -> list[str]:
    """What was told up to an event."""
    told: list[str] = []
    async with asyncio.timeout(15):
        while last not in told:
            _, data = await stream.event("reservation", "payment")
            told.append(data["what"])
    return told
