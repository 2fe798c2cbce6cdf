"""What stays: the next booking without a line, the car, what was typed; and what leads on."""

import json
import re

import pytest
from playwright.async_api import Request, expect

from evslot.services.station.messages import StationView
from tests.browser.driving import DESK, Driver, Garage, made_up_street
from tests.journeys.people import Person, eventually

pytestmark = [pytest.mark.anyio, pytest.mark.real]

CUT = "ERR_INTERNET_DISCONNECTED"
KEPT = "localStorage.getItem('evslot.next')"
CACHED = """async () => {
  const caches_ = await Promise.all((await caches.keys()).map((name) => caches.open(name)));
  const kept = await Promise.all(caches_.map((one) => one.keys()));
  return kept.flat().map((one) => new URL(one.url).pathname);
}"""


async def new_station(operator: Person, latitude: float) -> StationView:
    """Alone in its town, with both kinds of plugs."""
    assert operator.organisation is not None
    plugs = {"A1": ("IEC_62196_T2", 22_000), "B1": ("IEC_62196_T2_COMBO", 150_000)}
    body = {
        "organisation_id": str(operator.organisation.organisation_id),
        "name": made_up_street(),
        "address": "Uferstraße 1",
        "city": "Fulda",
        "postcode": "36037",
        "country": "DE",
        "position": {"latitude": latitude, "longitude": 9.05},
        "zone": "Europe/Berlin",
        "rule": {"grid": 15, "shortest": 15, "longest": 240, "buffer": 5},
        "chargers": [
            {"label": label, "connectors": [{"standard": standard, "max_watts": watts}]}
            for label, (standard, watts) in plugs.items()
        ],
        "tariff": {"currency": "EUR", "flat": 100, "per_hour": 240, "per_kwh": 49},
    }
    return await operator.post("/v1/stations", StationView, body)


async def signed_up(garage: Garage, **wishes: object) -> Driver:
    driver = await garage.driver(**wishes)
    await driver.knows_their_plug()
    await driver.sign_up()
    return driver


async def books_now(driver: Driver, station: StationView) -> None:
    """Two taps at the station."""
    page = driver.page
    await page.goto(f"/stations/{station.station_id}?minutes=30")
    await page.get_by_role("link", name=re.compile("^Start now until")).click()
    await page.get_by_role("button", name=re.compile("^Book and pay")).click()
    await expect(page.locator(".code")).to_be_visible()


async def test_without_a_line_the_next_booking_and_its_code_are_there_until_one_signs_out(
    garage: Garage, operator: Person
) -> None:
    station = await new_station(operator, 50.05)
    driver = await signed_up(garage)
    driver.expects(CUT)
    page = driver.page
    await books_now(driver, station)
    code = await page.locator(".code").inner_text()

    async def next_one() -> str | None:
        found: str | None = await page.evaluate(KEPT)
        return found

    await eventually(next_one, bool)
    await page.evaluate("async () => { await navigator.serviceWorker.ready }")
    await page.context.set_offline(True)
    await page.goto("/bookings")
    await expect(page.get_by_text(re.compile("^No connection. What you see"))).to_be_visible()
    await expect(page.get_by_text(re.compile("^Kept on this device"))).to_be_visible()
    await driver.shown("offline-mine-phone")
    await page.get_by_role("link", name=re.compile(re.escape(station.name))).click()
    await expect(page.locator(".code")).to_have_text(code)
    await driver.shown("offline-booking-phone")
    await page.context.set_offline(False)
    await expect(page.get_by_text("No connection")).to_have_count(0)
    await expect(page.get_by_text("Kept on this device")).to_have_count(0)
    # Nothing that is anybody's is in the worker's cache, and nothing at all after the end.
    assert [path for path in await page.evaluate(CACHED) if path.startswith("/v1")] == []
    await page.goto("/account")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    assert await page.evaluate(KEPT) is None


async def test_the_car_sets_the_plug_goes_with_the_booking_and_outlives_a_reload_half_typed(
    garage: Garage, operator: Person
) -> None:
    station = await new_station(operator, 50.15)
    driver = await signed_up(garage, viewport=DESK)
    page = driver.page
    await page.goto("/account")
    await page.get_by_label("What you call it").fill("Blue hatchback")
    await page.get_by_label("Your plug").select_option("CCS")
    await page.get_by_label("At most DC, kW").fill("120")
    await page.reload()
    await expect(page.get_by_label("What you call it")).to_have_value("Blue hatchback")
    await expect(page.get_by_label("At most DC, kW")).to_have_value("120")
    await page.get_by_role("button", name="Add a vehicle").click()
    await expect(page.get_by_role("radio", name=re.compile("^Blue hatchback"))).to_be_checked()
    await driver.shown("vehicles-desk")
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request))
    await page.goto("/?place=Rhön&lat=50.15&lon=9.05&radius=3000&zone=Europe/Berlin")
    await expect(page.get_by_role("button", name="Blue hatchback · CCS")).to_be_visible()
    await page.get_by_role("link", name=re.compile("^Start now until")).click()
    await expect(page.get_by_text("Charger B1")).to_be_visible()
    await page.get_by_role("button", name=re.compile("^Book and pay")).click()
    await expect(page.locator(".code")).to_be_visible()
    (held,) = [one for one in sent if one.method == "POST" and one.url.endswith("/v1/reservations")]
    assert json.loads(held.post_data or "")["vehicle_id"]
    await page.goto(f"/stations/{station.station_id}")
    await expect(page.get_by_text("your car takes up to 120 kW")).to_be_visible()


async def test_a_booking_tells_its_way_and_leads_to_the_next_one_and_out_of_it(
    garage: Garage, operator: Person
) -> None:
    station = await new_station(operator, 50.25)
    driver = await signed_up(garage)
    page = driver.page
    await books_now(driver, station)
    await page.get_by_text("What just happened").click()
    for step in ("Hold Slot", "Slot Held", "Pay Reservation", "Reservation Confirmed"):
        await expect(page.get_by_role("listitem").filter(has_text=step).first).to_be_visible()
    await driver.shown("trace-phone")
    await page.get_by_role("button", name="I’m here – check in").click()
    await page.get_by_role("button", name="I’m leaving").click()
    await expect(page.get_by_text("Done", exact=True)).to_be_visible()
    await driver.shown("done-phone")
    await page.get_by_role("link", name="Bookings").first.click()
    # Again: two acts.
    await page.get_by_role("link", name=re.compile("^Tomorrow, ")).click()
    await page.get_by_role("button", name=re.compile("^Book and pay")).click()
    await expect(page.locator(".code")).to_be_visible()
    # Out of it: three acts, and the sum before the last.
    await page.get_by_role("link", name="Bookings").first.click()
    await driver.shown("mine-again-phone")
    await page.get_by_role("link", name="Cancel …").click()
    await page.get_by_role("button", name="Cancel free of charge").click()
    await expect(page.get_by_text("Cancelled", exact=True).first).to_be_visible()
