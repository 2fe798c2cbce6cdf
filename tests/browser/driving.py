"""Drivers with a real browser: what they see and do, and what their browser says meanwhile."""

import os
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

from playwright.async_api import Browser, ConsoleMessage, Page, Request, expect

from tests.architecture.house import ROOT
from tests.journeys.people import Town, eventually, made_up_email

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
PATIENCE_MILLISECONDS = 10_000
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
EXPECTED = re.compile(r"status of (4\d\d|503)")
"""A refused request is said in the console, too; the tests look at what the app makes of it."""

expect.set_options(timeout=PATIENCE_MILLISECONDS)


class Garage:
    """Opens browsers that share nothing, and listens to all of them."""

    def __init__(self, browser: Browser, town: Town) -> None:
        self._browser = browser
        self.town = town
        self._drivers: list[Driver] = []

    async def driver(self, **wishes: Any) -> "Driver":
        """Somebody with a fresh browser at the first page; their plug is known."""
        context = await self._browser.new_context(
            base_url=str(self.town.gateway(0).base_url),
            **{
                "viewport": PHONE,
                "locale": "en-GB",
                "timezone_id": "Europe/Berlin",
                "reduced_motion": "reduce",
                **wishes,
            },
        )
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        page = await context.new_page()
        driver = Driver(page, self.town)
        self._drivers.append(driver)
        return driver

    async def close(self) -> None:
        """Fails where a browser complained."""
        complaints = [said for driver in self._drivers for said in driver.complaints]
        for driver in self._drivers:
            await driver.page.context.close()
        assert not complaints, "\n".join(complaints)


class Driver:
    """One person at one browser."""

    def __init__(self, page: Page, town: Town) -> None:
        self.page = page
        self.town = town
        self.email = made_up_email()
        self.complaints: list[str] = []
        self._read: set[int] = set()
        self._origin = str(town.gateway(0).base_url).rstrip("/")
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("request", self._asked)

    async def knows_their_plug(self) -> None:
        """As on a second visit."""
        await self.page.add_init_script(
            "localStorage.getItem('evslot.plug') ?? localStorage.setItem('evslot.plug', 'any')"
        )

    async def mailed_code(self) -> str:
        """Of the newest mail to them, which they have not used yet."""

        async def unread() -> list[int]:
            numbers = [mail["number"] for mail in await self.town.mails(self.email)]
            return [number for number in numbers if number not in self._read]

        number = (await eventually(unread, bool))[0]
        self._read.add(number)
        mail = await self.town.mail(number)
        found = re.search(r"\b(\d{6})\b", mail["text"])
        assert found is not None, mail
        return found.group(1)

    async def sign_in_here(self) -> None:
        """With the form that is on the page."""
        await self.page.get_by_label("E-mail").fill(self.email)
        await self.page.get_by_role("button", name="Mail me a code").click()
        field = self.page.get_by_label("Code from the mail")
        await expect(field).to_be_focused()
        await field.fill(await self.mailed_code())
        await self.page.get_by_role("button", name="Go on").click()

    async def sign_up(self) -> None:
        """Has an account from now on."""
        await self.page.goto("/sign-in")
        await self.sign_in_here()
        await expect(self.page.get_by_text(f"Signed in as {self.email}")).to_be_visible()

    async def shown(self, name: str) -> None:
        """Keeps what is seen, where EVSLOT_SHOTS names a folder; looks for barriers always."""
        if folder := os.environ.get("EVSLOT_SHOTS"):
            await self.page.evaluate("scrollTo(0, 0)")
            await self.page.wait_for_timeout(150)
            path = Path(folder) / f"{name}.png"
            await self.page.screenshot(path=path, full_page=True)
        await self.finds_no_barrier(name)

    async def finds_no_barrier(self, name: str) -> None:
        """axe sees no violation of WCAG 2.2 A and AA, nor of its best practices."""
        if not await self.page.evaluate("() => 'axe' in window"):
            await self.page.evaluate(AXE.read_text())
        found = await self.page.evaluate("() => axe.run()")
        barriers = [
            f"{name}: {one['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
            for one in found["violations"]
            for node in one["nodes"]
        ]
        assert not barriers, "\n".join(barriers)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not EXPECTED.search(message.text):
            self.complaints.append(f"{message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self._origin, "blob:")):
            self.complaints.append(f"left the origin: {request.url}")


class Keyboard:
    """Counts the keys of somebody who has no mouse."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.pressed = 0

    async def press(self, key: str) -> None:
        self.pressed += 1
        await self._page.keyboard.press(key)

    async def until_focus_is_on(self, text: str) -> None:
        """Tab by Tab; fails where the focus gets lost."""
        for _ in range(30):
            await self.press("Tab")
            said = await self._page.evaluate("document.activeElement.textContent")
            if text in said:
                return
        raise AssertionError(f"no Tab leads to {text!r}")


def made_up_street() -> str:
    """A name that no other test's station has."""
    return f"Lindenhof {uuid4().hex[:6]}"
