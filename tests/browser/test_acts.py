"""How few acts it takes: a tap, a chord of keys, a field; and all of it without a mouse."""

import re

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.driving import (
    DESK,
    Driver,
    Garage,
    Hand,
    Keyboard,
    card,
    made_up_street,
    open_station,
)
from tests.journeys.people import Person

pytestmark = [pytest.mark.anyio, pytest.mark.real]

SLOT = re.compile(r"^\d\d:\d\d to \d\d:\d\d, €3\.40, (free|taken|over|too soon to book)$")
ALERT = "[role=alert]"


async def lonely_station(operator: Person, city: str, latitude: float) -> str:
    """The only station far and wide: the address at which the list begins with it."""
    position = {"latitude": latitude, "longitude": 11.5}
    await operator.fresh_station(chargers=2, name=made_up_street(), city=city, position=position)
    return f"/?place={city}&lat={latitude}&lon=11.5&radius=3000&zone=Europe/Berlin"


def pay_button(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile("^Book and pay"))


async def code_of_newcomer(driver: Driver, hand: Hand) -> None:
    """Who they are: two fields, no password."""
    page = driver.page
    await hand.fills(page.get_by_label("E-mail"), driver.email)
    await hand.taps(page.get_by_role("button", name="Mail me a code"))
    await hand.fills(page.get_by_label("Code from the mail"), await driver.mailed_code())
    await hand.taps(page.get_by_role("button", name="Go on"))


async def test_a_newcomer_books_in_ten_acts_and_who_comes_back_in_four(
    garage: Garage, operator: Person
) -> None:
    address = await lonely_station(operator, "Hof", 50.32)
    driver = await garage.driver()
    page = driver.page
    await page.goto(address)
    newcomer = Hand(page)
    await newcomer.taps(page.get_by_role("button", name="Type 2"))
    await newcomer.taps(card(page))
    await newcomer.taps(page.get_by_role("button", name="Continue"))
    await code_of_newcomer(driver, newcomer)
    await newcomer.taps(page.get_by_label("Keep this card for next time"))
    await newcomer.taps(pay_button(page))
    await expect(page.locator(".code")).to_be_visible()
    assert newcomer.acts <= 10
    assert newcomer.fields <= 3

    await page.goto(address)
    back = Hand(page)
    await back.taps(card(page))
    await back.taps(page.get_by_role("button", name="Continue"))
    await expect(page.get_by_role("radio", name=re.compile("ending in"))).to_be_checked()
    await back.taps(pay_button(page))
    await expect(page.locator(".code")).to_be_visible()
    assert back.acts <= 4
    assert back.fields == 0


