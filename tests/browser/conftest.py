"""One system, one Chromium, and an operator's station for every test of the app."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from tests.browser.driving import Garage
from tests.browser.flags import FLAGS, program
from tests.journeys.people import Person, Town
from tests.journeys.running_system import RunningSystem


@pytest.fixture(scope="package")
def browser_system(cache_dir: Path) -> Iterator[RunningSystem]:
    """One process of each part."""
    running = RunningSystem(cache_dir, {})
    # The journeys' two seconds are too short for somebody who reads.
    running.environment["EVSLOT_RESERVATION_HOLD_SECONDS_SOON"] = "120"
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="package")
async def browser_town(browser_system: RunningSystem) -> AsyncIterator[Town]:
    """HTTP clients beside the browser, and the mailboxes."""
    town = Town(browser_system)
    yield town
    await town.close()


@pytest.fixture(scope="package")
async def chromium() -> AsyncIterator[Browser]:
    """For all tests but those that draw maps."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program(), args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture(scope="package")
async def operator(browser_town: Town) -> Person:
    """Somebody who owns an organisation."""
    person = await browser_town.sign_up()
    await person.make_organisation()
    return person


@pytest.fixture
async def garage(chromium: Browser, browser_town: Town) -> AsyncIterator[Garage]:
    """Opens browsers; at the end none of them may have complained or left the origin."""
    garage = Garage(chromium, browser_town)
    yield garage
    await garage.close()
