"""Closures while others want the same: no rival gets in, no hole and no rest is left."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.harness import Harness, driver
from tests.services.reservation.acting import confirmed, soon, wanting
from tests.services.reservation.closing import (
    HOLES,
    HOUR,
    MINUTE,
    OTHER,
    close,
    closing,
    holes,
    know_station,
    owner,
)
from tests.services.reservation.made_up import CHARGER, STATION

from evslot.embedded.throwaway import PostgresServer
from evslot.services.reservation.messages import (
    CancelReservation,
    GetClosure,
    LiftClosure,
)
from evslot.services.reservation.service import SERVICE
from evslot.spine.callers import Caller
from evslot.spine.message import Answer

pytestmark = pytest.mark.anyio

Batch = list[tuple[Any, Caller, UUID]]


def rivals(dice: random.Random, start: datetime, count: int = 100) -> Batch:
    """Holds of any length anywhere in ten hours, on two chargers."""
    return [
        (
            wanting(
                start + dice.randrange(40) * 15 * MINUTE,
                minutes=15 * dice.randint(1, 4),
                charger=dice.choice((CHARGER, OTHER)),
                buffer=timedelta(0),
            ),
            driver(),
            uuid4(),
        )
        for _ in range(count)
    ]


def codes(answers: Sequence[Answer | None]) -> set[str | None]:
    return {answer.code for answer in answers if answer is not None}


@pytest.mark.parametrize("seed", range(6))
async def test_no_rival_gets_into_a_closure_over_ten_live_bookings(
    postgres_server: PostgresServer, seed: int
) -> None:
    """A hundred holds and five cancels in the instant of the closure, on many connections: who
    comes before it is touched by it, who comes after is refused."""
    dice = random.Random(seed)
    async with Harness(SERVICE, postgres_server) as h:
        await know_station(h, CHARGER, OTHER)
        start, drivers = soon(48), [driver() for _ in range(10)]
        living = [
            await confirmed(
                h, start + number % 5 * 2 * HOUR, one, charger=(CHARGER, OTHER)[number // 5]
            )
            for number, one in enumerate(drivers)
        ]
        command = closing(start, 10)
        cancels = [
            (CancelReservation(reservation_id=booking.reservation_id), one, uuid4())
            for booking, one in zip(living, drivers, strict=True)
        ]
        crowd = rivals(dice, start)
        work: list[Batch] = [crowd[place : place + 10] for place in range(0, 100, 10)]
        work += [[cancel] for cancel in cancels[:5]]
        work.insert(dice.randrange(len(work)), [(command, owner(), command.closure_id)])
        said = await h.submit_at_once(work)
        assert set().union(*map(codes, said)) <= {None, "slot_taken"}
        assert h.dead == []

        question = GetClosure(station_id=STATION, closure_id=command.closure_id)
        closed = await h.ask(question, caller=owner())
        assert await holes(h, closed) == []
        touched = {one.reservation_id for one in closed.touched}
        alive = await h.fetch("select ref from occupancy where kind in ('hold', 'booking')")
        assert {booking.reservation_id for booking in living[5:]} <= touched
        assert {row["ref"] for row in alive} <= touched
        assert closed.touched_total == len(touched)

        assert codes(await h.submit_many(rivals(dice, start))) == {"slot_taken"}
        for cancel in cancels[5:]:
            assert codes(await h.submit_many([cancel, *rivals(dice, start, 10)])) == {
                None,
                "slot_taken",
            }
            assert await holes(h, closed) == []


@pytest.mark.parametrize("seed", range(4))
async def test_closures_and_lifts_at_once_leave_no_hole_and_no_rest(
    postgres_server: PostgresServer, seed: int
) -> None:
    """Standing closures have all that no booking has; a lifted one has nothing."""
    dice = random.Random(seed)
    async with Harness(SERVICE, postgres_server) as h:
        await know_station(h, CHARGER, OTHER)
        start, me = soon(48), driver()
        living = [await confirmed(h, start + hour * HOUR, me, minutes=30) for hour in range(4)]
        made = [await close(h, start + number * HOUR, 3) for number in range(3)]
        work: list[Batch] = [
            [(LiftClosure(station_id=STATION, closure_id=one.closure.closure_id), owner(), uuid4())]
            for one in made[:2]
        ]
        work += [
            [(CancelReservation(reservation_id=one.reservation_id), me, uuid4())] for one in living
        ]
        work += [[(closing(start, 5), owner(), uuid4())]]
        dice.shuffle(work)
        said = await h.submit_at_once(work)
        assert set().union(*map(codes, said)) == {None}
        rows = await h.fetch("select closure_id, state from closure order by created_at")
        assert [row["state"] for row in rows].count("lifted") == 2
        left = await h.fetch(
            "select c.closure_id from closure c join occupancy o on o.ref = c.closure_id"
            " where c.state = 'lifted'"
        )
        assert left == []
        assert await h.fetch(HOLES, [CHARGER, OTHER], start, start + 5 * HOUR) == []
