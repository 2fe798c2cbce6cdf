"""A hold while one pays: whose it is, and that it is made longer once."""

import asyncio
import re

import pytest
from playwright.async_api import Request, Route, expect

from tests.browser.driving import Garage, made_up_street, open_station
from tests.journeys.people import Person, made_up_email

pytestmark = [pytest.mark.anyio, pytest.mark.real]


async def test_who_signs_in_instead_of_somebody_else_does_not_see_their_hold(
    garage: Garage, operator: Person
) -> None:
    station = await operator.fresh_station(name=made_up_street())
    driver = await garage.driver()
    await driver.knows_their_plug()
    await driver.sign_up()
    page = driver.page
    await open_station(driver, station)
    await page.get_by_role("radio", name=re.compile("^17:00 to ")).click()
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_text("Held for you")).to_be_visible()
    # The page hears of it, as of an end of the session anywhere else.
    await page.evaluate("fetch('/v1/browser-sessions/current', { method: 'DELETE' })")
    await expect(page.get_by_label("E-mail")).to_be_visible()
    driver.email = made_up_email()
    await driver.sign_in_here()
    await expect(page.get_by_role("link", name="See other times")).to_be_visible()
    await expect(page.get_by_text("Held for you")).to_have_count(0)
    assert "reservation=" not in page.url


async def test_five_minutes_more_are_asked_for_once_until_it_is_known_what_came_of_it(
    garage: Garage, operator: Person
) -> None:
    station = await operator.fresh_station(name=made_up_street())
    driver = await garage.driver()
    await driver.knows_their_plug()
    await driver.sign_up()
    page = driver.page
    asked: list[Request] = []
    told = asyncio.Event()

    async def lost(route: Route) -> None:
        await told.wait()
        await route.abort()

    await page.goto(f"/stations/{station.station_id}?minutes=30")
    await page.get_by_role("link", name=re.compile("^Start now until")).first.click()
    more = page.get_by_role("button", name="5 minutes more")
    await page.route("**/hold", lost, times=1)
    page.on("request", lambda one: asked.append(one) if one.url.endswith("/hold") else None)
    driver.expects("ERR_FAILED")
    await more.click()
    await expect(more).to_be_disabled()
    told.set()
    await more.click()
    await expect(page.get_by_text(re.compile(r"Held for you for [4-9]:\d\d"))).to_be_visible()
    first, second = [one.headers["idempotency-key"] for one in asked]
    assert first == second
