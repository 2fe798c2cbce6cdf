"""Nothing that was typed or chosen is lost: six kinds of interruption, two of each."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from playwright.async_api import Page, Route, expect

from evslot.services.station.messages import StationView
from evslot.values import Period
from tests.browser.driving import Driver, Garage, card, days_ahead, made_up_street, open_station
from tests.journeys.people import BERLIN, Person
from tests.journeys.running_system import RunningSystem

pytestmark = [pytest.mark.anyio, pytest.mark.real]

CUT = "ERR_INTERNET_DISCONNECTED|ERR_NETWORK_CHANGED"
GATEWAY_AWAY = "ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY_RESPONSE|ERR_NETWORK_IO"
SLEEP = "10:00"
LAPSED = (
    "update occupancy set held_until = now() - interval '8 minutes' where ref = $1",
    "update reservation set held_until = now() - interval '8 minutes' where reservation_id = $1",
)
DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
CHOSEN = re.compile("^18:15 to 19:15, €3.40, free")


@pytest.fixture
async def station(operator: Person) -> StationView:
    return await operator.fresh_station(chargers=2, name=made_up_street())


@pytest.fixture
async def driver(garage: Garage) -> Driver:
    driver = await garage.driver()
    await driver.knows_their_plug()
    return driver


async def choose_slot(driver: Driver, station: StationView) -> None:
    """The second charger, an evening, an hour."""
    await open_station(driver, station, part="Evening")
    await driver.page.get_by_label("Chargers").select_option(str(station.chargers[1].charger_id))
    await driver.page.get_by_role("radio", name=CHOSEN).click()


async def slot_is_kept(page: Page, station: StationView) -> None:
    await expect(page.get_by_role("radio", name=CHOSEN)).to_be_checked()
    await expect(page.get_by_label("Length")).to_have_value("60")
    await expect(page.get_by_label("Chargers")).to_have_value(str(station.chargers[1].charger_id))
    await expect(page.get_by_role("button", name="Continue")).to_be_enabled()


async def hold_slot(driver: Driver, station: StationView) -> None:
    """Up to paying, with a choice of how to."""
    await choose_slot(driver, station)
    await driver.page.get_by_role("button", name="Continue").click()
    await expect(driver.page.get_by_text("Held for you")).to_be_visible()
    await driver.page.get_by_label("Test card with bank approval").check()
    await driver.page.get_by_label("Keep this card").check()


async def hold_is_kept(page: Page) -> None:
    await expect(page.get_by_text("Held for you")).to_be_visible()
    await expect(page.get_by_text("18:15–19:15")).to_be_visible()
    await expect(page.get_by_label("Test card with bank approval")).to_be_checked()
    await expect(page.get_by_label("Keep this card")).to_be_checked()


async def books(page: Page) -> None:
    """Nothing stands in the way of going on to the end."""
    await page.get_by_role("button", name="Book and pay €3.40").click()
    await page.get_by_role("button", name="Approve the payment").click()
    await expect(page.locator(".code")).to_be_visible()
    await expect(page.get_by_text("18:15–19:15")).to_be_visible()


async def end_session_elsewhere(driver: Driver) -> None:
    """Somebody with the same account signs this browser out."""
    (cookie,) = await driver.page.context.cookies()
    headers = {"Cookie": f"{cookie['name']}={cookie['value']}", "Sec-Fetch-Site": "same-origin"}
    path = "/v1/browser-sessions/current"
    assert (await driver.town.gateway(0).delete(path, headers=headers)).status_code == 204


async def restart_gateway(driver: Driver, system: RunningSystem) -> None:
    driver.expects(GATEWAY_AWAY)
    before = system.pids()["gateway"]
    system.kill("gateway")
    await system.back_after({"gateway": before})


# --- 1, 2: reload -------------------------------------------------------------------------------


async def test_a_reload_keeps_the_address_and_the_code_of_a_newcomer(
    driver: Driver, station: StationView
) -> None:
    page = driver.page
    await choose_slot(driver, station)
    await page.get_by_role("button", name="Continue").click()
    await page.get_by_label("E-mail").fill(driver.email)
    await page.reload()
    await expect(page.get_by_label("E-mail")).to_have_value(driver.email)
    await page.get_by_role("button", name="Mail me a code").click()
    code = await driver.mailed_code()
    await page.get_by_label("Code from the mail").fill(code)
    await page.reload()
    await expect(page.get_by_label("Code from the mail")).to_have_value(code)
    await page.get_by_role("button", name="Go on").click()
    await expect(page.get_by_text("Held for you")).to_be_visible()
    await expect(page.get_by_text("18:15–19:15")).to_be_visible()


async def test_a_reload_keeps_the_hold_and_how_to_pay(driver: Driver, station: StationView) -> None:
    await driver.sign_up()
    await hold_slot(driver, station)
    await driver.page.reload()
    await hold_is_kept(driver.page)
    await books(driver.page)


# --- 3, 4: back ---------------------------------------------------------------------------------


async def test_back_from_paying_keeps_the_slot_that_was_chosen(
    driver: Driver, station: StationView
) -> None:
    await driver.sign_up()
    await hold_slot(driver, station)
    await driver.page.go_back()
    await slot_is_kept(driver.page, station)
    await driver.page.go_forward()
    await hold_is_kept(driver.page)


async def test_back_from_a_station_keeps_what_was_searched(
    driver: Driver, station: StationView
) -> None:
    page = driver.page
    at = station.position
    await page.goto(f"/?place=Here&lat={at.latitude}&lon={at.longitude}&radius=300")
    await page.get_by_label("Pick a time").check()
    await page.get_by_label("Day").fill(days_ahead(2))
    await page.get_by_label("Start").select_option("18:15")
    await page.get_by_label("Length").select_option("90")
    await card(page, station.name).click()
    await expect(page.get_by_role("radio", checked=True)).to_be_visible()
    await page.go_back()
    await expect(page.get_by_label("Pick a time")).to_be_checked()
    await expect(page.get_by_label("Day")).to_have_value(days_ahead(2))
    await expect(page.get_by_label("Start")).to_have_value("18:15")
    await expect(page.get_by_label("Length")).to_have_value("90")
    await expect(page.get_by_role("combobox", name="Where")).to_have_value("Here")
    await expect(card(page, station.name)).to_be_visible()


# --- 5, 6: the session ends ---------------------------------------------------------------------


async def test_a_session_that_ends_keeps_the_hold_and_how_to_pay(
    driver: Driver, station: StationView
) -> None:
    await driver.sign_up()
    await hold_slot(driver, station)
    await end_session_elsewhere(driver)
    await expect(driver.page.get_by_label("E-mail")).to_be_visible()
    await driver.sign_in_here()
    await hold_is_kept(driver.page)
    await books(driver.page)


async def test_a_session_that_ends_keeps_what_was_typed_about_oneself(driver: Driver) -> None:
    await driver.sign_up()
    page = driver.page
    await page.get_by_label("Name", exact=True).fill("Ada Söhne")
    await page.get_by_label("Phone").fill("+49301234567")
    await page.get_by_label("What you call it").fill("Blue hatchback")
    await end_session_elsewhere(driver)
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await driver.sign_in_here()
    await expect(page.get_by_label("Name", exact=True)).to_have_value("Ada Söhne")
    await expect(page.get_by_label("Phone")).to_have_value("+49301234567")
    await expect(page.get_by_label("What you call it")).to_have_value("Blue hatchback")


# --- 7, 8: no line ------------------------------------------------------------------------------


async def test_no_line_keeps_what_is_searched(driver: Driver, station: StationView) -> None:
    page = driver.page
    at = station.position
    await page.goto(f"/?place=Here&lat={at.latitude}&lon={at.longitude}&radius=300")
    await expect(card(page, station.name)).to_be_visible()
    driver.expects(CUT)
    await page.context.set_offline(True)
    await page.get_by_role("combobox", name="Where").fill("Mitte")
    await page.get_by_label("Length").select_option("120")
    await expect(page.get_by_role("alert").first).to_be_visible()
    await page.context.set_offline(False)
    await expect(page.get_by_role("combobox", name="Where")).to_have_value("Mitte")
    await expect(page.get_by_label("Length")).to_have_value("120")
    # Nobody has to ask again: it is read as soon as there is a line.
    await expect(page.get_by_text("for 2 hours").first).to_be_visible()


async def test_no_line_keeps_the_hold_and_paying_goes_on_after(
    driver: Driver, station: StationView
) -> None:
    await driver.sign_up()
    await hold_slot(driver, station)
    page = driver.page
    driver.expects(CUT)
    await page.context.set_offline(True)
    await page.get_by_role("button", name="Book and pay €3.40").click()
    await expect(page.get_by_role("alert").first).to_be_visible()
    await page.context.set_offline(False)
    await hold_is_kept(page)
    await books(page)


# --- 9, 10: the gateway restarts ----------------------------------------------------------------


async def test_a_gateway_that_restarts_keeps_the_slot_that_was_chosen(
    driver: Driver, station: StationView, browser_system: RunningSystem
) -> None:
    await choose_slot(driver, station)
    await restart_gateway(driver, browser_system)
    page = driver.page
    await slot_is_kept(page, station)
    start = datetime.fromisoformat(f"{days_ahead(1)}T18:15").replace(tzinfo=BERLIN)
    rival = driver.town.made_up()
    period = Period(start, start + timedelta(hours=1))
    await rival.hold(await rival.quote(station, period, charger=1))
    # The page is live again: it hears of the rival.
    await expect(page.get_by_role("radio", name=re.compile("^18:15 .* taken"))).to_be_visible()


async def test_a_gateway_that_restarts_keeps_an_address_half_typed_and_the_hold(
    driver: Driver, station: StationView, browser_system: RunningSystem
) -> None:
    page = driver.page
    await choose_slot(driver, station)
    await page.get_by_role("button", name="Continue").click()
    await page.get_by_label("E-mail").fill(driver.email)
    await restart_gateway(driver, browser_system)
    await expect(page.get_by_label("E-mail")).to_have_value(driver.email)
    await driver.sign_in_here()
    await expect(page.get_by_text("Held for you")).to_be_visible()
    await page.get_by_label("Test card with bank approval").check()
    await page.get_by_label("Keep this card").check()
    await restart_gateway(driver, browser_system)
    await hold_is_kept(page)
    await books(page)


# --- 11, 12: ten minutes of sleep ---------------------------------------------------------------


async def test_ten_minutes_of_sleep_keep_the_slot_that_was_chosen(
    driver: Driver, station: StationView
) -> None:
    await driver.page.clock.install()
    await choose_slot(driver, station)
    await driver.page.clock.fast_forward(SLEEP)
    await slot_is_kept(driver.page, station)
    await driver.page.get_by_role("button", name="Continue").click()
    await expect(driver.page.get_by_text("18:15–19:15")).to_be_visible()


async def test_ten_minutes_of_sleep_let_a_hold_lapse_and_it_is_held_again(
    driver: Driver, station: StationView, browser_system: RunningSystem
) -> None:
    page = driver.page
    await page.clock.install()
    await driver.sign_up()
    await hold_slot(driver, station)
    await page.goto("/bookings")
    await page.get_by_role("link", name="Pay now").click()
    await hold_is_kept(page)
    await sleep_ten_minutes(driver, browser_system)
    await expect(page.get_by_text("The hold is over")).to_be_visible()
    await page.get_by_role("button", name="Hold it again").click()
    await hold_is_kept(page)
    await books(page)


async def test_news_of_a_lapsed_hold_that_come_late_do_not_end_the_next_one(
    driver: Driver, station: StationView, browser_system: RunningSystem
) -> None:
    page = driver.page
    asked, told = asyncio.Event(), asyncio.Event()

    async def late(route: Route) -> None:
        asked.set()
        await told.wait()
        await route.continue_()

    async def meanwhile(route: Route) -> None:
        async with page.expect_response(re.compile(number)):
            told.set()
        await route.continue_()

    await page.clock.install()
    await driver.sign_up()
    await hold_slot(driver, station)
    number = held_number(page)
    await page.route(re.compile(number), late)
    await sleep_ten_minutes(driver, browser_system)
    async with asyncio.timeout(10):
        await asked.wait()
    await expect(page.get_by_text("The hold is over")).to_be_visible()
    await page.route("**/v1/quotes", meanwhile)
    await page.get_by_role("button", name="Hold it again").click()
    await hold_is_kept(page)
    await books(page)


async def test_an_answer_of_before_a_change_does_not_undo_it(
    driver: Driver, station: StationView
) -> None:
    page = driver.page
    number = await has_booked(driver, station)
    async with read_anew_answered_late(driver, f"/v1/reservations/{number}$"):
        await page.get_by_role("button", name="Cancel …").click()
        await page.get_by_role("button", name=re.compile("^Cancel f")).click()
        await expect(page.get_by_text("Cancelled", exact=True).first).to_be_visible()
    await expect(page.get_by_text("Booked", exact=True)).to_have_count(0)
    await expect(page.get_by_text("Cancelled", exact=True).first).to_be_visible()


@pytest.mark.parametrize("address", ["stations/{station}", "bookings", "bookings/{number}"])
async def test_an_answer_for_a_page_that_was_left_disturbs_nobody(
    driver: Driver, station: StationView, address: str
) -> None:
    page = driver.page
    names = {"station": station.station_id, "number": await has_booked(driver, station)}
    read = "/v1/" + address.replace("bookings", "reservations").format(**names)
    await page.goto("/" + address.format(**names))
    await expect(page.get_by_text(station.name).first).to_be_visible()
    async with read_anew_answered_late(driver, f"{read}($|[?]limit)"):
        await page.get_by_role("link", name="Find").click()
        await expect(page.get_by_role("combobox", name="Where")).to_be_visible()


async def has_booked(driver: Driver, station: StationView) -> str:
    """The number of the booking whose page is open."""
    await driver.sign_up()
    await hold_slot(driver, station)
    number = held_number(driver.page)
    await books(driver.page)
    return number


@asynccontextmanager
async def read_anew_answered_late(driver: Driver, pattern: str) -> AsyncIterator[None]:
    """The page reads anew, for its line was cut; it is told after the block what was so before."""
    page = driver.page
    read, told = asyncio.Event(), asyncio.Event()

    async def late(route: Route) -> None:
        before = await route.fetch()
        read.set()
        await told.wait()
        await route.fulfill(response=before)

    await page.route(re.compile(pattern), late, times=1)
    driver.expects(CUT)
    async with asyncio.timeout(30):
        await page.context.set_offline(True)
        await page.context.set_offline(False)
        await read.wait()
        yield
        async with page.expect_response(re.compile(pattern)) as answered:
            told.set()
        await (await answered.value).finished()
    await page.evaluate(DRAWN)


def held_number(page: Page) -> str:
    (number,) = parse_qs(urlsplit(page.url).query)["reservation"]
    return number


async def sleep_ten_minutes(driver: Driver, system: RunningSystem) -> None:
    """The browser's clock leaps; for the system the hold alone is as old as that."""
    await driver.page.context.set_offline(True)
    driver.expects(CUT)
    number = held_number(driver.page)
    async with system.database("reservation") as database:
        for statement in LAPSED:
            await database.execute(statement, UUID(number))
    await driver.page.clock.fast_forward(SLEEP)
    await driver.page.context.set_offline(False)
