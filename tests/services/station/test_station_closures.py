"""Closures, as the reservation service tells them, in the view of what is free."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace
from tests.harness import Harness, driver
from tests.services.station.supplies import ORGANISATION, STATION, a_booking, create_station

from evslot.embedded.throwaway import PostgresServer
from evslot.services.reservation import messages as reservation
from evslot.services.station import messages as station
from evslot.services.station.service import SERVICE
from evslot.values import ChargerId, Period

pytestmark = pytest.mark.anyio

OWNER = driver(organisations={ORGANISATION: "owner"})
HOUR = timedelta(hours=1)
NOON = (datetime.now(UTC) + timedelta(days=2)).replace(hour=12, minute=0, second=0, microsecond=0)
AFTERNOON = Period(NOON, NOON + 3 * HOUR)


@pytest.fixture
async def h(postgres_server: PostgresServer) -> AsyncIterator[Harness]:
    async with Harness(SERVICE, postgres_server) as harness:
        await harness.send(create_station(), caller=OWNER)
        yield harness


async def chargers(h: Harness) -> list[ChargerId]:
    view = await h.ask(station.GetStation(station_id=STATION))
    return [charger.charger_id for charger in view.chargers]


def closure(*charger_ids: ChargerId, version: int = 1) -> reservation.Closure:
    return reservation.Closure(
        closure_id=UUID(int=7),
        version=version,
        station_id=STATION,
        organisation_id=ORGANISATION,
        charger_ids=charger_ids,
        period=AFTERNOON,
        reason="new cables",
        state="standing",
        created_at=NOON,
        changed_at=NOON,
    )


async def hear(h: Harness, *told: reservation.Closure) -> None:
    await h.hear(*(reservation.ClosureChanged(closure=one, version=one.version) for one in told))


async def reasons(h: Harness, at: datetime) -> list[str | None]:
    """Of an hour, charger by charger."""
    query = station.GetSlots(station_id=STATION, day=at.date(), minutes=60)
    days = (await h.ask(query)).chargers
    return [slot.reason for day in days for slot in day.slots if slot.period.start == at]


async def test_a_closure_closes_its_chargers_for_its_period_alone(h: Harness) -> None:
    first, _ = await chargers(h)
    await hear(h, closure(first))
    assert await reasons(h, NOON) == ["closed", None]
    assert await reasons(h, NOON + 2 * HOUR) == ["closed", None]
    assert await reasons(h, NOON + 3 * HOUR) == [None, None]
    assert await reasons(h, NOON - HOUR) == ["closed", None]  # its buffer would reach into it
    assert await reasons(h, NOON - 2 * HOUR) == [None, None]


async def test_a_lifted_closure_gives_all_back_whatever_comes_late(h: Harness) -> None:
    first, second = await chargers(h)
    standing = closure(first, second)
    await hear(h, standing)
    assert await reasons(h, NOON) == ["closed", "closed"]
    await hear(h, replace(standing, version=2, state="lifted"))
    assert await reasons(h, NOON) == [None, None]
    await hear(h, standing, standing)
    assert await reasons(h, NOON) == [None, None]


async def test_a_later_version_may_let_a_charger_go(h: Harness) -> None:
    first, second = await chargers(h)
    await hear(h, closure(first, second), closure(second, version=2))
    assert await reasons(h, NOON) == [None, "closed"]


async def test_a_booking_inside_a_closure_is_still_a_booking(h: Harness) -> None:
    first, _ = await chargers(h)
    booking = a_booking(first, Period(NOON, NOON + HOUR))
    await hear(h, closure(first))
    await h.hear(reservation.ReservationConfirmed(reservation=booking, version=1))
    assert await reasons(h, NOON) == ["taken", None]
    assert await reasons(h, NOON + 2 * HOUR) == ["closed", None]


async def test_a_visit_that_ends_early_frees_the_rest(h: Harness) -> None:
    first, _ = await chargers(h)
    active = a_booking(first, AFTERNOON, state="active")
    await h.hear(reservation.ReservationStarted(reservation=active, version=1, by="driver"))
    assert await reasons(h, NOON + HOUR) == ["taken", None]
    done = replace(active, version=2, state="completed")
    await h.hear(reservation.ReservationCompleted(reservation=done, version=2, by="driver"))
    assert await reasons(h, NOON + HOUR) == [None, None]


async def test_what_a_kind_is_quoted_at_is_not_closed(h: Harness) -> None:
    first, second = await chargers(h)
    await hear(h, closure(first))
    wish = station.GetQuote(station_id=STATION, period=Period(NOON, NOON + HOUR))
    assert (await h.ask(wish)).quote.charger_id == second


async def test_an_old_closure_is_forgotten(h: Harness) -> None:
    first, _ = await chargers(h)
    over = Period(NOON - timedelta(days=20), NOON - timedelta(days=19))
    await hear(h, replace(closure(first), closure_id=uuid4(), period=over), closure(first))
    await h.execute("update busy set changed_at = now() - interval '9 days'")
    await h.run_periodic()
    assert await h.fetch_value("select count(*) from busy") == 1
