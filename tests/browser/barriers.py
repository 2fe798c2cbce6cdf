"""Looks at a page as people with other eyes, hands, screens and languages meet it."""

from playwright.async_api import Page, ViewportSize, expect

from tests.browser.driving import DESK, PHONE, Driver

NARROW: ViewportSize = {"width": 320, "height": 640}
"""WCAG 1.4.10: as wide as 1280 px at 400 %."""
ZOOMED: ViewportSize = {"width": 640, "height": 512}
"""1280 x 1024 at 200 %."""
CONTRAST = 7


class Inspector:
    """Collects what is wrong in each state that it is shown, so that one run tells all."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._page: Page = driver.page
        self.states: list[str] = []
        self.complaints: list[str] = []

    async def looks(self, state: str, *, focus: bool = True) -> None:
        """At phone, desk, narrow and zoomed windows, light and dark, in both languages."""
        self.states.append(state)
        await self._driver.shown(f"state-{state}", barriers=False)
        self._note(state, await self._driver.barriers())
        await self._finds(state, "shape()", "longer()", "targets()", f"colours({CONTRAST})")
        if focus:
            # A key first: only who uses keys is shown where the focus is.
            await self._page.keyboard.press("Tab")
            await self._finds(state, "focus()")
        await self._page.emulate_media(color_scheme="dark")
        await self._finds(f"{state}, dark", f"colours({CONTRAST})")
        await self._page.emulate_media(color_scheme="light")
        for name, window in (("zoomed", ZOOMED), ("desk", DESK), ("narrow", NARROW)):
            await self._page.set_viewport_size(window)
            await self._finds(f"{state}, {name}", "shape()", "longer()", "targets()")
        await self._in_german(state)
        await self._page.set_viewport_size(PHONE)

    async def _in_german(self, state: str) -> None:
        button = self._page.locator("header button[lang]")
        await button.evaluate("one => one.click()")
        await expect(self._page.locator("html")).to_have_attribute("lang", "de")
        await self._finds(f"{state}, German", "shape()", "targets()")
        await button.evaluate("one => one.click()")
        await expect(self._page.locator("html")).to_have_attribute("lang", "en")

    async def _finds(self, where: str, *checks: str) -> None:
        for check in checks:
            self._note(where, await self._driver.finds(check))

    def _note(self, where: str, found: list[str]) -> None:
        self.complaints += [f"{where}: {one}" for one in found]

    def is_content(self) -> None:
        """Fails with all complaints, each once."""
        assert not self.complaints, "\n".join(dict.fromkeys(self.complaints))
