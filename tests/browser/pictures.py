"""`make screenshots`: the README's pictures, taken in a real browser from a system that runs."""

import argparse
import asyncio
import base64
import os
import re
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Browser, Error, Page, async_playwright, expect

from tests.architecture.house import ROOT
from tests.browser.driving import DESK, NO_WEBGL, PHONE, card
from tests.browser.flags import FLAGS, program

FOLDER = ROOT / "docs" / "pictures"
ADDRESS = "http://127.0.0.1:8080"
QUALITY = 80
LARGEST_BYTES = 200_000
SETTLE_MILLISECONDS = 400
NOBODY_THERE = """
No system answers at {address}. Start one in another shell (`make up`), wait for its sample,
then run `make screenshots` again; EVSLOT_URL names another address.
"""
Theme = Literal["light", "dark"]


async def take_all(address: str, folder: Path) -> None:
    """Each scene in both themes; nothing is left booked."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program(), args=FLAGS)
        themes: tuple[Theme, ...] = ("light", "dark")
        for theme in themes:
            await phone_scenes(browser, address, folder, theme)
            await desk_scenes(browser, address, folder, theme)
        await browser.close()


async def open_page(browser: Browser, address: str, theme: Theme, **wishes: Any) -> Page:
    """No map is drawn: what it shows is not ours."""
    context = await browser.new_context(
        base_url=address,
        color_scheme=theme,
        locale="en-GB",
        timezone_id="Europe/Berlin",
        reduced_motion="reduce",
        **wishes,
    )
    page = await context.new_page()
    await page.add_init_script(NO_WEBGL)
    await page.add_init_script("localStorage.setItem('evslot.plug', 'IEC_62196_T2')")
    return page


async def phone_scenes(browser: Browser, address: str, folder: Path, theme: Theme) -> None:
    """The list, the slots of a station, and the code."""
    page = await open_page(browser, address, theme, viewport=PHONE, device_scale_factor=2)
    await page.goto("/?as=driver")
    await expect(card(page, "incl. VAT").first).to_be_visible()
    await take(page, folder / f"find-phone-{theme}.webp")
    await card(page, "incl. VAT").first.click()
    await page.get_by_role("button", name="Tomorrow").click()
    await page.get_by_role("button", name=re.compile("^Evening")).click()
    await page.get_by_role("radio", name=re.compile("free$")).first.click()
    await take(page, folder / f"station-phone-{theme}.webp")
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_text("Held for you")).to_be_visible()
    await page.get_by_role("button", name=re.compile("^Book and pay")).click()
    await expect(page.locator(".code")).to_be_visible()
    await take(page, folder / f"booking-phone-{theme}.webp")
    await page.get_by_role("button", name="Cancel …").click()
    await page.get_by_role("button", name=re.compile("^Cancel f")).click()
    await expect(page.get_by_text("Cancelled", exact=True).first).to_be_visible()
    await page.context.close()


async def desk_scenes(browser: Browser, address: str, folder: Path, theme: Theme) -> None:
    """A station with its slots."""
    page = await open_page(browser, address, theme, viewport=DESK)
    await page.goto("/?as=driver")
    await card(page, "incl. VAT").nth(1).click()
    await page.get_by_role("button", name="Tomorrow").click()
    await page.get_by_role("button", name=re.compile("^Afternoon")).click()
    await page.get_by_role("radio", name=re.compile("free$")).nth(4).click()
    await take(page, folder / f"station-desk-{theme}.webp")
    await page.context.close()


async def take(page: Page, path: Path) -> None:
    """What the window shows, small enough for a repository."""
    await page.evaluate("scrollTo(0, 0)")
    await page.wait_for_timeout(SETTLE_MILLISECONDS)
    tools = await page.context.new_cdp_session(page)
    wish = {"format": "webp", "quality": QUALITY}
    shot = await tools.send("Page.captureScreenshot", wish)
    content = base64.b64decode(shot["data"])
    assert len(content) <= LARGEST_BYTES, f"{path.name} has {len(content)} bytes"
    await asyncio.to_thread(path.write_bytes, content)


def main() -> None:
    """Takes them, or says what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    address = os.environ.get("EVSLOT_URL", ADDRESS)
    parser.add_argument("--url", default=address, help="of a running system with the sample")
    parser.add_argument("--to", type=Path, default=FOLDER, help="folder of the pictures")
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    try:
        asyncio.run(take_all(options.url, options.to))
    except Error as error:
        if "ERR_CONNECTION_REFUSED" not in str(error):
            raise
        raise SystemExit(NOBODY_THERE.format(address=options.url)) from None


if __name__ == "__main__":
    main()
