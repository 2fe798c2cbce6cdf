"""The drivers who fill the sample: accounts like any, in development alone."""

import pytest
from tests.harness import Harness, driver

from evslot.embedded.throwaway import PostgresServer
from evslot.services.user.domain.samples import MADE_UP_DRIVERS, made_up_driver
from evslot.services.user.messages import EnsureSampleDrivers, OpenSampleSession
from evslot.services.user.service import SERVICE
from evslot.spine.callers import SYSTEM

pytestmark = pytest.mark.anyio


async def test_made_up_drivers_are_made_once_and_can_sign_in(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        drivers = (await h.send(EnsureSampleDrivers(), caller=SYSTEM)).user_ids
        assert len(set(drivers)) == MADE_UP_DRIVERS
        assert len(h.events) == MADE_UP_DRIVERS
        assert (await h.send(EnsureSampleDrivers(), caller=SYSTEM)).user_ids == drivers
        assert len(h.events) == MADE_UP_DRIVERS, "told once"
        seventh = await h.send(OpenSampleSession(role="driver", number=7))
        assert seventh.user_id == drivers[6] == made_up_driver(7).user_id
        plain = await h.send(OpenSampleSession(role="driver"))
        assert plain.user_id not in drivers


async def test_there_are_no_made_up_drivers_in_production(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        answer = await h.submit(EnsureSampleDrivers(), caller=driver())
        assert answer is not None
        assert answer.status == 403
    async with Harness(SERVICE, postgres_server, {"EVSLOT_ENVIRONMENT": "production"}) as h:
        for command in (EnsureSampleDrivers(), OpenSampleSession(role="driver", number=7)):
            answer = await h.submit(command, caller=SYSTEM)
            assert answer is not None
            assert answer.code == "sample_accounts_off"
        assert await h.fetch("select from account") == []
