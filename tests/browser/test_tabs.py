"""Several tabs of one browser: each shows what is so, to whoever is signed in."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.driving import BOOKED, Garage, made_up_street, open_station
from tests.journeys.people import Person, tomorrow

pytestmark = [pytest.mark.anyio, pytest.mark.real]

SESSIONS = "/v1/browser-sessions"
SESSION = f"{SESSIONS}/current"
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
TURN = """state => {
  Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}"""


async def put_away(page: Page) -> None:
    """Another tab is looked at, and soon this one follows nothing any more."""
    await page.evaluate(TURN, "hidden")
    await page.clock.fast_forward("00:10")


async def test_a_third_tab_still_finds_a_connection_and_the_first_misses_nothing(
    garage: Garage, operator: Person
) -> None:
    """Over HTTP/1.1 a browser has six, and every tab follows two streams."""
    station = await operator.fresh_station(name=made_up_street())
    driver = await garage.driver()
    await driver.knows_their_plug()
    first = driver.page
    await first.goto("/?as=driver")
    await expect(first.get_by_role("link", name="Account")).to_be_visible()
    await first.clock.install()
    await open_station(driver, station)
    await put_away(first)
    second = await first.context.new_page()
    await second.clock.install()
    await second.goto(f"/stations/{station.station_id}")
    await expect(second.get_by_role("heading", level=1)).to_have_text(station.name)
    await put_away(second)
    third = await first.context.new_page()
    async with third.expect_response("**/v1/live"):
        await third.goto(f"/stations/{station.station_id}")
    await expect(third.get_by_role("heading", level=1)).to_have_text(station.name)
    async with third.expect_response("**/slots?*"):
        await third.get_by_label("Length").select_option("90")
    rival = operator.town.made_up()
    await rival.hold(await rival.quote(station, tomorrow(hour=13)))
    await expect(first.get_by_role("radio", name=re.compile("^13:00 .* free"))).to_be_visible()
    await first.evaluate(TURN, "visible")
    await expect(first.get_by_role("radio", name=re.compile("^13:00 .* taken"))).to_be_visible()


async def test_whoever_signs_in_next_sees_nothing_of_the_person_before(
    garage: Garage, operator: Person
) -> None:
    station = await operator.fresh_station(name=made_up_street())
    driver = await garage.driver()
    await driver.knows_their_plug()
    page = driver.page
    await page.clock.install()
    await page.goto("/?as=driver")
    await expect(page.get_by_role("link", name="Account")).to_be_visible()
    period = [tomorrow().start.isoformat(), tomorrow().end.isoformat()]
    number = await page.evaluate(BOOKED, [str(station.station_id), *period])
    await page.goto(f"/bookings/{number}")
    code = await page.locator(".code").inner_text()
    # In another tab.
    await page.request.delete(SESSION, headers=OWN_PAGE)
    await driver.sign_in_here()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("no such booking")
    shown = await page.content()
    assert code not in shown
    assert station.name not in shown
    await page.get_by_role("link", name="Account").click()
    await expect(page.get_by_text(f"Signed in as {driver.email}")).to_be_visible()
    await put_away(page)
    await page.request.post(SESSIONS, headers=OWN_PAGE, data={"sample_role": "driver"})
    await page.evaluate(TURN, "visible")
    await expect(page.get_by_text(driver.email)).to_have_count(0)
    await expect(page.get_by_text("Signed in as")).to_be_visible()
