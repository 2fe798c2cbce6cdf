"""The map beside the list: what it shows, that it is live, light, and never needed."""

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Browser, Page, Route, async_playwright, expect

from evslot.gateway.edge import policy
from evslot.values import Period
from tests.browser.driving import DESK, Driver, Garage, days_ahead, made_up_street
from tests.browser.flags import FLAGS, program
from tests.journeys.people import Person, Town, eventually

pytestmark = [pytest.mark.anyio, pytest.mark.real]

DRAWN = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
"""WebGL without a graphics card."""
MIDDLE_OF_HELSINKI = "place=Helsinki&lat=60.1712&lon=24.9435&radius=600&zone=Europe/Helsinki"
MANY = 2000
LONG_MILLISECONDS = 200
PANS = 5
SMALL_DESK = {"width": 1040, "height": 600}
"""Each pixel is drawn by a processor here."""
LISTEN = """
  window.longTasks = [];
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) window.longTasks.push(one.duration);
  }).observe({ type: 'longtask', buffered: true });
"""


@pytest.fixture(scope="module")
async def drawing_chromium() -> AsyncIterator[Browser]:
    """One that draws maps, which is slow work for a processor: only here."""
    flags = [flag for flag in FLAGS if flag != "--disable-gpu"] + DRAWN
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program(), args=flags)
        yield browser
        await browser.close()


@pytest.fixture
async def mapped(drawing_chromium: Browser, browser_town: Town) -> AsyncIterator[Garage]:
    """As `garage`."""
    garage = Garage(drawing_chromium, browser_town)
    yield garage
    await garage.close()


async def looking_at(garage: Garage, query: str, **wishes: Any) -> Driver:
    """Somebody who has been here before, at a desk."""
    driver = await garage.driver(**{"viewport": DESK, **wishes})
    await driver.knows_their_plug()
    await driver.page.goto(f"/?{query}")
    return driver


def around(latitude: float, longitude: float, radius: int = 1500) -> str:
    return f"place=Here&lat={latitude}&lon={longitude}&radius={radius}&zone=Europe/Berlin"


async def tap_the_middle(page: Page) -> None:
    """Where the place is that is searched around."""
    box = await page.locator(".maplibregl-canvas").bounding_box()
    assert box is not None
    await page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


async def picked(page: Page) -> None:
    """A marker is drawn a moment after its station is known: tapped until it says who it is."""

    async def tapped() -> bool:
        await tap_the_middle(page)
        return await page.locator(".picked").is_visible()

    await eventually(tapped, bool)


async def test_a_marker_says_what_is_free_and_follows_it_live(
    mapped: Garage, operator: Person
) -> None:
    position = {"latitude": 54.09, "longitude": 12.14}
    name = made_up_street()
    station = await operator.fresh_station(2, name=name, position=position)
    tomorrow = days_ahead(1)
    when = f"day={tomorrow}&time=17:00&minutes=60"
    driver = await looking_at(mapped, f"{around(54.09, 12.14)}&{when}")
    page = driver.page
    card = page.locator(f'[data-station="{station.station_id}"]')
    await expect(card).to_contain_text("2 of 2 free")
    await picked(page)
    marker = page.locator(".picked")
    await expect(marker).to_contain_text(name)
    await expect(marker).to_contain_text("€3.40")
    await expect(card).to_have_class(re.compile("chosen"))
    await driver.shown("map-picked-desk")
    assert await driver.finds("targets()") == []
    assert await driver.finds("colours(7)") == []
    rival = await driver.town.sign_up()
    start = datetime.fromisoformat(f"{tomorrow}T17:00").replace(tzinfo=ZoneInfo("Europe/Berlin"))
    await rival.hold(await rival.quote(station, Period(start, start + timedelta(hours=1))))
    await expect(marker).to_contain_text("1 of 2 free")
    await expect(card).to_contain_text("1 of 2 free")
    await marker.get_by_role("link").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(name)


async def test_who_moves_the_map_can_search_there(mapped: Garage, operator: Person) -> None:
    for longitude in (10.87, 10.93):
        position = {"latitude": 53.86, "longitude": longitude}
        await operator.fresh_station(name=made_up_street(), position=position)
    driver = await looking_at(mapped, around(53.86, 10.87))
    page = driver.page
    await expect(page.get_by_role("heading", name="1 station")).to_be_visible()
    await expect(page.get_by_text("Streets off")).to_be_visible()
    here = page.get_by_role("button", name="Search here")
    await expect(here).to_be_hidden()
    for _ in range(3):
        await page.get_by_role("button", name="Zoom out").click()
        await expect(here).to_be_visible()
    await here.click()
    await expect(page.get_by_role("heading", name="2 stations")).to_be_visible()
    await expect(here).to_be_hidden()
    await page.reload()
    await expect(page.get_by_role("heading", name="2 stations")).to_be_visible()


async def test_streets_are_named_after_who_drew_them(mapped: Garage) -> None:
    """Where the build has them; else the map says that there are none."""
    driver = await looking_at(mapped, MIDDLE_OF_HELSINKI, color_scheme="dark")
    page = driver.page
    areas = (await (await page.request.get("/map/areas.json")).json())["areas"]
    credit = page.get_by_role("link", name="© OpenStreetMap contributors")
    off = page.get_by_text("Streets off")
    await expect(credit if areas else off).to_be_visible()
    await expect(off if areas else credit).to_be_hidden()
    assert await driver.finds("targets()") == []
    assert await driver.finds("colours(7)") == []
    for area in areas:
        streets = await (await page.request.get(area["file"])).json()
        kinds = {feature["properties"]["kind"] for feature in streets["features"]}
        assert {"main", "minor", "water", "building"} <= kinds


