"""Drivers with a real browser: what they see and do, and what their browser says meanwhile."""

import os
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4
from zoneinfo import ZoneInfo

from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    ViewportSize,
    expect,
)

from evslot.services.station.messages import StationView
from tests.architecture.house import ROOT
from tests.journeys.people import Town, eventually, made_up_email

PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1280, "height": 900}
PATIENCE_MILLISECONDS = 10_000
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
LOOKING = ROOT / "tests" / "browser" / "looking.js"
EXPECTED = re.compile(r"status of (4\d\d|503)|GL Driver Message")
"""A refused request is said in the console, too; the tests look at what the app makes of it.
Where a map is drawn without a graphics card, that is slow."""
NO_WEBGL = """
  const get = HTMLCanvasElement.prototype.getContext;
  HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
    return /webgl/.test(kind) ? null : get.call(this, kind, ...more);
  };
"""
BOOKED = """async ([station_id, start, end]) => {
  const post = async (path, body) => (await fetch(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'Idempotency-Key': crypto.randomUUID() },
    body: JSON.stringify(body),
  })).json();
  const { token } = await post('/v1/quotes', { station_id, period: { start, end } });
  const { reservation_id } = await post('/v1/reservations', { quote: token });
  await post(`/v1/reservations/${reservation_id}/payment`, { method: 'sim_ok' });
  return reservation_id;
}"""
"""Books and pays as whoever is signed in, without a page: station, start, end; its number."""
READ_ANEW = "for (const name of ['offline', 'online']) dispatchEvent(new Event(name))"
"""The line went and came back."""
DRAWN = "() => new Promise((done) => setTimeout(done, 100))"
"""What an answer changes is seen by then."""

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
        self._expected = [EXPECTED]
        self._read: set[int] = set()
        self._origin = str(town.gateway(0).base_url).rstrip("/")
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("request", self._asked)

    def expects(self, said: str) -> None:
        """The browser will complain of this, and is right: a line was cut, a server killed."""
        self._expected.append(re.compile(said))

    async def knows_their_plug(self) -> None:
        """As on a second visit."""
        await self.page.add_init_script(
            "localStorage.getItem('evslot.plug') ?? localStorage.setItem('evslot.plug', 'any')"
        )

    async def has_no_webgl(self) -> None:
        """As on an old or a locked machine; it is much less work for ours, too."""
        await self.page.add_init_script(NO_WEBGL)

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

    async def shown(self, name: str, *, barriers: bool = True) -> None:
        """Keeps what is seen, where EVSLOT_SHOTS names a folder; looks for barriers."""
        if folder := os.environ.get("EVSLOT_SHOTS"):
            await self.page.evaluate("scrollTo(0, 0)")
            await self.page.wait_for_timeout(150)
            path = Path(folder) / f"{name}.png"
            await self.page.screenshot(path=path, full_page=True)
        if barriers:
            found = await self.barriers()
            assert not found, "\n".join([name, *found])

    async def barriers(self) -> list[str]:
        """What axe sees of violations of WCAG 2.2 A and AA, and of its best practices."""
        if not await self.page.evaluate("() => 'axe' in window"):
            await self.page.evaluate(AXE.read_text())
        found = await self.page.evaluate("() => axe.run()")
        return [
            f"{one['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
            for one in found["violations"]
            for node in one["nodes"]
        ]

    async def finds(self, check: str) -> list[str]:
        """The complaints of one of the checks in looking.js about the page as it is now."""
        if not await self.page.evaluate("() => 'looking' in window"):
            await self.page.evaluate(LOOKING.read_text())
        found: list[str] = await self.page.evaluate(f"looking.{check}")
        return found

    def _heard(self, message: ConsoleMessage) -> None:
        known = any(said.search(message.text) for said in self._expected)
        if message.type in ("error", "warning") and not known:
            self.complaints.append(f"{message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self._origin, "blob:")):
            self.complaints.append(f"left the origin: {request.url}")


class Hand:
    """Counts the acts of somebody: a tap, a chord of keys, a field that is filled."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.acts = 0
        self.fields = 0

    async def taps(self, thing: Locator) -> None:
        self.acts += 1
        await thing.click()

    async def fills(self, thing: Locator, text: str) -> None:
        self.acts += 1
        self.fields += 1
        await thing.fill(text)


class Keyboard:
    """Counts the keys of somebody who has no mouse, and looks where the focus is."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.pressed = 0

    async def press(self, key: str) -> None:
        """Afterwards something has the focus, at once or as soon as the page has changed."""
        self.pressed += 1
        await self._page.keyboard.press(key)
        await expect(self._page.locator(":focus")).to_be_attached()

    async def until_focus_is_on(self, text: str) -> None:
        """Tab by Tab; fails where none leads there."""
        for _ in range(30):
            await self.press("Tab")
            said = await self._page.evaluate(
                "document.activeElement.ariaLabel ?? document.activeElement.textContent"
            )
            if text in said:
                return
        raise AssertionError(f"no Tab leads to {text!r}")


def made_up_street() -> str:
    """A name that no other test's station has."""
    return f"Lindenhof {uuid4().hex[:6]}"


def days_ahead(days: int, zone: str = "Europe/Berlin") -> str:
    """A day at the station, as the app's addresses say it."""
    return f"{datetime.now(ZoneInfo(zone)) + timedelta(days=days):%Y-%m-%d}"


async def open_station(
    driver: Driver, station: StationView, *, part: str | None = "Afternoon", **wishes: Any
) -> None:
    """Tomorrow, an hour, where nothing else is said; the slots of a part of the day."""
    query = {"day": days_ahead(1), "minutes": 60, **wishes}
    await driver.page.goto(f"/stations/{station.station_id}?{urlencode(query)}")
    if part:
        await driver.page.get_by_role("button", name=part).click()
    await expect(driver.page.get_by_role("radiogroup")).to_be_visible()


def card(page: Page, name: str = "Lindenhof") -> Locator:
    """A station in the list, with its price."""
    return page.get_by_role("listitem").filter(has_text=name).get_by_role("link")
