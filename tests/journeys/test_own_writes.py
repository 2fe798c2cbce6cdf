"""What somebody has just done, they find wherever they look next: no moment in between."""

from typing import Any

import httpx
import msgspec
import pytest

from evslot.services.notification.messages import Notifications
from evslot.services.station.messages import DaySlots, StationView
from tests.journeys.people import Person, tomorrow

pytestmark = pytest.mark.anyio


async def look(person: Person, after: httpx.Response, path: str, **params: Any) -> httpx.Response:
    """A read that follows an answer, with the version that the answer told."""
    version = {"Evslot-Version": after.headers["evslot-version"]}
    seen = await person.request("GET", path, params=params, headers=version)
    assert seen.status_code == 200, seen.text
    assert "evslot-view-age" not in seen.headers
    return seen


async def test_a_slot_is_grey_and_a_calendar_file_there_at_the_first_look(
    driver: Person, station: StationView
) -> None:
    for hour in (9, 11, 13, 15):
        slot = tomorrow(hour)
        quote = await driver.quote(station, slot)
        held = await driver.request("POST", "/v1/reservations", body={"quote": quote.token})
        slots = f"/v1/stations/{station.station_id}/slots"
        seen = await look(driver, held, slots, day=slot.start.date().isoformat(), minutes=60)
        (charger,) = msgspec.json.decode(seen.content, type=DaySlots).chargers
        (there,) = [one for one in charger.slots if one.period.start == slot.start]
        assert there.reason == "taken"

        where = f"/v1/reservations/{held.json()['reservation_id']}"
        paid = await driver.request("POST", f"{where}/payment", body={"method": "sim_ok"})
        calendar = await look(driver, paid, f"{where}/calendar.ics")
        assert "BEGIN:VEVENT" in calendar.text
        listed = await look(driver, paid, "/v1/notifications")
        newest = msgspec.json.decode(listed.content, type=Notifications).notifications[0]
        assert newest.kind == "reservation_confirmed"
        assert str(newest.reservation_id) in where
