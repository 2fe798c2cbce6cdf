"""What a driver keeps: profile, vehicles, choices; in German and in the dark, too."""

import re

import pytest
from playwright.async_api import Route, expect

from evslot.gateway.people import Invited
from tests.browser.driving import DESK, Garage
from tests.journeys.people import Person

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


async def test_an_invitation_is_accepted_or_declined_in_the_account(
    garage: Garage, operator: Person
) -> None:
    driver = await garage.driver()
    await driver.knows_their_plug()
    assert operator.organisation is not None
    made = operator.organisation
    path = f"/v1/organisations/{made.organisation_id}/invitations"
    wish = {"email": driver.email, "role": "viewer"}
    await driver.sign_up()
    page = driver.page
    await operator.post(path, Invited, wish)
    await page.goto("/account")
    invitations = page.get_by_role("heading", name="Invitations")
    await expect(invitations).to_be_visible()
    await driver.shown("account-invited")
    await page.get_by_role("button", name=f"Decline: {made.legal_name}").click()
    await expect(page.get_by_role("status")).to_have_text("Declined.")
    await expect(invitations).to_have_count(0)
    await operator.post(path, Invited, wish)
    await page.reload()
    await page.get_by_role("button", name=f"Accept: {made.legal_name}").click()
    told = f"You now belong to {made.legal_name}."
    await expect(page.get_by_role("status")).to_have_text(told)
    await expect(invitations).to_have_count(0)


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


async def test_what_was_done_but_not_heard_of_is_done_once_when_it_is_asked_for_again(
    garage: Garage,
) -> None:
    driver = await garage.driver()
    await driver.knows_their_plug()
    driver.expects("ERR_FAILED")
    page = driver.page
    alert = page.get_by_role("alert")
    await page.goto("/sign-in")
    await page.route("**/v1/browser-sessions", unheard, times=1)
    await driver.sign_in_here()
    await expect(alert).to_be_visible()
    await page.get_by_role("button", name="Go on").click()
    await expect(page.get_by_text(f"Signed in as {driver.email}")).to_be_visible()
    await page.get_by_label("What you call it").fill("Blue hatchback")
    await page.route("**/v1/me/vehicles", unheard, times=1)
    await page.get_by_role("button", name="Add a vehicle").click()
    await alert.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("status")).to_have_text("Saved.")
    await page.reload()
    await expect(page.get_by_role("radio", name=re.compile("^Blue hatchback"))).to_have_count(1)


async def unheard(route: Route) -> None:
    """It is done, but the line goes before the answer and its cookie."""
    await route.fetch()
    if route.request.url.endswith("sessions"):
        await route.request.frame.page.context.clear_cookies()
    await route.abort()


async def test_what_failed_in_the_account_is_not_shown_as_done_and_is_what_is_tried_again(
    garage: Garage,
) -> None:
    driver = await garage.driver()
    await driver.knows_their_plug()
    driver.expects("ERR_FAILED")
    page = driver.page
    await page.goto("/?as=driver")
    await page.get_by_role("link", name="Account").click()
    again = page.get_by_role("alert").get_by_role("button", name="Try again")
    box = page.get_by_role("checkbox").first
    before = await box.is_checked()
    await page.route("**/v1/me/notification-choices", lambda route: route.abort(), times=1)
    await box.click()
    await expect(again).to_be_visible()
    await expect(box).to_be_checked(checked=before)
    await again.click()
    await expect(page.get_by_role("status")).to_have_text("Saved.")
    await expect(box).to_be_checked(checked=not before)
    await page.route("**/v1/browser-sessions/current", lambda route: route.abort(), times=1)
    await page.get_by_role("button", name="Sign out", exact=True).click()
    await again.click()
    await expect(page.get_by_role("link", name="Sign in")).to_be_visible()
