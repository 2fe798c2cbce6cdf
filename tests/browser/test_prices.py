"""A price never changes: what the list says is quoted, charged, and stands on the receipt."""

import asyncio
import random
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from msgspec import Struct
from playwright.async_api import Locator, expect

from evslot.services.payment.messages import ReceiptView
from evslot.services.station.messages import StationView
from evslot.values import Money, Period
from tests.browser.driving import Driver, Garage, card, made_up_street
from tests.journeys.people import BERLIN, Person, Town, eventually

pytestmark = [pytest.mark.anyio, pytest.mark.real]

STATIONS = 10
DAYS = range(8, 28)
"""Further ahead than any free cancelling: what is paid is taken at once, and has a receipt."""
AT_ONCE = 8
MINUTES = [30, 60, 90, 120, 180]
"""The lengths that the list offers."""
SEED = 20_261_107
SUM = re.compile(r"\d+[.,]\d\d")


class Wish(Struct, frozen=True):
    """One slot somewhere, and where the list has to look for it."""

    station: StationView
    period: Period


async def open_stations(operator: Person, dice: random.Random) -> list[StationView]:
    """Odd prices at odd rates of tax, half of them other in the evening; far from each other."""
    opened = []
    for number in range(STATIONS):
        evening = {"start": 17 * 60, "end": 22 * 60, "per_hour": dice.randrange(1, 999)}
        tariff = {
            "currency": dice.choice(["EUR", "USD", "INR", "RSD"]),
            "flat": dice.randrange(0, 400),
            "per_hour": dice.randrange(1, 999),
            "vat_basis_points": dice.choice([0, 700, 1400, 1800, 1900, 2550]),
            "elements": [evening] if number % 2 else [],
        }
        position = {"latitude": round(49.0 + number / 50, 2), "longitude": 10.0}
        name = made_up_street()
        opened.append(await operator.fresh_station(name=name, tariff=tariff, position=position))
    return opened


def wishes(stations: Sequence[StationView], dice: random.Random) -> list[Wish]:
    """One a day at each station, at any quarter of an hour."""
    today = datetime.now(BERLIN).date()
    return [
        Wish(station, period_of(today + timedelta(days=days), dice))
        for station in stations
        for days in DAYS
    ]


def period_of(day: date, dice: random.Random) -> Period:
    minutes = dice.choice(MINUTES)
    latest = 24 * 60 - minutes
    at = 15 * dice.randrange(0, latest // 15)
    wall = datetime(day.year, day.month, day.day, at // 60, at % 60, tzinfo=BERLIN)
    start = wall.astimezone(UTC)  # an hour later is that also in the night of a clock change
    return Period(start, start + timedelta(minutes=minutes))


def around(station: StationView) -> dict[str, Any]:
    return {"lat": station.position.latitude, "lon": station.position.longitude, "radius": 500}


async def test_a_price_is_one_from_the_list_to_the_receipt_for_200_slots(
    operator: Person, browser_town: Town
) -> None:
    dice = random.Random(SEED)
    waiting = wishes(await open_stations(operator, dice), dice)
    assert len(waiting) == 200
    different: list[str] = []

    async def buy() -> None:
        driver = await browser_town.sign_up()
        while waiting:
            wish = waiting.pop()
            prices = await prices_of(driver, wish)
            if len({(price.amount, price.currency) for price in prices.values()}) != 1:
                different.append(f"{wish.station.name} {wish.period}: {prices}")

    await asyncio.gather(*(buy() for _ in range(AT_ONCE)))
    assert different == []


async def prices_of(driver: Person, wish: Wish) -> dict[str, Money]:
    """Everywhere a driver meets it, in the order in which the app asks."""
    station, period = wish.station, wish.period
    window = {"from": period.start.isoformat(), "to": period.end.isoformat()}
    found = await driver.search(**around(station), **window)
    listed = next(one.price for one in found.stations if one.station_id == station.station_id)
    minutes = int(period.length.total_seconds() // 60)
    (charger,) = await driver.slots(station, period.start.astimezone(BERLIN).date(), minutes)
    slot = next(one.price for one in charger.slots if one.period == period)
    assert listed is not None
    assert slot is not None
    quote = await driver.quote(station, period)
    held = await driver.hold(quote)
    paid = (await driver.pay(held)).reservation
    payment = await driver.payment(paid.payment_id)
    receipt = (await receipt_of(driver, str(paid.payment_id))).receipt
    sums = {
        "the lines": sum(line.amount for line in held.lines),
        "the receipt's lines": sum(line.amount for line in receipt.lines),
        "net and tax": sum(vat.net + vat.vat for vat in receipt.vat),
    }
    return {
        "list": listed,
        "slots": slot,
        "quote": quote.quote.total,
        "held": held.total,
        "booked": paid.total,
        "charged": payment.captured,
        "receipt": receipt.total,
        **{name: Money(amount, listed.currency) for name, amount in sums.items()},
    }


async def receipt_of(driver: Person, payment_id: str) -> ReceiptView:
    """Its number is given a moment after the money was taken."""
    path = f"/v1/payments/{payment_id}/receipt"

    async def status() -> int:
        return (await driver.request("GET", path)).status_code

    await eventually(status, lambda code: code == 200)
    return await driver.get(path, ReceiptView)


async def test_every_page_shows_the_same_price_as_the_list(
    garage: Garage, operator: Person
) -> None:
    dice = random.Random(SEED + 1)
    stations = await open_stations(operator, dice)
    driver = await garage.driver()
    await driver.knows_their_plug()
    await driver.sign_up()
    for wish in dice.sample(wishes(stations, dice), 3):
        shown = await prices_shown(driver, wish)
        assert len(set(shown.values())) == 1, shown


async def prices_shown(driver: Driver, wish: Wish) -> dict[str, str]:
    """The same slot on each page that names its price."""
    page, name = driver.page, wish.station.name
    start = wish.period.start.astimezone(BERLIN)
    minutes = int(wish.period.length.total_seconds() // 60)
    query = "&".join(f"{key}={value}" for key, value in around(wish.station).items())
    when = f"day={start:%Y-%m-%d}&time={start:%H:%M}&minutes={minutes}&zone=Europe/Berlin"
    await page.goto(f"/?place=x&{query}&{when}")
    shown = {"list": await sum_in(card(page, name).locator(".price b"))}
    await card(page, name).click()
    slot = page.get_by_role("radio", checked=True)
    await expect(slot).to_have_attribute("aria-label", re.compile(f"^{start:%H:%M} to "))
    shown["slot"] = await sum_in(slot.locator("span"))
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_text("Held for you")).to_be_visible()
    shown["total"] = await sum_in(page.locator("dl .total dd"))
    buy = page.get_by_role("button", name=re.compile("^Book and pay"))
    shown["button"] = found_sum(await buy.inner_text())
    await buy.click()
    await expect(page.locator(".code")).to_be_visible()
    shown["booking"] = await sum_in(page.locator("dl .total dd"))
    receipt = page.get_by_role("link", name="Receipt", exact=True)
    address = await receipt.get_attribute("href") or ""
    json = address.replace("format=pdf", "format=json")

    async def paper() -> int:
        return (await page.request.get(json)).status

    await eventually(paper, lambda status: status == 200)
    total = (await (await page.request.get(json)).json())["receipt"]["total"]
    shown["receipt"] = f"{total['amount'] / 100:.2f}"
    return shown


async def sum_in(place: Locator) -> str:
    return found_sum(await place.first.inner_text())


def found_sum(text: str) -> str:
    """The figure of a price as an English page writes it."""
    found = SUM.search(text)
    assert found is not None, text
    return found[0]
