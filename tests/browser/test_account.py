"""What a driver keeps: profile, vehicles, choices; in German and in the dark, too."""

import pytest
from playwright.async_api import expect

from tests.browser.driving import DESK, Garage

pytestmark = [pytest.mark.anyio, pytest.mark.real]


async def test_an_account_is_kept_and_left_in_german_and_in_the_dark(garage: Garage) -> None:
    driver = await garage.driver(viewport=DESK, color_scheme="dark")
    await driver.knows_their_plug()
    await driver.sign_up()
    page = driver.page
    await page.get_by_label("Name", exact=True).fill("<b>Ada</b> & Söhne")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status")).to_have_text("Saved.")
    await page.get_by_label("What you call it").fill("Blue hatchback")
    await page.get_by_role("button", name="Add a vehicle").click()
    await expect(page.get_by_text("Blue hatchback · Type 2")).to_be_visible()
    await page.get_by_role("button", name="Sprache: Deutsch").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Konto")
    await driver.shown("account-desk-dark-german")
    await page.reload()
    await expect(page.get_by_label("Name", exact=True)).to_have_value("<b>Ada</b> & Söhne")
    await page.get_by_role("button", name="Abmelden").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Ladeplatz finden")
    await driver.shown("find-desk-dark-german")
    await page.goto("/bookings")
    await expect(page.get_by_text("Melden Sie sich an")).to_be_visible()


async def test_a_sample_driver_signs_in_by_a_link_in_development(garage: Garage) -> None:
    driver = await garage.driver()
    await driver.knows_their_plug()
    await driver.page.goto("/?as=driver")
    await expect(driver.page.get_by_role("link", name="Account")).to_be_visible()
    assert "as=" not in driver.page.url
    cookies = await driver.page.context.cookies()
    assert [(one["name"], one["httpOnly"], one["sameSite"]) for one in cookies] == [
        ("evslot", True, "Lax")
    ]
    assert "evslot" not in await driver.page.evaluate("document.cookie")


async def test_a_session_that_is_ended_elsewhere_ends_here_and_can_be_opened_again(
    garage: Garage,
) -> None:
    driver = await garage.driver()
    await driver.knows_their_plug()
    await driver.sign_up()
    (cookie,) = await driver.page.context.cookies()
    ended = await driver.town.gateway(0).delete(
        "/v1/browser-sessions/current",
        headers={
            "Cookie": f"{cookie['name']}={cookie['value']}",
            "Sec-Fetch-Site": "same-origin",
        },
    )
    assert ended.status_code == 204
    # Nothing is tapped: the live stream ended, and the app asked why.
    await expect(driver.page.get_by_role("heading", name="Sign in")).to_be_visible()
    await driver.page.get_by_role("link", name="Bookings").click()
    await expect(driver.page.get_by_text("Sign in to see your bookings")).to_be_visible()
    await driver.sign_in_here()
    await expect(driver.page.get_by_text("You have no booking yet")).to_be_visible()
