"""`python -m benchmarks browser`: how fast the app is in a real browser, also on a slow one."""

import argparse
import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright
from rich.console import Console
from rich.table import Table

from benchmarks import report
from benchmarks.rounds import percentile
from benchmarks.running import ADDRESS, RunningSystem, running_system

LATEST = Path(__file__).parent / "results" / "browser.json"
PHONE: Any = {"width": 390, "height": 844}
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
SLOWED = 4
"""Times that the processor is slower than this machine's."""
LINE = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1_600_000 / 8,
    "uploadThroughput": 750_000 / 8,
}
"""A slow mobile line: 1.6 Mbit/s, 150 ms there and back."""
LIMITS = {
    "list usable, slow phone (ms)": 3000.0,
    "script before the map (kB)": 150.0,
    "tap to visible answer, worst (ms)": 100.0,
    "rival's slot turns grey, p95 (ms)": 1000.0,
    "layout shift": 0.05,
}
NOTE_LIST = """
  new MutationObserver(() => {
    const cards = [...document.querySelectorAll('main li a')];
    if (!window.listAt && cards.some((one) => one.textContent.includes('incl. VAT'))) {
      window.listAt = performance.now();
    }
  }).observe(document, { childList: true, subtree: true });
"""
NOTE_ANSWERS = """
  window.answers = [];
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) {
      if (one.interactionId) window.answers.push({ name: one.name, ms: one.duration });
    }
  }).observe({ type: 'event', durationThreshold: 16, buffered: true });
  window.shift = 0;
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) if (!one.hadRecentInput) window.shift += one.value;
  }).observe({ type: 'layout-shift', buffered: true });
"""
NOTE_GREY = """(start) => {
  window.greyAt = null;
  new MutationObserver((_, observer) => {
    const names = [...document.querySelectorAll('[role=radio]')].map((one) => one.ariaLabel);
    if (!names.find((one) => one.startsWith(start))?.endsWith('taken')) return;
    window.greyAt = Date.now();
    observer.disconnect();
  }).observe(document.querySelector('[role=radiogroup]'), { attributes: true, subtree: true });
}"""
console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)


def main(arguments: Sequence[str]) -> None:
    """Prints the figures beside what they should be, and keeps them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks browser", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="first visits, each with no cache")
    parser.add_argument("--rivals", type=int, default=20, help="slots that a rival takes")
    parser.add_argument("--to", type=Path, default=LATEST, help="file of the findings")
    options = parser.parse_args(arguments)
    load_average = os.getloadavg()[0]
    console.print("Starting the system …")
    with running_system() as running:
        running.command("import", "sample")
        figures = asyncio.run(measure(running, options.rounds, options.rivals))
    _show(figures)
    machine = report.this_machine(load_average, "18")
    options.to.parent.mkdir(parents=True, exist_ok=True)
    options.to.write_text(
        json.dumps({"at": report.now(), "machine": str(machine), "figures": figures}, indent=2)
    )
    console.print(f"Written to {options.to}")


async def measure(running: RunningSystem, rounds: int, rivals: int) -> dict[str, float]:
    """All figures, on a system with the sample's stations."""
    await running.quiet()
    address = f"http://{ADDRESS}:{running.gateway_port}"
    path = os.environ.get("EVSLOT_CHROMIUM") or shutil.which("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        visits = [await first_visit(browser, address) for _ in range(rounds)]
        walk = await booking_walk(browser, address)
        grey = await grey_times(browser, address, rivals)
        await browser.close()
    return {
        "list usable, slow phone (ms)": percentile(sorted(at for at, _ in visits), 0.5),
        "script before the map (kB)": max(size for _, size in visits) / 1000,
        "tap to visible answer, worst (ms)": walk["answer"],
        "rival's slot turns grey, p50 (ms)": percentile(grey, 0.5),
        "rival's slot turns grey, p95 (ms)": percentile(grey, 0.95),
        "layout shift": walk["shift"],
    }


@asynccontextmanager
async def _phone(browser: Browser, address: str) -> AsyncIterator[tuple[BrowserContext, Page]]:
    context = await browser.new_context(base_url=address, viewport=PHONE, locale="en-GB")
    try:
        yield context, await context.new_page()
    finally:
        await context.close()


def _card(page: Page) -> Locator:
    """The first station of the list that has a price."""
    return page.get_by_role("listitem").filter(has_text="incl. VAT").get_by_role("link").first


async def first_visit(browser: Browser, address: str) -> tuple[float, int]:
    """Milliseconds until the first station can be tapped, and bytes of script until then."""
    async with _phone(browser, address) as (context, page):
        tools = await context.new_cdp_session(page)
        await tools.send("Network.enable")
        await tools.send("Network.emulateNetworkConditions", LINE)
        await tools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWED})
        await page.add_init_script(NOTE_LIST)
        await page.goto("/")
        await _card(page).wait_for()
        at: float = await page.evaluate("window.listAt")
        size: int = await page.evaluate(
            "performance.getEntriesByType('resource').filter((one) => /\\.js$/.test(one.name))"
            ".reduce((sum, one) => sum + one.encodedBodySize, 0)"
        )
        return at, size


