"""The app where things are not as usual: other clocks, lost lines, no map, strangers, odd names."""

import re
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Locator, Page, Response, expect

from tests.browser.driving import BOOKED, DESK, Garage, card, made_up_street, open_station
from tests.journeys.people import Person, eventually, tomorrow
from tests.journeys.running_system import RunningSystem

pytestmark = [pytest.mark.anyio, pytest.mark.real]

BERLIN = "Europe/Berlin"
MARKUP = "<img src=x onerror=alert(1)><b>Fett</b> & {{7*7}}"
STRIPS = """
  globalThis.strips = [];
  new MutationObserver(() => {
    const strip = document.querySelector('.strip');
    if (strip) strips.push(strip.textContent);
  }).observe(document, { childList: true, subtree: true });
"""
"""All that was said above the page, however briefly."""
RESTARTED = "ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY_RESPONSE"


def is_live(answer: Response) -> bool:
    return answer.url.endswith("/v1/live") and "x-accel-buffering" in answer.headers


def clock_changes(zone: str) -> list[date]:
    """The days of the coming year on which the zone's clocks are put, at most two."""
    day = datetime.now(ZoneInfo(zone)).date() + timedelta(days=1)
    days = [day + timedelta(days=number) for number in range(363)]
    return [one for one in days if noon_of(one, zone) != noon_of(one - timedelta(days=1), zone)]


def noon_of(day: date, zone: str) -> timedelta | None:
    return datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone)).utcoffset()


async def test_a_reader_in_another_zone_sees_the_station_s_times_and_is_told(
    garage: Garage, operator: Person
) -> None:
    station = await operator.fresh_station(name=made_up_street())
    driver = await garage.driver(timezone_id="America/New_York", viewport=DESK)
    await driver.knows_their_plug()
    await driver.sign_up()
    page = driver.page
    await open_station(driver, station)
    await expect(page.get_by_text(f"Times in {BERLIN}")).to_be_visible()
    await page.get_by_role("radio", name=re.compile("^17:00 to 18:00")).click()
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_text("17:00–18:00")).to_be_visible()
    await expect(page.get_by_text(f"Times in {BERLIN}")).to_be_visible()
    await page.get_by_role("button", name=re.compile("^Book and pay")).click()
    await expect(page.locator(".code")).to_be_visible()
    await expect(page.get_by_text(f"Times in {BERLIN}")).to_be_visible()
    (booking,) = (await (await page.request.get("/v1/reservations")).json())["reservations"]
    assert datetime.fromisoformat(booking["period"]["start"]) == tomorrow(hour=17).start


async def test_each_hour_of_a_day_on_which_clocks_change_is_offered_once(
    garage: Garage, operator: Person
) -> None:
    """23 or 25 hours long: the hour that is twice says which it is, the one that is not is not."""
    rule = {"grid": 60, "shortest": 60, "longest": 240, "buffer": 0, "earliest_notice_days": 365}
    station = await operator.fresh_station(name=made_up_street(), rule=rule)
    driver = await garage.driver()
    await driver.knows_their_plug()
    changes = clock_changes(BERLIN)
    assert changes
    for day in changes:
        await open_station(driver, station, part="Night", day=day.isoformat())
        names = await names_of_slots(driver.page)
        assert len(names) == hours_until_six(day), names
        assert len(set(names)) == len(names)
        assert all("free" in name for name in names)
        if len(names) > 6:
            assert names[2].startswith("02:00 CEST to 02:00 CET, ")
            await expect(await chosen_hour(driver.page, 2)).to_contain_text("02:00 CEST–02:00 CET")
            await expect(await chosen_hour(driver.page, 3)).to_contain_text("02:00 CET–03:00 CET")
        await expect(await chosen_hour(driver.page, -1)).to_contain_text("05:00–06:00")


async def chosen_hour(page: Page, number: int) -> Locator:
    """What the page says of it before one goes on."""
    await page.get_by_role("radio").nth(number).click()
    return page.locator(".bar p")


async def names_of_slots(page: Page) -> list[str]:
    group = page.get_by_role("radiogroup").locator("button")
    names: list[str] = await group.evaluate_all("all => all.map(one => one.ariaLabel)")
    return names


def hours_until_six(day: date) -> int:
    zone = ZoneInfo(BERLIN)
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    six = midnight.replace(hour=6)
    return round((six.astimezone(UTC) - midnight.astimezone(UTC)).total_seconds() / 3600)


