"""A hundred accounts that pay for nothing cannot keep a place from those who would."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from tests.harness import Harness, driver
from tests.services.reservation.acting import confirmed, hold, wanting

from evslot.embedded.throwaway import PostgresServer
from evslot.services.reservation.service import SERVICE
from evslot.spine.message import Refused
from evslot.values import ChargerId

pytestmark = pytest.mark.anyio

CHARGERS = [ChargerId(UUID(int=number + 1)) for number in range(10)]
ON = {"EVSLOT_RESERVATION_NEWCOMER_HOLDS": "1"}
HOURS = 22
"""Of one local day, from three in the morning in winter on."""
BOTS = 100
SHARE = 0.05


def morning() -> datetime:
    """Of a day some days off, so that no hour of it is over or begins soon."""
    later = datetime.now(UTC) + timedelta(days=4)
    return later.replace(hour=0, minute=0, second=0, microsecond=0)


async def grab(h: Harness) -> int:
    """Every bot wants three slots of one day, all different; answers how many they hold."""
    slots = [(charger, hour) for hour in range(HOURS) for charger in CHARGERS]
    bots = [driver() for _ in range(BOTS)]
    wanted = list(zip(slots, [bot for bot in bots for _ in range(3)], strict=False))
    answers = await h.submit_many(
        [
            (
                wanting(morning() + timedelta(hours=hour), charger=charger, buffer=timedelta(0)),
                bot,
                uuid4(),
            )
            for (charger, hour), bot in wanted
        ]
    )
    assert {answer.code for answer in answers if answer and not answer.ok} <= {"charger_crowded"}
    return sum(answer.ok for answer in answers if answer)


async def test_a_hundred_bots_hold_less_than_a_twentieth_of_a_day(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server, ON) as h:
        got = await grab(h)
        assert 0 < got <= SHARE * HOURS * len(CHARGERS)


async def test_without_the_limit_they_hold_all_there_is(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        assert await grab(h) == HOURS * len(CHARGERS)


async def test_who_has_paid_before_holds_beside_them(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server, ON) as h:
        known = driver()
        await confirmed(h, morning() + timedelta(days=1), known)
        await hold(h, morning() + timedelta(hours=3), driver())
        await hold(h, morning() + timedelta(hours=5), known)
        with pytest.raises(Refused, match="charger_crowded"):
            await hold(h, morning() + timedelta(hours=7), driver())
        await hold(h, morning() + timedelta(days=1, hours=7), driver())  # another day


async def test_a_newcomer_who_pays_makes_room_for_the_next(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server, ON) as h:
        await confirmed(h, morning() + timedelta(hours=3), driver())
        held = await hold(h, morning() + timedelta(hours=5), driver())
        with pytest.raises(Refused, match="charger_crowded"):
            await hold(h, morning() + timedelta(hours=7), driver())
        await h.execute(
            "update reservation set held_until = now() - interval '1 second'"
            " where reservation_id = $1",
            held.reservation_id,
        )
        await hold(h, morning() + timedelta(hours=7), driver())
