"""No page and no state of one keeps anybody out: axe, reflow, spacing, targets, focus, contrast."""

import re

import pytest
from playwright.async_api import Page, expect

from evslot.gateway.people import Invited
from evslot.services.station.messages import StationView, Stickers
from tests.browser.barriers import Inspector
from tests.browser.driving import Driver, Garage, card, days_ahead, made_up_street, open_station
from tests.journeys.people import Person, tomorrow

pytestmark = [pytest.mark.anyio, pytest.mark.real]

NOBODY = "00000000-0000-8000-8000-000000000000"


async def test_who_looks_around_meets_no_barrier(garage: Garage, operator: Person) -> None:
    station = await operator.fresh_station(chargers=2, name=made_up_street())
    driver = await garage.driver()
    await driver.has_no_webgl()
    page = driver.page
    inspector = Inspector(driver)
    await page.goto("/")
    await expect(page.get_by_role("button", name="Type 2")).to_be_visible()
    await inspector.looks("find-plug")
    await page.get_by_role("button", name="Type 2").click()
    await page.get_by_label("Pick a time").check()
    await expect(card(page).first).to_be_visible()
    await page.get_by_role("combobox", name="Where").fill("Lindenhof")
    await expect(page.get_by_role("option").first).to_be_visible()
    await inspector.looks("find-list", focus=False)  # leaving the field closes its list
    await page.keyboard.press("Escape")
    await page.goto("/?place=Sea&lat=0&lon=0&radius=2000&zone=UTC")
    await expect(page.get_by_text("No station fits here.")).to_be_visible()
    await inspector.looks("find-none")
    await cut_off(driver, inspector)
    await page.goto(f"/stations/{NOBODY}")
    await expect(page.get_by_text("There is no such station.").first).to_be_visible()
    await inspector.looks("station-unknown")
    await slots_of(driver, station, inspector)
    await stickers_of(driver, operator, station, inspector)
    inspector.is_content()


async def cut_off(driver: Driver, inspector: Inspector) -> None:
    """The line is gone while somebody looks for a station."""
    page = driver.page
    driver.expects("ERR_INTERNET_DISCONNECTED")
    await page.context.set_offline(True)
    await page.get_by_label("Length").select_option("2 hours")
    await expect(page.get_by_role("alert").first).to_be_visible()
    await inspector.looks("find-offline")
    await page.context.set_offline(False)


async def slots_of(driver: Driver, station: StationView, inspector: Inspector) -> None:
    page = driver.page
    await operator_takes(driver, station)
    await open_station(driver, station, charger=station.chargers[0].charger_id)
    slot = page.get_by_role("radio", name=re.compile("^13:00 to .* free"))
    await slot.click()
    await expect(page.get_by_role("radio", name=re.compile("taken$")).first).to_be_visible()
    await inspector.looks("station")
    chosen, free, taken = [
        await one.first.evaluate("one => getComputedStyle(one).backgroundColor")
        for one in (
            slot,
            page.locator("[role=radio][aria-checked=false]"),
            page.locator("[aria-disabled=true]"),
        )
    ]
    # Without colour: a choice is dark on light, and what is taken says so in words.
    assert await page.evaluate("([a, b]) => looking.contrast(a, b)", [chosen, free]) >= 3
    assert taken != chosen
    await page.goto(f"/stations/{station.station_id}?day={days_ahead(60)}&minutes=60")
    await expect(page.get_by_text("No free start on this day.")).to_be_visible()
    await inspector.looks("station-too-far")


async def stickers_of(
    driver: Driver, operator: Person, station: StationView, inspector: Inspector
) -> None:
    page = driver.page
    listed = await operator.get(f"/v1/stations/{station.station_id}/stickers", Stickers)
    await page.goto(f"/c/{listed.stickers[0].code}")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Charger")
    await inspector.looks("sticker")
    await page.goto("/c/NOBODY23")
    await expect(page.get_by_role("alert")).to_be_visible()
    await inspector.looks("sticker-unknown")


async def operator_takes(driver: Driver, station: StationView) -> None:
    rival = driver.town.made_up()
    await rival.hold(await rival.quote(station, tomorrow(hour=15)))