async def booking_walk(browser: Browser, address: str) -> dict[str, float]:
    """From the list to the code: the slowest answer to a tap, and how far things jumped."""
    async with _phone(browser, address) as (_, page):
        await page.add_init_script(NOTE_ANSWERS)
        await page.goto("/?as=driver")
        await page.get_by_role("button", name="Type 2").click()
        await _card(page).click()
        await page.get_by_role("button", name="Tomorrow").click()
        await page.get_by_role("button", name="Evening").click()
        await page.get_by_role("radio", name="free").first.click()
        await page.get_by_role("radio", name="free").last.click()
        await page.get_by_role("button", name="Continue").click()
        await page.get_by_role("button", name="Book and pay").click()
        await page.locator(".code").wait_for()
        await page.get_by_role("button", name="Cancel …").click()
        await page.get_by_role("button", name="Cancel free of charge").click()
        await page.get_by_text("Cancelled", exact=True).first.wait_for()
        answers: list[dict[str, Any]] = await page.evaluate("window.answers")
        shift: float = await page.evaluate("window.shift")
    return {"answer": max((one["ms"] for one in answers), default=0.0), "shift": shift}


async def grey_times(browser: Browser, address: str, rounds: int) -> list[float]:
    """Milliseconds from a rival's request until the slot is grey where somebody looks at it."""
    async with httpx.AsyncClient(base_url=address, timeout=20.0) as rival:
        await _sign_in(rival)
        station = await _station_of(rival)
        charger = station["chargers"][0]["charger_id"]
        day = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
        query = urlencode({"day": day, "minutes": 60, "charger": charger})
        async with _phone(browser, address) as (_, page):
            await page.goto(f"/stations/{station['station_id']}?{query}")
            await page.get_by_role("button", name="Afternoon").click()
            times = [await _grey_time(page, rival, station, charger, day) for _ in range(rounds)]
    return sorted(times)


async def _grey_time(
    page: Page, rival: httpx.AsyncClient, station: dict[str, Any], charger: str, day: str
) -> float:
    free = page.get_by_role("radio", name="free").first
    label = await free.get_attribute("aria-label") or ""
    slots = await rival.get(
        f"/v1/stations/{station['station_id']}/slots",
        params={"day": day, "minutes": 60, "charger_id": charger},
    )
    zone = slots.json()["zone"]
    period = next(
        slot["period"]
        for slot in slots.json()["chargers"][0]["slots"]
        if label.startswith(_local(slot["period"]["start"], zone))
    )
    body = {"station_id": station["station_id"], "charger_id": charger, "period": period}
    token = (await rival.post("/v1/quotes", json=body)).json()["token"]
    await page.evaluate(NOTE_GREY, label[:5])
    key = {"Idempotency-Key": str(uuid4())}
    began = datetime.now(UTC).timestamp() * 1000
    held = (await rival.post("/v1/reservations", json={"quote": token}, headers=key)).json()
    await (
        page.get_by_role("radio", name=f"{label[:5]} to")
        .and_(page.get_by_role("radio", name="taken"))
        .wait_for()
    )
    at: float = await page.evaluate("window.greyAt")
    path = f"/v1/reservations/{held['reservation_id']}/cancellation"
    (await rival.post(path, json={}, headers={"Idempotency-Key": str(uuid4())})).raise_for_status()
    await (
        page.get_by_role("radio", name=f"{label[:5]} to")
        .and_(page.get_by_role("radio", name="free"))
        .wait_for()
    )
    return at - began


def _local(instant: str, zone: str) -> str:
    return f"{datetime.fromisoformat(instant).astimezone(ZoneInfo(zone)):%H:%M}"


async def _sign_in(client: httpx.AsyncClient) -> None:
    """As a sample person; further requests come as from a page of this origin."""
    client.headers["Sec-Fetch-Site"] = "same-origin"
    key = {"Idempotency-Key": str(uuid4())}
    answer = await client.post(
        "/v1/browser-sessions", json={"sample_role": "operator"}, headers=key
    )
    answer.raise_for_status()


async def _station_of(client: httpx.AsyncClient) -> dict[str, Any]:
    """The first in the list of who opens the app."""
    query: dict[str, Any] = {"lat": 52.52, "lon": 13.405, "radius": 5000, "bookable": True}
    found = (await client.get("/v1/stations", params=query)).json()["stations"][0]
    station: dict[str, Any] = (await client.get(f"/v1/stations/{found['station_id']}")).json()
    return station


def _show(figures: dict[str, float]) -> None:
    table = Table("figure", "found", "should be at most")
    for name, value in figures.items():
        limit = LIMITS.get(name)
        digits = 0 if value >= 10 else 3
        table.add_row(name, f"{value:,.{digits}f}", "" if limit is None else f"{limit:g}")
    console.print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
