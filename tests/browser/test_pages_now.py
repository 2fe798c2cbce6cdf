"""From this very minute: on the first page, at a station, and before the charger itself."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import APIRequestContext, Route, expect

from evslot.services.station.messages import StationView, Stickers
from tests.browser.driving import DESK, DRAWN, READ_ANEW, Driver, Garage, made_up_street
from tests.journeys.people import Person

pytestmark = [pytest.mark.anyio, pytest.mark.real]

START = re.compile(r"^Start now until \d\d:\d\d · €\d+\.\d\d$")

OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
AWAY = {"code": "unavailable", "detail": "Try again."}


async def new_station(operator: Person, place: tuple[float, float], **wishes: Any) -> StationView:
    """Alone in its town."""
    position = {"latitude": place[0], "longitude": place[1]}
    rule = {"grid": 5, "shortest": 15, "longest": 240, "buffer": 5}
    return await operator.fresh_station(
        name=made_up_street(), position=position, rule=rule, **wishes
    )


async def sticker_of(operator: Person, station: StationView, charger: int = 0) -> str:
    found = await operator.get(f"/v1/stations/{station.station_id}/stickers", Stickers)
    wanted = station.chargers[charger].charger_id
    return next(one.code for one in found.stickers if one.charger_id == wanted)


def sum_in(text: str) -> str:
    """The price that a button or a page names."""
    found = re.search(r"€\d+\.\d\d", text)
    assert found is not None, text
    return found.group()


async def pay(driver: Driver, wanted: str) -> None:
    """At the price that was shown before."""
    await driver.page.get_by_role("button", name=f"Book and pay {wanted}", exact=True).click()
    await expect(driver.page.locator(".code")).to_be_visible()


async def test_two_taps_book_the_nearest_free_charger_from_now_on(
    garage: Garage, operator: Person
) -> None:
    station = await new_station(operator, (50.05, 8.05))
    driver = await garage.driver()
    await driver.knows_their_plug()
    await driver.sign_up()
    page = driver.page
    await page.goto("/?place=Taunus&lat=50.05&lon=8.05&radius=3000&zone=Europe/Berlin")
    nearest = page.get_by_role("region", name="Nearest free now")
    await expect(nearest).to_contain_text(station.name)
    start = nearest.get_by_role("link", name=START)
    await expect(start).to_be_visible()
    await driver.shown("now-find-phone")
    wanted = sum_in(await start.inner_text())
    await start.click()
    await expect(page.get_by_text("Held for you")).to_be_visible()
    await driver.shown("now-checkout-phone")
    # In the middle of things: the hold is found again, nobody was faster.
    await page.goto(page.url.partition("&reservation")[0])
    await expect(page.get_by_text("Held for you")).to_be_visible()
    await pay(driver, wanted)
    await expect(page.get_by_role("button", name="I’m here – check in")).to_be_visible()


async def test_a_station_says_what_starting_now_costs_and_when_it_cannot_be(
    garage: Garage, operator: Person
) -> None:
    station = await new_station(operator, (50.15, 8.05))
    driver = await garage.driver(viewport=DESK, color_scheme="dark")
    await driver.knows_their_plug()
    await driver.sign_up()
    page = driver.page
    await page.goto(f"/stations/{station.station_id}?minutes=30")
    now = page.get_by_role("region", name="Now", exact=True)
    start = now.get_by_role("link", name=START)
    await expect(start).to_be_visible()
    await driver.shown("now-station-desk-dark")
    wanted = sum_in(await start.inner_text())
    await start.click()
    await pay(driver, wanted)
    await page.goto(f"/stations/{station.station_id}?minutes=30")
    await expect(now).to_contain_text("No charger is free right now.")
    await driver.shown("now-not-free-desk-dark")


async def test_whose_plug_a_station_lacks_may_start_there_all_the_same(
    garage: Garage, operator: Person
) -> None:
    """With an adapter, or another car: their plug hides no charger on its own page."""
    station = await new_station(operator, (50.45, 8.05))
    driver = await signed_in(garage)
    page = driver.page
    await page.add_init_script("localStorage.setItem('evslot.plug', 'CHADEMO')")
    await page.goto(f"/stations/{station.station_id}?minutes=30")
    start = page.get_by_role("region", name="Now", exact=True).get_by_role("link", name=START)
    wanted = sum_in(await start.inner_text())
    await start.click()
    await pay(driver, wanted)


async def test_a_sticker_tells_who_stands_before_it_all_there_is_to_know(
    garage: Garage, operator: Person
) -> None:
    station = await new_station(operator, (50.25, 8.05))
    code = await sticker_of(operator, station)
    stranger = await garage.driver()
    await stranger.knows_their_plug()
    page = stranger.page
    await page.goto(f"/c/{code.lower()}")
    await expect(page.get_by_role("heading", level=2).first).to_have_text("Free now")
    first = page.get_by_role("link", name=START).first
    await expect(first).to_be_visible()
    await expect(page.get_by_role("link", name="I have a booking")).to_be_visible()
    await stranger.shown("sticker-free-phone")
    # A newcomer books what they stand before, and is led through.
    wanted = sum_in(await first.inner_text())
    await first.click()
    await stranger.sign_in_here()
    await pay(stranger, wanted)
    # Who comes back to the sticker finds their booking and checks in.
    await page.goto(f"/c/{code}")
    await expect(page.get_by_role("heading", level=2).first).to_have_text(
        re.compile(r"Taken until .*\d\d:\d\d")  # late in the evening it names the day, too
    )
    await stranger.shown("sticker-taken-own-phone")
    await page.get_by_role("button", name="I’m here – check in").click()
    await expect(page.get_by_text("Charging time runs")).to_be_visible()


async def test_a_sticker_says_so_where_it_is_unknown_or_the_charger_cannot_be_had(
    garage: Garage, operator: Person
) -> None:
    station = await new_station(operator, (50.35, 8.05), chargers=2)
    code = await sticker_of(operator, station)
    rival = await signed_in(garage)
    await rival.page.goto(f"/c/{code}")
    await rival.page.get_by_role("link", name=START).first.click()
    await expect(rival.page.get_by_text("Held for you")).to_be_visible()
    # Somebody else, in German, at the same charger.
    driver = await garage.driver(locale="de-DE", color_scheme="dark")
    page = driver.page
    await page.goto(f"/c/{code}")
    await expect(page.get_by_role("heading", level=2).first).to_have_text(re.compile("^Belegt bis"))
    await expect(page.get_by_role("link", name="Für später buchen")).to_be_visible()
    await driver.shown("sticker-taken-phone-dark-german")
    await page.get_by_role("link", name="Ich habe eine Buchung").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Anmelden")
    assert f"next=/c/{code}" in page.url
    await page.goto("/c/ZZZZZZZZ")
    await expect(page.get_by_role("alert")).to_contain_text("Aufkleber")
    await driver.shown("sticker-unknown-phone-dark-german")
    await page.get_by_role("alert").get_by_role("link", name="Ladeplatz finden").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Ladeplatz finden")


async def test_an_answer_of_before_puts_nothing_back_on_a_sticker_s_page_and_trouble_is_said(
    garage: Garage, operator: Person
) -> None:
    station = await new_station(operator, (50.55, 8.05))
    code = await sticker_of(operator, station)
    driver = await garage.driver()
    page = driver.page
    asked, told = [asyncio.Event(), asyncio.Event()], asyncio.Event()

    def late(number: int) -> Callable[[Route], Awaitable[None]]:
        async def before(route: Route) -> None:
            answer = await route.fetch()
            asked[number].set()
            await told.wait()
            await route.fulfill(response=answer)

        return before

    await page.goto("/?as=driver")
    await expect(page.get_by_role("link", name="Account")).to_be_visible()
    await page.route("**/v1/reservations?*", late(0), times=1)
    await page.goto(f"/c/{code}")
    state = page.get_by_role("heading", level=2).first
    own = page.get_by_role("region", name="Your booking here")
    await expect(state).to_have_text("Free now")
    await page.route("**/v1/quotes", late(1))
    async with asyncio.timeout(20):
        await page.evaluate(READ_ANEW)
        for one in asked:
            await one.wait()
        await hold_now(page.request, code)
        await expect(state).to_have_text(re.compile("^Taken until"))
        await expect(own).to_contain_text("Held")
        async with page.expect_response("**/v1/reservations?*") as answered:
            told.set()
        await (await answered.value).finished()
    await page.unroute_all(behavior="wait")
    await page.evaluate(DRAWN)
    await expect(state).to_have_text(re.compile("^Taken until"))
    await expect(own).to_contain_text("Held")
    await page.route(
        "**/v1/stickers/*", lambda route: route.fulfill(status=503, json=AWAY), times=1
    )
    await page.evaluate(READ_ANEW)
    await page.get_by_role("alert").get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("alert")).to_have_count(0)
    await expect(state).to_have_text(re.compile("^Taken until"))


async def hold_now(browser: APIRequestContext, code: str) -> None:
    """As in another tab: until the first of the ends that the sticker offers."""
    found = await (await browser.get(f"/v1/stickers/{code}")).json()
    wish = {
        "station_id": found["station_id"],
        "charger_id": found["charger"]["charger_id"],
        "period": {"end": found["offers"][0]["period"]["end"]},
        "now": True,
    }
    quote = await (await browser.post("/v1/quotes", data=wish, headers=OWN_PAGE)).json()
    body = {"quote": quote["token"]}
    held = await browser.post("/v1/reservations", data=body, headers=OWN_PAGE)
    assert held.status == 201, await held.text()


async def signed_in(garage: Garage) -> Driver:
    """Somebody signed in, at another browser."""
    driver = await garage.driver()
    await driver.knows_their_plug()
    await driver.sign_up()
    return driver