async def test_a_booking_is_cancelled_in_three_acts_and_made_again_in_two(
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
    await pay_button(page).click()
    await expect(page.locator(".code")).to_be_visible()
    await page.get_by_role("link", name="Bookings").first.click()
    cancelling = Hand(page)
    await cancelling.taps(page.get_by_role("link", name=re.compile(station.name)).first)
    await cancelling.taps(page.get_by_role("button", name="Cancel …"))
    await expect(page.get_by_text("It costs nothing now")).to_be_visible()
    await cancelling.taps(page.get_by_role("button", name="Cancel free of charge"))
    await expect(page.get_by_text("Cancelled", exact=True).first).to_be_visible()
    assert cancelling.acts <= 3

    await page.get_by_role("link", name="Bookings").first.click()
    again = Hand(page)
    await again.taps(page.get_by_role("group", name="Book again").get_by_role("link").first)
    await again.taps(pay_button(page))
    await expect(page.locator(".code")).to_be_visible()
    await expect(page.get_by_text("17:00–18:00")).to_be_visible()
    assert again.acts <= 2


async def test_a_returning_driver_books_with_at_most_25_keys(
    garage: Garage, operator: Person
) -> None:
    address = await lonely_station(operator, "Gera", 50.88)
    driver = await garage.driver(viewport=DESK)
    await driver.knows_their_plug()
    await driver.sign_up()
    page = driver.page
    await page.goto(address)
    await expect(page.get_by_role("heading", name="1 station")).to_be_visible()
    keys = Keyboard(page)
    await keys.until_focus_is_on("Skip to the content")
    await keys.press("Enter")
    await keys.until_focus_is_on("incl. VAT")
    await keys.press("Enter")
    await expect(page.get_by_role("button", name="Continue")).to_be_enabled()
    await expect(page.get_by_role("heading", level=1)).to_be_focused()
    await keys.until_focus_is_on("Continue")
    await keys.press("Enter")
    await expect(pay_button(page)).to_be_visible()
    await expect(page.get_by_role("heading", level=1)).to_be_focused()
    await keys.until_focus_is_on("Book and pay")
    await keys.press("Enter")
    await expect(page.locator(".code")).to_be_visible()
    await expect(page.get_by_role("heading", level=1)).to_be_focused()
    assert keys.pressed <= 25


async def test_no_answer_of_the_app_takes_the_focus_away(garage: Garage, operator: Person) -> None:
    """A declined card, a bank that asks, a question before cancelling: keys alone go on."""
    station = await operator.fresh_station(name=made_up_street())
    driver = await garage.driver()
    await driver.knows_their_plug()
    page = driver.page
    keys = Keyboard(page)
    await page.goto("/sign-in")
    await keys.until_focus_is_on("")  # whatever comes first
    await page.get_by_label("E-mail").focus()
    await page.keyboard.type(driver.email)
    await keys.press("Enter")
    await expect(page.get_by_label("Code from the mail")).to_be_focused()
    await page.keyboard.type("000000")
    await keys.press("Enter")
    await expect(page.locator(ALERT)).to_be_visible()
    await has_focus(page)
    await page.get_by_label("Code from the mail").fill(await driver.mailed_code())
    await keys.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Account")
    await has_focus(page)

    await open_station(driver, station)
    await slots_are_walked_by_arrows(page, keys)
    await keys.until_focus_is_on("Continue")
    await keys.press("Enter")
    await page.get_by_label("Test card that is declined").check()
    await pay_button(page).focus()
    await keys.press("Enter")
    await expect(page.locator(ALERT)).to_be_visible()
    await has_focus(page)
    await page.get_by_label("Test card with bank approval").check()
    await pay_button(page).focus()
    await keys.press("Enter")
    await expect(page.get_by_role("button", name="Approve the payment")).to_be_visible()
    await has_focus(page)
    await keys.until_focus_is_on("Approve the payment")
    await keys.press("Enter")
    await expect(page.locator(".code")).to_be_visible()
    await has_focus(page)
    await keys.until_focus_is_on("Cancel …")
    await keys.press("Enter")
    await expect(page.get_by_role("alertdialog")).to_be_visible()
    await has_focus(page)
    await keys.until_focus_is_on("Keep it")
    await keys.press("Enter")
    await expect(page.get_by_role("alertdialog")).to_be_hidden()
    await has_focus(page)


async def slots_are_walked_by_arrows(page: Page, keys: Keyboard) -> None:
    """Each says its time, its price and its state; grey ones are passed over."""
    group = page.get_by_role("radiogroup")
    names = [
        await one.get_attribute("aria-label") or "" for one in await group.locator("button").all()
    ]
    assert len(names) > 10
    assert [name for name in names if not SLOT.match(name)] == []
    await keys.until_focus_is_on(" to ")
    before = await page.evaluate("document.activeElement.ariaLabel")
    await keys.press("ArrowRight")
    after = await page.evaluate("document.activeElement.ariaLabel")
    assert names.index(after) == names.index(before) + 1
    await expect(page.get_by_role("radio", name=after)).to_be_checked()


async def has_focus(page: Page) -> None:
    """Something that is there to be acted on or read, not the page as a whole."""
    await expect(page.locator(":focus")).to_be_attached()
