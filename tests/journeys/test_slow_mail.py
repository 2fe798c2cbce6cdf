"""A mail server away for a minute and then slow by five seconds a mail: bookings do not notice."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import pytest

from evslot.embedded.ports import LOOPBACK, free_port
from evslot.services.station.messages import StationView
from tests.journeys.people import Person, Town, eventually, tomorrow
from tests.journeys.running_system import RunningSystem

pytestmark = pytest.mark.anyio

DRIVERS = 8
AWAY_SECONDS = 60.0
SLOW_SECONDS = 5.0
SLOW_FOR = 40.0
PAUSE = 4.0
"""Between two bookings of one driver: this is no load test."""
ARRIVED_SECONDS = 400.0
"""The last try may be a minute off when the server comes back; then eight mails go at a time."""

log = logging.getLogger(__name__)


class MailGate:
    """Stands before the mail catcher: lets mails through, slowly, or is not there at all."""

    def __init__(self, port: int, catcher: int) -> None:
        self.port = port
        self.delay_seconds = 0.0
        self._catcher = catcher
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port)

    def close(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self.delay_seconds)
        onward, back = await asyncio.open_connection(LOOPBACK, self._catcher)
        await asyncio.gather(_pour(reader, back), _pour(onward, writer))


async def _pour(source: asyncio.StreamReader, drain: asyncio.StreamWriter) -> None:
    try:
        while piece := await source.read(65_536):
            drain.write(piece)
            await drain.drain()
    except ConnectionError:
        log.info("a mail connection broke off")
    finally:
        drain.close()


@asynccontextmanager
async def gated(cache_dir: Path) -> AsyncIterator[tuple[RunningSystem, MailGate]]:
    """A system of its own whose mails go through a gate."""
    system = RunningSystem(cache_dir, {})
    gate = MailGate(free_port(), system.mail_smtp_port)
    system.environment["EVSLOT_NOTIFICATION_SMTP_PORT"] = str(gate.port)
    try:
        await asyncio.to_thread(system.start)
        await gate.open()
        yield system, gate
        gate.close()
    finally:
        await asyncio.to_thread(system.stop)


@pytest.mark.prove
async def test_bookings_do_not_notice_and_every_mail_arrives_once(cache_dir: Path) -> None:
    async with gated(cache_dir) as (system, gate):
        town = Town(system)
        operator = await town.sign_up()
        await operator.make_organisation()
        drivers = [await town.sign_up() for _ in range(DRIVERS)]
        stations = [await operator.fresh_station(chargers=20) for _ in drivers]
        codes: dict[str, str] = {}
        calm = await booked(drivers, stations, codes, days=2, seconds=20.0)
        gate.close()
        await asyncio.sleep(1.0)  # what was let through before
        before = len(await town.all_mails())
        away = await booked(drivers, stations, codes, days=3, seconds=AWAY_SECONDS)
        assert len(await town.all_mails()) == before, "no way around the gate"
        gate.delay_seconds = SLOW_SECONDS
        await gate.open()
        slow = await booked(drivers, stations, codes, days=4, seconds=SLOW_FOR)
        begun = time.monotonic()
        arrived = await all_arrived(town, codes)
        log.info("calm %s, away %s, slow %s", *map(figures, (calm, away, slow)))
        log.info("%s mails, the last %.0f s later", len(codes), time.monotonic() - begun)
        await town.close()
    assert arrived == Counter(dict.fromkeys(codes, 1))
    for times in (away, slow):
        assert median(times) < 2 * median(calm) + 0.05
        assert max(times) < 5.0


async def booked(
    drivers: list[Person],
    stations: list[StationView],
    codes: dict[str, str],
    *,
    days: int,
    seconds: float,
) -> list[float]:
    """Seconds from hold to confirmed of each booking; `codes` says whose mail must come."""
    until = time.monotonic() + seconds

    async def book(driver: Person, station: StationView) -> list[float]:
        took = []
        for number in range(20 * 12):
            if time.monotonic() > until:
                break
            window = tomorrow(hour=6 + number // 20, days=days)
            quote = await driver.quote(station, window, number % 20)
            begun = time.monotonic()
            paid = await driver.pay(await driver.hold(quote))
            took.append(time.monotonic() - begun)
            assert paid.reservation.state == "confirmed"
            codes[paid.reservation.code] = driver.email
            await asyncio.sleep(PAUSE)
        return took

    found = await asyncio.gather(*map(book, drivers, stations))
    return [one for took in found for one in took]


async def all_arrived(town: Town, codes: dict[str, str]) -> Counter[str]:
    """How many mails confirm each booking, once there is one for each (and a while longer)."""
    texts: dict[int, str] = {}

    async def confirmations() -> Counter[str]:
        for mail in await town.all_mails():
            if mail["subject"].startswith("Booked") and mail["number"] not in texts:
                texts[mail["number"]] = (await town.mail(mail["number"]))["text"]
        return Counter(code for code in codes for text in texts.values() if code in text)

    await eventually(confirmations, lambda found: len(found) == len(codes), ARRIVED_SECONDS)
    await asyncio.sleep(2 * SLOW_SECONDS)
    return await confirmations()


def figures(times: list[float]) -> str:
    """Of one phase."""
    return f"{len(times)} bookings, median {median(times):.3f} s, longest {max(times):.3f} s"
