"""The day a page opens on and what it says of it: near midnight, from elsewhere, with rivals."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect

from evslot.services.station.messages import StationView
from evslot.values import Period
from tests.browser.driving import Driver, Garage, card, days_ahead, made_up_street, open_station
from tests.journeys.people import BERLIN, Person, tomorrow

pytestmark = [pytest.mark.anyio, pytest.mark.real]


@pytest.fixture
async def driver(garage: Garage) -> Driver:
    driver = await garage.driver()
    await driver.knows_their_plug()
    await driver.has_no_webgl()
    return driver


@pytest.fixture
async def station(operator: Person) -> StationView:
    return await operator.fresh_station(chargers=2, name=made_up_street())


def zone_before_midnight() -> str:
    """Where the last hour of the day runs now; the names count westwards."""
    east = 23 - datetime.now(UTC).hour
    return f"Etc/GMT-{east}" if east <= 14 else f"Etc/GMT+{24 - east}"


def at(day: str, hour: int, minute: int = 0) -> Period:
    """An hour by Berlin's clock."""
    start = datetime.fromisoformat(f"{day}T{hour:02}:{minute:02}").replace(tzinfo=BERLIN)
    return Period(start, start + timedelta(hours=1))


async def test_a_start_without_its_day_opens_the_day_on_which_it_is(
    driver: Driver, station: StationView
) -> None:
    """Also where the clock of Greenwich still shows the day before."""
    page = driver.page
    night = at(days_ahead(1), 0, 15).start.astimezone(UTC)
    start = f"{night:%Y-%m-%dT%H:%M:%SZ}"
    await page.goto(f"/stations/{station.station_id}?minutes=60&start={start}")
    await expect(page.get_by_role("button", name="Tomorrow")).to_have_attribute(
        "aria-pressed", "true"
    )
    await expect(page.get_by_role("radio", name=re.compile("^00:15 to"))).to_be_checked()
    await expect(page.get_by_role("button", name="Continue")).to_be_enabled()


async def test_before_midnight_a_card_of_the_list_opens_the_day_of_the_next_start(
    driver: Driver, operator: Person
) -> None:
    """No start of today is left; now is now all the same."""
    zone = zone_before_midnight()
    next_day = days_ahead(1, zone)
    rule = {"grid": 60, "shortest": 60, "longest": 240, "buffer": 5}
    position = {"latitude": 51.05, "longitude": 8.55}
    station = await operator.fresh_station(
        name=made_up_street(), zone=zone, rule=rule, position=position
    )
    page = driver.page
    await page.goto(f"/?place=Late&lat=51.05&lon=8.55&radius=500&zone={zone}")
    await card(page, station.name).click()
    await expect(page.get_by_role("button", name="Continue")).to_be_enabled()
    await expect(page).to_have_url(re.compile(f"[?&]day={next_day}(&|$)"))
    await expect(page.get_by_role("region", name="Now", exact=True)).to_be_visible()


async def test_a_card_opens_what_it_says_is_free_next_also_on_another_day(
    driver: Driver, operator: Person
) -> None:
    wanted, next_day = days_ahead(1), days_ahead(2)
    weekday = datetime.fromisoformat(next_day).isoweekday()
    hours = {"always": False, "weekly": [{"weekday": weekday, "start": 7 * 60, "end": 22 * 60}]}
    position = {"latitude": 51.15, "longitude": 8.55}
    station = await operator.fresh_station(name=made_up_street(), position=position, hours=hours)
    page = driver.page
    where = "place=Closed&lat=51.15&lon=8.55&radius=500&zone=Europe/Berlin"
    await page.goto(f"/?{where}&day={wanted}&time=22:00")
    await expect(card(page, station.name)).to_contain_text("next free")
    await card(page, station.name).click()
    await expect(page.get_by_role("radio", name=re.compile("^07:00 to"))).to_be_checked()
    await expect(page).to_have_url(re.compile(f"[?&]day={next_day}(&|$)"))


async def test_a_day_or_time_that_has_passed_is_shown_as_now(
    driver: Driver, station: StationView
) -> None:
    """As in a tab that was left open over midnight, or opened again."""
    page = driver.page
    passed = f"day={days_ahead(-1)}"
    await page.goto(f"/stations/{station.station_id}?{passed}&minutes=60")
    await expect(page.get_by_role("button", name="Continue")).to_be_enabled()
    assert passed not in page.url
    # What was chosen is over: nothing else is put in its place.
    over = f"{passed}&start={days_ahead(-1)}T16:00:00Z"
    await page.goto(f"/stations/{station.station_id}?{over}&minutes=60")
    await expect(page.get_by_role("radiogroup")).to_be_visible()
    await expect(page.get_by_role("button", name="Continue")).to_be_disabled()
    where = f"lat={station.position.latitude}&lon={station.position.longitude}"
    await page.goto(f"/?place=Here&{where}&radius=100&zone=Europe/Berlin&{passed}&time=14:00")
    await expect(card(page, station.name)).to_contain_text("2 of 2 free")
    await expect(page.get_by_text("That time has passed")).to_be_visible()
    await page.get_by_label("Day").fill(days_ahead(1))
    await expect(page.get_by_text("That time has passed")).to_have_count(0)


async def test_what_a_rival_takes_is_told_where_it_is_seen_alone(
    driver: Driver, station: StationView
) -> None:
    page = driver.page
    await open_station(driver, station, charger=station.chargers[0].charger_id)
    said = page.locator(".said")
    rival = driver.town.made_up()
    # At the other charger, and on another day.
    await rival.hold(await rival.quote(station, tomorrow(13), charger=1))
    await rival.hold(await rival.quote(station, tomorrow(15, days=2)))
    booked = await rival.hold(await rival.quote(station, tomorrow(13)))
    await expect(page.get_by_role("radio", name=re.compile("^13:00 .* taken"))).to_be_visible()
    await expect(said).to_have_text("13:00–14:00 was just taken.")
    await page.get_by_role("group", name="Day").get_by_role("button").last.click()
    await expect(said).to_be_empty()
    await page.get_by_role("button", name="Tomorrow").click()
    await page.get_by_role("button", name="Afternoon").click()
    await expect(page.get_by_role("radio", name=re.compile("^13:00 .* taken"))).to_be_visible()
    # Who pays for what was taken before takes nothing.
    async with page.expect_response(re.compile("/slots")):
        await rival.pay(booked)
    await expect(said).to_be_empty()
