"""A system that was just filled has a past that agrees with itself, and people who act in it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid5

import pytest
from msgspec.structs import replace

from evslot.cli.history.filling import Place, fill
from evslot.cli.sample import IMPORT, sample_organisations, sample_parts
from evslot.cli.traffic.crowd import be_about
from evslot.gateway.answers import Session
from evslot.services.payment.messages import Statement
from evslot.services.reservation.messages import Reservation, Reservations
from evslot.services.station.messages import ImportStations, Position
from evslot.services.user import messages as user
from evslot.spine.asking import Asker
from evslot.spine.topics import Topics
from evslot.values import OrganisationId
from tests.journeys.people import Person, Town, eventually
from tests.journeys.running_system import RunningSystem

pytestmark = pytest.mark.anyio

HERE = Place(name="New York", middle=Position(40.73, -73.99), a_day=0.6, drivers=slice(0, 60))
MIDDLE = {"lat": 40.73, "lon": -73.99}
STATIONS = 2
"""Of each operator."""
NUMBERS = (397, 398, 399, 400)
"""Made-up drivers without a past."""
WANTED_ACTS = {"held", "paid", "came"}
ACT_SECONDS = 60.0
NO_PAUSE = (0.0, 0.02)


@pytest.fixture(scope="module")
async def said(system: RunningSystem) -> AsyncIterator[list[str]]:
    """A few stations of the sample, filled; what was said of it."""
    lines: list[str] = []
    async with Asker(system.bootstrap, Topics()) as asker:
        await asker.send(user.EnsureSampleOrganisations(organisations=sample_organisations()))
        for part in few_stations():
            await asker.send(part)
        filled = await fill(asker, lines.append, (HERE,))
        assert filled is not None
        assert filled.bookings > 300
        assert await fill(asker, lines.append, (HERE,)) is None, "once a day"
        yield lines


def few_stations() -> list[ImportStations]:
    """Parts of the sample's import, each of one operator."""
    found = []
    for part in sample_parts(1):
        few = [one for one in part.records if one["city"] == HERE.name][:STATIONS]
        number = uuid5(IMPORT, f"few of {part.import_id} {part.part}")
        if few:
            found.append(replace(part, import_id=number, records=few))
    return found


async def sample(town: Town, role: str) -> Person:
    """A sample person, signed in."""
    person = town.stranger()
    session = await person.post("/v1/sample-sessions", Session, {"role": role})
    person.token = session.access_token
    return person


async def test_a_filled_system_tells_operators_and_drivers_one_story(
    town: Town, said: list[str]
) -> None:
    assert len(said) == 1, "one line says what was done"
    now = datetime.now(UTC)
    driver = await sample(town, "driver")
    mine = [one for one in (await driver.bookings(limit=100)).reservations if _is_here(one)]
    assert [one.state for one in mine if one.period.start > now] == ["confirmed"]
    assert len(mine) == 6
    operator = await sample(town, "operator")
    owners = {part.bookable_as for part in few_stations() if part.bookable_as}

    async def books() -> list[tuple[dict[str, int], dict[str, int]]]:
        """Read again and again: what goes on meanwhile ends, and is paid for."""
        return [
            (await _owed(operator, owner), await _payable(operator, owner, now)) for owner in owners
        ]

    agreed = await eventually(books, lambda all_of: all(a == b for a, b in all_of), 60.0)
    assert len(agreed) == 3
    assert min(sum(owed.values()) for owed, _ in agreed) > 1000
    written_to = {address for mail in await town.all_mails() for address in mail["recipients"]}
    # Of tomorrow's booking the sample driver is reminded, like anybody; the others hear nothing.
    made_up = {one for one in written_to if one.startswith("driver") and "@sample." in one}
    assert made_up <= {"driver@sample.evslot.example"}


def _is_here(booking: Reservation) -> bool:
    return booking.zone == "America/New_York"


async def _owed(operator: Person, organisation_id: OrganisationId) -> dict[str, int]:
    """By the bookings, which the reservation service knows."""
    owed: Counter[str] = Counter()
    params: dict[str, Any] = {"limit": 100}
    while True:
        path = f"/v1/organisations/{organisation_id}/reservations"
        page = await operator.get(path, Reservations, params)
        for one in page.reservations:
            owed[one.total.currency] += _kept(one)
        if page.next_cursor is None:
            return dict(owed)
        params = {"limit": 100, "cursor": page.next_cursor}


def _kept(booking: Reservation) -> int:
    if booking.fee is not None:
        return booking.fee.amount
    is_taken = booking.payment_state == "captured"
    return booking.total.amount if is_taken else 0


async def _payable(
    operator: Person, organisation_id: OrganisationId, now: datetime
) -> dict[str, int]:
    """By the ledger, which the payment service keeps."""
    span = {
        "from": (now - timedelta(days=90)).isoformat(),
        "to": (now + timedelta(days=1)).isoformat(),
    }
    path = f"/v1/organisations/{organisation_id}/statements"
    statement = await operator.get(path, Statement, span)
    return {one.currency: one.payable for one in statement.sums}


@pytest.mark.usefixtures("said")
async def test_people_are_about_and_live_through_an_outage(system: RunningSystem) -> None:
    done: Counter[str] = Counter()
    told: list[str] = []
    about = asyncio.create_task(
        be_about(system.gateways[0], NUMBERS, MIDDLE, told.append, NO_PAUSE, done)
    )

    async def acts() -> Counter[str]:
        assert not about.done(), told
        return Counter(done)

    try:
        await eventually(acts, lambda seen: seen.keys() >= WANTED_ACTS, ACT_SECONDS)
        pid = system.pids()["gateway"]
        system.kill("gateway")
        await system.back_after({"gateway": pid}, ACT_SECONDS)
        before = done.total()
        await eventually(acts, lambda seen: seen.total() > before + 2, ACT_SECONDS)
    finally:
        about.cancel()
    with pytest.raises(asyncio.CancelledError):
        await about
    assert told == []