async def test_two_thousand_stations_pan_without_a_long_task(mapped: Garage) -> None:
    driver = await mapped.driver(viewport=SMALL_DESK)
    page = driver.page
    await driver.knows_their_plug()
    await page.add_init_script(LISTEN)
    pages: set[int] = set()

    async def made_up(route: Route) -> None:
        cursor = re.search(r"cursor=(\d+)", route.request.url)
        first = int(cursor[1]) if cursor else 0
        stations = [made_up_station(number) for number in range(first, first + 100)]
        more = str(first + 100) if first + 100 < MANY else None
        await route.fulfill(
            json={"stations": stations, "as_of": "2026-01-01T00:00:00Z", "next_cursor": more}
        )
        if "box=" in route.request.url:
            pages.add(first)

    await page.route("**/v1/stations?*", made_up)
    await page.goto(f"/?{around(52.5, 13.4, 12_000)}")

    async def read() -> int:
        return len(pages)

    await eventually(read, lambda count: count == MANY // 100)
    longest: list[float] = []
    while not longest or (longest[-1] > LONG_MILLISECONDS and len(longest) < PANS):
        longest.append(await longest_task_of_a_pan(page))
    # What else runs on this machine only ever adds to a task: one pan without is enough.
    assert longest[-1] <= LONG_MILLISECONDS, longest


async def longest_task_of_a_pan(page: Page) -> float:
    """Milliseconds; tasks below 50 are none."""
    box = await page.locator(".maplibregl-canvas").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    await page.evaluate("longTasks.length = 0")
    await page.mouse.move(x, y)
    await page.mouse.down()
    for step in range(1, 11):
        await page.mouse.move(x + 12 * step, y + 8 * step)
    await page.mouse.move(x, y, steps=10)
    await page.mouse.up()
    return float(await page.evaluate("Math.max(0, ...longTasks)"))


def made_up_station(number: int) -> dict[str, Any]:
    row, column = divmod(number, 50)
    return {
        "station_id": str(UUID(int=number)),
        "name": f"Lindenhof {number}",
        "address": "",
        "position": {"latitude": 52.4 + row * 0.005, "longitude": 13.2 + column * 0.008},
        "zone": "Europe/Berlin",
        "status": "bookable",
        "distance_metres": number,
        "chargers_total": 4,
        "chargers_free": number % 5,
        "chargers_free_now": number % 5,
        "max_watts": 22_000,
        "price": None,
        "city": "Berlin",
        "district": f"Teil {row}",
    }


async def test_on_a_phone_the_map_comes_when_it_is_asked_for(mapped: Garage) -> None:
    driver = await mapped.driver()
    await driver.knows_their_plug()
    page = driver.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(f"/?{around(53.86, 10.87)}")
    await expect(page.get_by_role("heading", name=re.compile("station"))).to_be_visible()
    assert not [url for url in asked if "/chart-" in url]
    await page.get_by_role("button", name="Show map").click()
    canvas = page.locator(".maplibregl-canvas")
    await expect(canvas).to_be_visible()
    await expect(canvas).to_have_attribute("aria-label", re.compile("in the list, too"))
    await driver.shown("map-phone")
    await canvas.focus()
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("Tab")
    await expect(canvas).not_to_be_focused()
    assert await driver.finds("shape()") == []
    await page.get_by_role("button", name="Hide map").click()
    await expect(canvas).to_be_hidden()


async def test_where_nothing_can_be_drawn_the_list_has_everything(garage: Garage) -> None:
    for wishes in ({"viewport": DESK}, {}):
        driver = await garage.driver(**wishes)
        await driver.knows_their_plug()
        await driver.has_no_webgl()
        page = driver.page
        await page.goto("/")
        if not wishes:
            await page.get_by_role("button", name="Show map").click()
        await expect(page.get_by_text("The list has everything")).to_be_visible()
        await expect(page.get_by_role("heading", name=re.compile("station"))).to_be_visible()
        await driver.shown("no-map")


async def test_a_style_of_somebody_else_lies_under_our_stations(
    mapped: Garage, operator: Person
) -> None:
    address = "https://tiles.example/calm.json"
    position = {"latitude": 53.55, "longitude": 8.58}
    await operator.fresh_station(name=made_up_street(), position=position)
    driver = await mapped.driver(viewport=DESK)
    page = driver.page
    await driver.knows_their_plug()

    async def told(route: Route) -> None:
        """As a gateway answers that has EVSLOT_GATEWAY_MAP_STYLE_URL."""
        answer = await route.fetch()
        meta = f'<meta name="evslot-map-style" content="{address}" /></head>'
        page = (await answer.text()).replace("</head>", meta)
        headers = {**answer.headers, "content-security-policy": policy(address)}
        await route.fulfill(body=page, headers=headers)

    async def style(route: Route) -> None:
        sea = {"id": "sea", "type": "background", "paint": {"background-color": "#abc"}}
        allowed = {"Access-Control-Allow-Origin": "*"}
        await route.fulfill(json={"version": 8, "sources": {}, "layers": [sea]}, headers=allowed)

    await page.route(re.compile(r"/\?place"), told)
    await page.route(address, style)
    await page.goto(f"/?{around(53.55, 8.58)}")
    await picked(page)
    await expect(page.get_by_text("Streets off")).to_be_hidden()
    assert driver.complaints == [f"left the origin: {address}"]
    driver.complaints.clear()
