"""What stays: the next booking without a line, the car, what was typed; and what leads on."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from playwright.async_api import Page, Request, Route, expect

from evslot.services.station.messages import StationView
from tests.browser.driving import BOOKED, DESK, DRAWN, READ_ANEW, Driver, Garage, made_up_street
from tests.journeys.people import Person, eventually, tomorrow
from tests.journeys.running_system import RunningSystem

pytestmark = [pytest.mark.anyio, pytest.mark.real]

MANY = """
insert into reservation
select (jsonb_populate_record(one, jsonb_build_object(
  'reservation_id', gen_random_uuid(), 'state', 'cancelled'))).*
from reservation one, generate_series(1, 24) where reservation_id = $1
"""
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


@asynccontextmanager
async def answered_late(page: Page, pattern: str) -> AsyncIterator[asyncio.Event]:
    """Answers of what is asked meanwhile come after the block; the event says that it was asked."""
    asked, told = asyncio.Event(), asyncio.Event()

    async def late(route: Route) -> None:
        asked.set()
        await told.wait()
        await route.continue_()

    await page.route(re.compile(pattern), late)
    async with asyncio.timeout(30):
        yield asked
        async with page.expect_response(re.compile(pattern)) as answered:
            told.set()
        await (await answered.value).finished()
    await page.evaluate("() => new Promise((done) => setTimeout(done, 100))")
    await page.unroute(re.compile(pattern))


async def test_an_answer_that_comes_after_its_page_was_left_is_dropped(
    garage: Garage, operator: Person
) -> None:
    """What a page works out ends with it: the browser complains of whoever looks at it then."""
    station = await new_station(operator, 50.35)
    driver = await signed_up(garage)
    page = driver.page
    async with answered_late(page, f"/v1/stations/{station.station_id}$") as asked:
        await page.goto("/?place=Fulda&lat=50.35&lon=9.05&radius=3000&zone=Europe/Berlin")
        await asked.wait()
        await page.get_by_role("link", name="Bookings").first.click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Your bookings")
        await asyncio.sleep(1.1)  # the clock of the pages moves on
    await books_now(driver, station)
    async with answered_late(page, "/v1/reservations/[0-9a-f-]{36}$"):
        # It reads anew for either.
        await page.get_by_role("button", name="Cancel …").click()
        await page.get_by_role("button", name="Keep it").click()
        await page.get_by_role("link", name="Bookings").first.click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Your bookings")


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


async def test_a_long_list_of_bookings_keeps_its_length_and_says_what_went_wrong(
    garage: Garage, operator: Person, browser_system: RunningSystem
) -> None:
    station = await new_station(operator, 50.45)
    driver = await signed_up(garage)
    page = driver.page
    period = [tomorrow().start.isoformat(), tomorrow().end.isoformat()]
    number = await page.evaluate(BOOKED, [str(station.station_id), *period])
    async with browser_system.database("reservation") as database:
        await database.execute(MANY, UUID(number))
    await page.goto("/bookings")
    shown = page.get_by_role("main").locator("a", has_text=station.name)
    await expect(shown).to_have_count(20)
    await page.route("**/v1/reservations?*", away, times=1)
    await page.get_by_role("button", name="More").click()
    await page.get_by_role("alert").get_by_role("button", name="Try again").click()
    await expect(shown).to_have_count(25)
    await expect(page.get_by_role("alert")).to_have_count(0)
    for trouble in (False, True):
        if trouble:
            await page.route("**/v1/reservations?*", away, times=1)
        async with page.expect_response("**/v1/reservations?*"):
            await page.evaluate(READ_ANEW)
        await page.evaluate(DRAWN)
        await expect(shown).to_have_count(25)
        await expect(page.get_by_role("alert")).to_have_count(int(trouble))


async def away(route: Route) -> None:
    await route.fulfill(status=503, json={"code": "unavailable", "detail": "Try again."})
