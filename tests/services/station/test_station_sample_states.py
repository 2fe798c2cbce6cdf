"""What is said of the sample's chargers: told as anything is, and never over somebody's word."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.harness import Harness, driver
from tests.services.station.supplies import ORGANISATION, STATION, create_station

from evslot.embedded.throwaway import PostgresServer
from evslot.services.station import messages as station
from evslot.services.station.service import SERVICE
from evslot.spine.callers import SYSTEM
from evslot.values import ChargerId

pytestmark = pytest.mark.anyio

OWNER = driver(organisations={ORGANISATION: "owner"})
NOW = datetime.now(UTC)


@pytest.fixture
async def h(postgres_server: PostgresServer) -> AsyncIterator[Harness]:
    async with Harness(SERVICE, postgres_server) as harness:
        await harness.send(create_station(), caller=OWNER)
        harness.events.clear()
        yield harness


async def first(h: Harness) -> station.Charger:
    return (await h.ask(station.GetStation(station_id=STATION))).chargers[0]


def saying(charger_id: ChargerId, at: datetime) -> station.EnsureSampleStates:
    said = station.SampleState(charger_id=charger_id, state="OUTOFORDER", at=at)
    return station.EnsureSampleStates(states=(said,))


async def test_what_is_said_is_seen_and_told_once(h: Harness) -> None:
    charger = await first(h)
    command = saying(charger.charger_id, NOW - timedelta(hours=1))
    assert (await h.send(command, caller=SYSTEM)).said == 1
    now = await first(h)
    assert (now.state, now.state_source) == ("OUTOFORDER", "operator")
    (told,) = h.events
    assert isinstance(told, station.ChargerStateChanged)
    assert (told.charger, told.version) == (now, 1)
    assert (await h.send(command, caller=SYSTEM)).said == 0


async def test_what_somebody_said_since_stands(h: Harness) -> None:
    charger = await first(h)
    await h.send(
        station.SetChargerState(
            station_id=STATION, charger_id=charger.charger_id, state="AVAILABLE"
        ),
        caller=OWNER,
    )
    command = saying(charger.charger_id, NOW - timedelta(hours=1))
    assert (await h.send(command, caller=SYSTEM)).said == 0
    assert (await first(h)).state == "AVAILABLE"


async def test_only_the_system_says_so_and_only_in_development(
    h: Harness, postgres_server: PostgresServer
) -> None:
    command = saying((await first(h)).charger_id, NOW)
    answer = await h.submit(command, caller=OWNER)
    assert answer is not None
    assert answer.status == 403
    async with Harness(SERVICE, postgres_server, {"EVSLOT_ENVIRONMENT": "production"}) as there:
        answer = await there.submit(command, caller=SYSTEM)
        assert answer is not None
        assert answer.code == "sample_accounts_off"