async def test_names_with_markup_stay_text_on_every_page(garage: Garage, operator: Person) -> None:
    name = f"{MARKUP} {made_up_street()}"
    position = {"latitude": 50.1, "longitude": 12.1}
    station = await operator.fresh_station(
        name=name,
        position=position,
        address=MARKUP,
        how_to_find=MARKUP,
        chargers=1,
    )
    driver = await garage.driver()
    await driver.knows_their_plug()
    await driver.sign_up()
    page = driver.page
    await page.get_by_label("Name", exact=True).fill(MARKUP)
    await page.get_by_role("button", name="Save").click()
    await page.goto("/?place=There&lat=50.1&lon=12.1&radius=500")
    await card(page, name).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(name)
    await expect(page.get_by_text(MARKUP, exact=True)).to_be_visible()
    await open_station(driver, station)
    await page.get_by_role("radio", name=re.compile("^17:00 to ")).click()
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_role("heading", level=2).filter(has_text=name)).to_be_visible()
    await page.get_by_role("button", name=re.compile("^Book and pay")).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(name)
    await page.get_by_role("link", name="Bookings").first.click()
    await expect(page.get_by_role("link").filter(has_text=name)).to_be_visible()
    await page.get_by_role("link", name="Account").first.click()
    await expect(page.get_by_label("Name", exact=True)).to_have_value(MARKUP)
    assert await page.locator("main img, main b:text-is('Fett')").count() == 0


async def test_the_ids_of_a_stranger_are_not_found(garage: Garage, operator: Person) -> None:
    station = await operator.fresh_station(name=made_up_street())
    stranger = await operator.town.sign_up()
    theirs = await stranger.hold(await stranger.quote(station, tomorrow()))
    paid = (await stranger.pay(theirs)).reservation
    driver = await garage.driver()
    await driver.knows_their_plug()
    await driver.sign_up()
    page = driver.page
    await page.goto(f"/bookings/{paid.reservation_id}")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("no such booking")
    assert paid.code not in await page.content()
    for path in (
        f"/v1/reservations/{paid.reservation_id}/calendar.ics",
        f"/v1/payments/{paid.payment_id}/receipt?format=pdf",
    ):
        assert (await page.request.get(path)).status == 404
    start = f"start={paid.period.start.isoformat()}".replace("+", "%2B")
    await page.goto(f"/checkout/{station.station_id}?reservation={paid.reservation_id}&{start}")
    await expect(page.get_by_role("alert")).to_contain_text("no such booking")
    assert station.name not in await page.content()
    for nonsense in ("/bookings/nonsense", "/stations/nonsense", "/checkout/nonsense"):
        await page.goto(nonsense)
        await expect(page.get_by_role("alert").first).to_be_visible()
        # What is not there will not be there at the next try: a way on instead.
        await expect(page.get_by_role("alert").get_by_role("link").first).to_be_visible()
        await expect(page.get_by_role("button", name="Try again")).to_have_count(0)


async def test_a_cancel_that_became_dearer_meanwhile_is_asked_for_again(
    garage: Garage, operator: Person, browser_system: RunningSystem
) -> None:
    station = await operator.fresh_station(name=made_up_street())
    driver = await garage.driver()
    driver.expects("409")
    await driver.knows_their_plug()
    await driver.sign_up()
    page = driver.page
    quarter = timedelta(minutes=15)
    soon = (
        datetime.min
        + ((datetime.now(UTC).replace(tzinfo=None) - datetime.min) // quarter + 2) * quarter
    )
    number = await page.evaluate(
        BOOKED,
        [str(station.station_id), f"{soon.isoformat()}Z", f"{(soon + 4 * quarter).isoformat()}Z"],
    )
    await page.goto(f"/bookings/{number}")
    await page.get_by_role("button", name="Cancel …").click()
    await expect(page.get_by_text("It costs nothing now")).to_be_visible()
    async with browser_system.database("reservation") as database:
        await database.execute(
            "update reservation set confirmed_at = confirmed_at - interval '11 minutes'"
            " where reservation_id = $1",
            UUID(number),
        )
    await page.get_by_role("button", name="Cancel free of charge").click()
    await expect(page.get_by_role("alert")).to_contain_text("Nothing was cancelled")
    await page.get_by_role("button", name=re.compile("^Cancel for €")).click()
    await expect(page.get_by_text("Cancelled", exact=True).first).to_be_visible()
    await expect(page.get_by_text("Kept by the terms")).to_be_visible()


async def test_a_sign_in_that_expires_in_the_middle_is_asked_for_where_one_is(
    garage: Garage, operator: Person
) -> None:
    """The cookie is gone: the next act asks who it is, and goes on with the same slot."""
    station = await operator.fresh_station(name=made_up_street())
    driver = await garage.driver()
    await driver.knows_their_plug()
    await driver.sign_up()
    page = driver.page
    await open_station(driver, station)
    await page.get_by_role("radio", name=re.compile("^17:00 to ")).click()
    await page.context.clear_cookies()
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_label("E-mail")).to_be_visible()
    await driver.sign_in_here()
    await page.get_by_role("button", name="Book and pay €3.40").click()
    await expect(page.locator(".code")).to_be_visible()
    await expect(page.get_by_text("17:00–18:00")).to_be_visible()


