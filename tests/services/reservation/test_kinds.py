"""Bookings of a kind: the first charger that is free, in the quote's order, for many at once."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.harness import Harness, driver
from tests.services.reservation.acting import confirmed, hold, lapse, soon, wanting
from tests.services.reservation.made_up import CHARGER

from evslot.embedded.throwaway import PostgresServer
from evslot.services.reservation.messages import KindWish
from evslot.services.reservation.service import SERVICE
from evslot.services.station.messages import Candidate
from evslot.spine.message import Refused
from evslot.values import ChargerId

pytestmark = pytest.mark.anyio

CHARGERS = [CHARGER, *(ChargerId(UUID(int=number)) for number in range(1, 4))]
FITTING = tuple(
    Candidate(charger_id=charger, charger_label=f"A{number}")
    for number, charger in enumerate(CHARGERS, start=1)
)
KIND: dict[str, Any] = {"candidates": FITTING, "connector": "IEC_62196_T2", "min_watts": 11_000}


async def test_the_first_that_is_free_is_taken(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        start = soon()
        await confirmed(h, start, driver(), charger=CHARGERS[0])
        lapsed = await hold(h, start, driver(), charger=CHARGERS[1])
        await lapse(h, lapsed)
        booking = await hold(h, start, driver(), **KIND)
        assert (booking.charger_id, booking.charger_label) == (CHARGERS[1], "A2")
        assert booking.kind_of == KindWish(connector="IEC_62196_T2", min_watts=11_000)
        named = await hold(h, start, driver(), charger=CHARGERS[2])
        assert named.kind_of is None
        assert (await hold(h, start, driver(), **KIND)).charger_label == "A4"
        with pytest.raises(Refused) as no:
            await hold(h, start, driver(), **KIND)
        assert no.value.code == "slot_taken"
        kinds = await h.fetch("select kind, count(*) as n from reservation group by 1 order by 1")
        assert [(row["kind"], row["n"]) for row in kinds] == [("charger", 3), ("fitting", 2)]


async def test_ten_at_once_fill_four_chargers_and_six_are_refused(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        start = soon()
        wishes = [(wanting(start, **KIND), driver(), uuid4()) for _ in range(10)]
        answers = await h.submit_many(list(wishes))
        codes = [answer.code if answer else None for answer in answers]
        assert codes == [None] * 4 + ["slot_taken"] * 6, "first come, first served"
        taken = await h.fetch("select charger_id from occupancy")
        assert {row["charger_id"] for row in taken} == set(CHARGERS)
        assert len(h.events) == 4


async def test_a_pause_at_one_charger_is_none_at_another_that_fits(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me, start = driver(), soon()
        for hours in (0, 2):
            await lapse(h, await hold(h, soon(24 + hours), me, charger=CHARGERS[0]))
        with pytest.raises(Refused) as no:
            await hold(h, start, me, charger=CHARGERS[0])
        assert no.value.code == "hold_paused"
        assert (await hold(h, start, me, **KIND)).charger_label == "A2"
        only = {**KIND, "candidates": FITTING[:1]}
        with pytest.raises(Refused) as no:
            await hold(h, soon(40), me, **only)
        assert no.value.code == "hold_paused"
