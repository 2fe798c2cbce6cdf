"""A batch of holds, however it is cut, ends as if they had come one by one; in four statements."""

import itertools
import random
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.harness import Harness, driver
from tests.services.reservation.acting import lapse, soon, wanting

from evslot.embedded.throwaway import PostgresServer
from evslot.services.reservation.handlers import hold_slots
from evslot.services.reservation.messages import HoldSlot, SlotHeld
from evslot.services.reservation.service import SERVICE
from evslot.spine.callers import Caller
from evslot.spine.effects import Effects
from evslot.spine.handling import Received
from evslot.spine.transaction import Transaction
from evslot.values import ChargerId

pytestmark = pytest.mark.anyio

QUARTER = timedelta(minutes=15)
START = soon(30)
Wanted = tuple[int, int, int, int]
"""Driver, charger, start and length in quarters of an hour."""


class World:
    """Three drivers and three chargers of their own, so that worlds share a database."""

    def __init__(self, h: Harness) -> None:
        self.h = h
        self.drivers = [driver() for _ in range(3)]
        self.chargers = sorted(ChargerId(uuid4()) for _ in range(3))
        self._names: dict[Any, int] = {
            name: number
            for names in (self.chargers, [d.user_id for d in self.drivers])
            for number, name in enumerate(names)
        }

    def told(self, wanted: Wanted) -> tuple[HoldSlot, Caller, UUID]:
        who, where, start, length = wanted
        command = wanting(
            START + start * QUARTER, minutes=length * 15, charger=self.chargers[where]
        )
        return command, self.drivers[who], uuid4()

    async def hold(self, batch: list[Wanted]) -> list[str | None]:
        """The code of each refusal; None where the slot was had."""
        answers = await self.h.submit_many([self.told(wanted) for wanted in batch])
        return [answer.code for answer in answers if answer is not None]

    async def let_lapse(self, every: int) -> None:
        """Each so-many-th hold lapses."""
        rows = await self.h.fetch(
            "select reservation_id from reservation where state = 'held'"
            " and charger_id = any($1) order by charger_id, period",
            self.chargers,
        )
        lapsed = {row["reservation_id"] for row in rows[::every]}
        held = [
            event.reservation
            for event in self.h.events
            if isinstance(event, SlotHeld) and event.reservation.reservation_id in lapsed
        ]
        await lapse(self.h, *held)

    async def state(self) -> Any:
        """All bookings and claims, by the numbers of their drivers and chargers."""
        bookings = await self.h.fetch(
            "select charger_id, driver_id, state, version, period, occupied from reservation"
            " where charger_id = any($1)",
            self.chargers,
        )
        claims = await self.h.fetch(
            "select charger_id, during, kind, ref from occupancy where charger_id = any($1)",
            self.chargers,
        )
        return (
            sorted(
                (
                    self._names[row["charger_id"]],
                    self._names[row["driver_id"]],
                    row["state"],
                    row["version"],
                    str(row["period"]),
                    str(row["occupied"]),
                )
                for row in bookings
            ),
            sorted(
                (self._names[row["charger_id"]], str(row["during"]), row["kind"]) for row in claims
            ),
        )


def drawn(dice: random.Random, count: int) -> list[Wanted]:
    return [
        (dice.randrange(3), dice.randrange(3), dice.randrange(12), dice.randint(1, 4))
        for _ in range(count)
    ]


def split(dice: random.Random, batch: list[Wanted]) -> list[list[Wanted]]:
    cuts = sorted({0, len(batch), *(dice.randrange(len(batch)) for _ in range(dice.randrange(3)))})
    return [batch[a:b] for a, b in itertools.pairwise(cuts)]


@pytest.mark.parametrize("seed", range(8))
async def test_any_split_of_a_batch_equals_the_serial_run(
    postgres_server: PostgresServer, seed: int
) -> None:
    dice = random.Random(seed)
    async with Harness(SERVICE, postgres_server, LOOSE) as h:
        for _ in range(4):
            serial, batched = World(h), World(h)
            for _ in range(3):
                batch, every = drawn(dice, dice.randint(2, 14)), dice.randint(2, 4)
                one_by_one = [code for wanted in batch for code in await serial.hold([wanted])]
                in_batches = [
                    code for part in split(dice, batch) for code in await batched.hold(part)
                ]
                assert one_by_one == in_batches
                assert await serial.state() == await batched.state()
                await serial.let_lapse(every)
                await batched.let_lapse(every)


async def test_a_rival_in_the_same_batch_never_gets_a_buffer_that_was_cut_for_its_owner(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        world = World(h)
        assert await world.hold([(0, 0, 0, 4)]) == [None]
        rival, owner, late = (1, 0, 4, 2), (0, 0, 4, 2), (2, 0, 8, 2)
        assert await world.hold([late, rival, owner]) == [None, "slot_taken", None]


LOOSE = {"EVSLOT_RESERVATION_LIVE_HOLDS": "8", "EVSLOT_RESERVATION_LAPSED_HOLDS": "3"}
"""More holds a driver than usual, so that the drawn batches are about slots too."""


class Counting(Transaction):
    """Counts its statements."""

    statements = 0

    async def _before(self, sql: str) -> None:
        self.statements += 1
        await super()._before(sql)


@pytest.mark.parametrize("size", [1, 50])
async def test_a_batch_takes_three_statements_whatever_its_size(
    postgres_server: PostgresServer, size: int
) -> None:
    async with (
        Harness(SERVICE, postgres_server) as h,
        h.database.transaction() as connection,
    ):
        tx = Counting(
            connection,
            await connection.fetchval("select now()"),
            h.wiring,
            Effects(),
            caller=driver(),
            command_id=uuid4(),
        )
        received = [
            Received(
                command=wanting(soon(), charger=ChargerId(uuid4())),
                caller=driver(),
                command_id=uuid4(),
            )
            for _ in range(size)
        ]
        answers = await hold_slots(received, tx)
        assert all(isinstance(answer, SlotHeld) for answer in answers)
        assert tx.statements == 3