async def test_a_page_outlives_its_gateway_and_its_line_and_misses_nothing(
    garage: Garage, operator: Person, browser_system: RunningSystem
) -> None:
    station = await operator.fresh_station(name=made_up_street())
    driver = await garage.driver()
    driver.expects(f"{RESTARTED}|ERR_INTERNET_DISCONNECTED|ERR_NETWORK")
    await driver.knows_their_plug()
    page = driver.page
    await page.add_init_script(STRIPS)
    await open_station(driver, station)
    rival = await operator.town.sign_up()
    before = browser_system.pids()["gateway"]
    browser_system.kill("gateway")
    # A page that was just reading something says the one, a page at rest the other.
    trouble = page.get_by_text(re.compile("Live view interrupted|No connection"))
    await eventually(lambda: page.evaluate("strips"), bool)
    await browser_system.back_after({"gateway": before})
    await expect(trouble).to_have_count(0)
    await rival.hold(await rival.quote(station, tomorrow(hour=13)))
    await expect(page.get_by_role("radio", name=re.compile("^13:00 .* taken"))).to_be_visible()
    await page.context.set_offline(True)
    # Twice where the page was just reading anew.
    await expect(page.get_by_text("No connection").first).to_be_visible()
    await rival.hold(await rival.quote(station, tomorrow(hour=15)))
    await page.context.set_offline(False)
    await expect(page.get_by_text("No connection")).to_have_count(0)
    # It happened while nobody could tell this page.
    await expect(page.get_by_role("radio", name=re.compile("^15:00 .* taken"))).to_be_visible()


async def test_a_stream_that_ends_as_planned_says_nothing_and_one_that_stays_away_says_so(
    garage: Garage, operator: Person
) -> None:
    station = await operator.fresh_station(name=made_up_street())
    driver = await garage.driver()
    driver.expects("ERR_CONNECTION_REFUSED")
    await driver.knows_their_plug()
    await driver.has_no_webgl()
    page = driver.page
    await page.clock.install()
    await page.add_init_script(STRIPS)
    # With its token, every few minutes.
    ended = {"content_type": "text/event-stream", "body": "retry: 300\n\n"}
    await page.route("**/v1/live", lambda route: route.fulfill(**ended), times=1)
    async with page.expect_response(is_live):
        await page.goto("/?as=driver")
    await page.evaluate("() => new Promise((done) => setTimeout(done, 100))")
    assert await page.evaluate("strips") == []
    await page.route("**/v1/live", lambda route: route.abort("connectionrefused"))
    async with page.expect_event("requestfailed"):
        await page.goto(f"/stations/{station.station_id}")
    await expect(page.get_by_role("heading", level=1)).to_have_text(station.name)
    await page.clock.fast_forward("00:03")
    strip = page.get_by_text("Live view interrupted")
    await expect(strip).to_be_visible()
    # The streams of the page that is left say nothing about the others.
    await page.get_by_role("link", name="Bookings").click()
    await expect(page.get_by_role("heading", name="Your bookings")).to_be_visible()
    assert await strip.is_visible()


async def test_without_webgl_the_list_does_everything(garage: Garage, operator: Person) -> None:
    name = made_up_street()
    position = {"latitude": 50.3, "longitude": 12.3}
    await operator.fresh_station(name=name, position=position)
    driver = await garage.driver(viewport=DESK)
    await driver.knows_their_plug()
    await driver.has_no_webgl()
    page = driver.page
    await page.goto("/?place=There&lat=50.3&lon=12.3&radius=500")
    await card(page, name).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(name)
    await expect(page.get_by_role("button", name="Continue")).to_be_enabled()
