"""How heavy the app is before anything is shown, and how little the page jumps while it is read."""

import re
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.driving import Garage, card, made_up_street
from tests.journeys.people import Person

pytestmark = [pytest.mark.anyio, pytest.mark.real]

SCRIPT_BYTES = 150_000
"""As they come over the line, before the map."""
SHIFT = 0.05
NOTE_SHIFTS = """
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) {
      if (one.hadRecentInput) continue;
      const what = one.sources.map((source) => source.node?.className || source.node?.nodeName);
      window.shifts.push({ at: one.startTime, value: one.value, what: what.join(', ') });
    }
  }).observe({ type: 'layout-shift', buffered: true });
"""


def worst(shifts: list[dict[str, Any]]) -> float:
    """The greatest sum of a window: gaps below a second, five seconds at most (as browsers do)."""
    best = total = began = last = 0.0
    for shift in shifts:
        at = shift["at"] / 1000
        if at - last > 1 or at - began > 5:
            total, began = 0.0, at
        total, last = total + shift["value"], at
        best = max(best, total)
    return best


async def test_the_list_needs_less_than_150_kb_of_script(garage: Garage) -> None:
    driver = await garage.driver()
    await driver.page.goto("/")
    await expect(driver.page.get_by_role("button", name="Type 2")).to_be_visible()
    await expect(driver.page.get_by_role("heading", name=re.compile("station"))).to_be_visible()
    scripts: dict[str, int] = await driver.page.evaluate(
        "Object.fromEntries(performance.getEntriesByType('resource')"
        ".filter((one) => one.name.endsWith('.js'))"
        ".map((one) => [one.name, one.encodedBodySize]))"
    )
    assert scripts
    assert all(scripts.values()), scripts
    assert sum(scripts.values()) <= SCRIPT_BYTES, scripts


async def test_nothing_jumps_from_the_list_to_the_code(garage: Garage, operator: Person) -> None:
    name = made_up_street()
    position = {"latitude": 50.7, "longitude": 12.7}
    await operator.fresh_station(chargers=2, name=name, position=position)
    driver = await garage.driver()
    await driver.knows_their_plug()
    await driver.sign_up()
    page = driver.page
    await page.add_init_script(NOTE_SHIFTS)
    await page.goto("/?place=There&lat=50.7&lon=12.7&radius=500")
    await card(page, name).click()
    await expect(page.get_by_role("button", name="Continue")).to_be_enabled()
    await page.get_by_role("button", name="Tomorrow").click()
    await page.get_by_role("button", name="Evening").click()
    await page.get_by_role("radio", name=re.compile("^19:00 to ")).click()
    await page.get_by_role("button", name="Continue").click()
    await page.get_by_role("button", name=re.compile("^Book and pay")).click()
    await expect(page.locator(".code")).to_be_visible()
    shifts: list[dict[str, Any]] = await page.evaluate("window.shifts")
    assert worst(shifts) <= SHIFT, shifts
