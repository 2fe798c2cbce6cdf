"""From the list to the code: a newcomer books, and two browsers want one slot."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Route, expect

from evslot.services.station.messages import StationView
from evslot.values import Period
from tests.browser.driving import (
    DESK,
    Driver,
    Garage,
    card,
    days_ahead,
    made_up_street,
    open_station,
)
from tests.journeys.people import Person

pytestmark = [pytest.mark.anyio, pytest.mark.real]


async def new_station(operator: Person) -> StationView:
    return await operator.fresh_station(chargers=2, name=made_up_street())


def evening() -> Period:
    """Five to six, tomorrow in Berlin."""
    berlin = ZoneInfo("Europe/Berlin")
    start = datetime.fromisoformat(f"{days_ahead(1)}T17:00").replace(tzinfo=berlin)
    return Period(start, start + timedelta(hours=1))


async def new_rival(driver: Driver) -> Person:
    """Somebody who does not use a browser."""
    return await driver.town.sign_up()


async def test_a_newcomer_finds_books_pays_and_sees_the_code(
    garage: Garage, operator: Person
) -> None:
    station = await new_station(operator)
    driver = await garage.driver()
    page = driver.page
    await page.goto("/")
    await driver.shown("find-plug-phone")
    await page.get_by_role("button", name="Type 2").click()
    found = card(page, station.name)
    await expect(found).to_contain_text("2 of 2 free")
    await expect(found).to_contain_text("€3.40")
    await driver.shown("find-phone")
    await found.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(station.name)
    await expect(page.get_by_role("heading", level=1)).to_be_focused()
    await page.get_by_role("button", name="Tomorrow").click()
    await page.get_by_role("button", name="Afternoon").click()
    await page.get_by_role("radio", name="17:00 to 18:00, €3.40, free").click()
    await driver.shown("station-phone")
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_text("Total incl. VAT")).to_be_visible()
    await driver.shown("checkout-newcomer-phone")
    await driver.sign_in_here()
    await expect(page.get_by_text(re.compile(r"Held for you for \d:\d\d"))).to_be_visible()
    await driver.shown("checkout-held-phone")
    await page.get_by_role("button", name="Book and pay €3.40").click()
    await expect(page.locator(".code")).to_have_text(re.compile(r"^[A-Z0-9]{6}$"))
    await expect(page.get_by_text("Booked", exact=True)).to_be_visible()
    await driver.shown("booking-phone")


async def test_a_slot_that_a_rival_takes_goes_grey_while_one_looks(
    garage: Garage, operator: Person
) -> None:
    station = await new_station(operator)
    first = await garage.driver()
    second = await garage.driver(viewport=DESK, color_scheme="dark")
    for driver in (first, second):
        await driver.knows_their_plug()
    await first.sign_up()
    await open_station(first, station, charger=station.chargers[0].charger_id)
    await open_station(second, station, charger=station.chargers[0].charger_id)
    name = "17:00 to 18:00, €3.40, free"
    mine, theirs = (one.page.get_by_role("radio", name=name) for one in (first, second))
    await mine.click()
    await theirs.click()
    await first.page.get_by_role("button", name="Continue").click()
    await expect(first.page.get_by_text("Held for you")).to_be_visible()
    began = datetime.now(UTC)
    gone = second.page.get_by_role("radio", name="17:00 to 18:00, €3.40, taken")
    await expect(gone).to_be_visible()
    assert datetime.now(UTC) - began < timedelta(seconds=2)
    await expect(second.page.get_by_role("status")).to_contain_text("just taken")
    await expect(second.page.get_by_role("button", name="Continue")).to_be_disabled()
    await second.shown("station-taken-desk-dark")


async def test_who_taps_a_moment_late_is_told_and_has_a_way_on(
    garage: Garage, operator: Person
) -> None:
    station = await new_station(operator)
    driver = await garage.driver()
    await driver.knows_their_plug()
    await driver.sign_up()
    await open_station(driver, station, charger=station.chargers[0].charger_id)
    page = driver.page
    await page.get_by_role("radio", name=re.compile("^17:00 to ")).click()
    rival = await new_rival(driver)

    async def overtaken(route: Route) -> None:
        """The rival is faster by the time between looking and tapping."""
        await rival.hold(await rival.quote(station, evening()))
        await route.continue_()

    await page.route("**/v1/reservations", overtaken)
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_role("alert")).to_contain_text("Nothing was charged")
    await driver.shown("checkout-taken-phone")
    await page.get_by_role("link", name="See other times").click()
    await expect(page.get_by_role("button", name="Tomorrow")).to_have_attribute(
        "aria-pressed", "true"
    )
    # At the other charger.
    await expect(page.get_by_role("radio", name=re.compile("^17:00 to .* free"))).to_be_checked()


async def test_a_hold_outlives_a_reload_and_a_card_that_is_declined(
    garage: Garage, operator: Person
) -> None:
    station = await new_station(operator)
    driver = await garage.driver(viewport=DESK)
    await driver.knows_their_plug()
    await driver.sign_up()
    await open_station(driver, station)
    page = driver.page
    await page.get_by_role("radio", name=re.compile("^17:00 to ")).click()
    await driver.shown("station-desk")
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_text("Held for you")).to_be_visible()
    await page.reload()
    await expect(page.get_by_text("Held for you")).to_be_visible()
    await page.get_by_label("Test card that is declined").check()
    await page.get_by_role("button", name="Book and pay").click()
    await expect(page.get_by_role("alert")).to_contain_text("nothing was charged")
    await driver.shown("checkout-declined-desk")
    await page.get_by_label("Test card with bank approval").check()
    await page.get_by_role("button", name="Book and pay").click()
    approve = page.get_by_role("button", name="Approve the payment")
    await expect(approve).to_be_visible()
    await driver.shown("checkout-challenge-desk")
    await approve.click()
    await expect(page.locator(".code")).to_be_visible()
    await page.get_by_role("button", name="Cancel …").click()
    await driver.shown("booking-cancel-desk")
    await page.get_by_role("button", name="Cancel free of charge").click()
    await expect(page.get_by_text("Cancelled", exact=True).first).to_be_visible()
    await page.get_by_role("link", name="Bookings").first.click()
    await expect(page.get_by_role("heading", name="Past")).to_be_visible()
    await driver.shown("mine-desk")
