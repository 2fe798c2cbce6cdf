"""Coming, charging, leaving: the booking's page through its life, with its papers."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.driving import Garage, made_up_street
from tests.journeys.people import Person, eventually

pytestmark = [pytest.mark.anyio, pytest.mark.real]


async def test_a_driver_checks_in_leaves_and_gets_a_receipt(
    garage: Garage, operator: Person
) -> None:
    rule = {"grid": 5, "shortest": 15, "longest": 240, "buffer": 5}
    station = await operator.fresh_station(name=made_up_street(), rule=rule)
    driver = await garage.driver(color_scheme="dark")
    await driver.knows_their_plug()
    await driver.sign_up()
    page = driver.page
    # Without a day: now. The first start is at most five minutes away, in time to check in.
    await page.goto(f"/stations/{station.station_id}?minutes=30")
    await page.get_by_role("radio", name=re.compile("free$")).first.click()
    await page.get_by_role("button", name="Continue").click()
    await page.get_by_role("button", name="Book and pay").click()
    await expect(page.locator(".code")).to_be_visible()
    calendar = page.get_by_role("link", name="Add to calendar")
    address = await calendar.get_attribute("href") or ""

    async def kind() -> str:
        return (await page.request.get(address)).headers["content-type"]

    # The calendar file comes from who tells, a moment after the booking stands.
    await eventually(kind, lambda found: found.startswith("text/calendar"))
    await page.get_by_role("button", name="I’m here – check in").click()
    await expect(page.get_by_text("Charging time runs")).to_be_visible()
    await driver.shown("booking-active-phone-dark")
    await page.get_by_role("button", name="I’m leaving").click()
    await expect(page.get_by_text("Done", exact=True)).to_be_visible()
    receipt = page.get_by_role("link", name="Receipt")
    await expect(receipt).to_be_visible()
    await driver.shown("booking-done-phone-dark")
    address = await receipt.get_attribute("href") or ""

    async def paper() -> str:
        return (await page.request.get(address)).headers["content-type"]

    # The paper is set after the money was taken.
    await eventually(paper, lambda kind: kind.startswith("application/pdf"))