async def test_who_books_meets_no_barrier(garage: Garage, operator: Person) -> None:
    station = await operator.fresh_station(chargers=2, name=made_up_street())
    driver = await garage.driver()
    await driver.has_no_webgl()
    await driver.knows_their_plug()
    page = driver.page
    inspector = Inspector(driver)
    await page.goto("/bookings")
    await expect(page.get_by_label("E-mail")).to_be_visible()
    await inspector.looks("mine-signed-out")
    await choose(driver, station, "17:00")
    await expect(page.get_by_text("Total incl. VAT")).to_be_visible()
    await inspector.looks("checkout-who")
    await page.get_by_label("E-mail").fill(driver.email)
    await page.get_by_role("button", name="Mail me a code").click()
    await page.get_by_label("Code from the mail").fill("000000")
    await page.get_by_role("button", name="Go on").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await inspector.looks("checkout-wrong-code")
    await page.get_by_label("Code from the mail").fill(await driver.mailed_code())
    await page.get_by_role("button", name="Go on").click()
    await expect(page.get_by_text("Held for you")).to_be_visible()
    await inspector.looks("checkout-held")
    await pays_with(page, "Test card that is declined")
    await expect(page.get_by_role("alert")).to_be_visible()
    await inspector.looks("checkout-declined")
    await pays_with(page, "Test card with bank approval")
    await expect(page.get_by_role("button", name="Approve the payment")).to_be_visible()
    await inspector.looks("checkout-challenge")
    await page.get_by_role("button", name="Approve the payment").click()
    await expect(page.locator(".code")).to_be_visible()
    await inspector.looks("booking")
    await page.get_by_role("button", name="Cancel …").click()
    await inspector.looks("booking-cancel")
    await page.get_by_role("button", name="Cancel free of charge").click()
    await expect(page.get_by_text("Cancelled", exact=True).first).to_be_visible()
    await inspector.looks("booking-cancelled")
    await page.goto(f"/bookings/{NOBODY}")
    await expect(page.get_by_role("alert")).to_be_visible()
    await inspector.looks("booking-unknown")
    inspector.is_content()


async def choose(driver: Driver, station: StationView, time: str) -> None:
    await open_station(driver, station)
    await driver.page.get_by_role("radio", name=re.compile(f"^{time} to .* free$")).click()
    await driver.page.get_by_role("button", name="Continue").click()


async def pays_with(page: Page, method: str) -> None:
    await page.get_by_label(method, exact=True).check()
    await page.get_by_role("button", name=re.compile("^Book and pay")).click()


async def test_who_comes_and_keeps_an_account_meets_no_barrier(
    garage: Garage, operator: Person
) -> None:
    rule = {"grid": 5, "shortest": 15, "longest": 240, "buffer": 5}
    station = await operator.fresh_station(name=made_up_street(), rule=rule)
    driver = await garage.driver()
    await driver.has_no_webgl()
    await driver.knows_their_plug()
    await driver.sign_up()
    page = driver.page
    inspector = Inspector(driver)
    await page.goto("/bookings")
    await expect(page.get_by_text("You have no booking yet")).to_be_visible()
    await inspector.looks("mine-empty")
    await page.goto(f"/stations/{station.station_id}?minutes=30")
    await page.get_by_role("radio", name=re.compile("free$")).first.click()
    await page.get_by_role("button", name="Continue").click()
    await pays_with(page, "Test card")
    await expect(page.locator(".code")).to_be_visible()
    await page.get_by_role("button", name="I’m here – check in").click()
    await expect(page.get_by_text("Charging time runs")).to_be_visible()
    await inspector.looks("booking-active")
    await page.get_by_role("button", name="I’m leaving").click()
    await expect(page.get_by_text("Done", exact=True)).to_be_visible()
    await inspector.looks("booking-done")
    await page.goto("/bookings")
    await expect(page.get_by_role("heading", name="Past")).to_be_visible()
    await inspector.looks("mine")
    assert operator.organisation is not None
    invitations = f"/v1/organisations/{operator.organisation.organisation_id}/invitations"
    await operator.post(invitations, Invited, {"email": driver.email, "role": "manager"})
    await page.goto("/account")
    await expect(page.get_by_role("heading", name="Invitations")).to_be_visible()
    await page.get_by_label("What you call it").fill("Red estate")
    await page.get_by_role("button", name="Add a vehicle").click()
    await expect(page.get_by_text("Red estate · ")).to_be_visible()
    await page.get_by_role("button", name="Erase the account").click()
    await inspector.looks("account-erase")
    inspector.is_content()
