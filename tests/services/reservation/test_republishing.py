"""`evslot republish reservation`: what views that missed events need, and no long statements."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace
from tests.harness import Harness, driver
from tests.services.reservation.acting import cancel, confirmed, hold, paid, soon
from tests.services.reservation.copies import copy_booking

from evslot.embedded.throwaway import PostgresServer
from evslot.services.reservation.handlers import keeping
from evslot.services.reservation.messages import ReservationSettled
from evslot.services.reservation.service import SERVICE
from evslot.spine.republishing import republish
from evslot.spine.transaction import Transaction

pytestmark = pytest.mark.anyio


async def test_republishing_tells_again_how_each_booking_stands(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What moved only money tells nobody that a booking is given up: the line before does."""
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        await copy_booking(h, await hold(h, soon(24), driver()), 5, timedelta(days=-9))
        gone = await cancel(h, await confirmed(h, soon(48), me), me)
        await h.answer_asked(h.sent[-1], paid(h.sent[-1], "voided"))
        await confirmed(h, soon(72), me)
        await cancel(h, await confirmed(h, soon(96), me), me)
        await h.run_periodic()
        last: dict[Any, Any] = {}
        for event in h.events:
            if event.reservation.period.start > soon(0):  # type: ignore[attr-defined]
                last[event.reservation.reservation_id] = event  # type: ignore[attr-defined]
        before = len(h.events)
        looked = looking(h, monkeypatch, at_once=2)
        assert await republish(h.wiring, h.handlers, h.database) == len(last) + 1 == 5
        assert len(looked) == 6, "nine are looked at two at a time, past ones too"
        await h._collect()
        again: list[Any] = list(h.events[before:])
        assert {e.reservation.reservation_id: e for e in again} == last
        twice = gone.reservation.reservation_id
        first, second = [e for e in again if e.reservation.reservation_id == twice]
        voided = replace(gone.reservation, payment_state="voided")
        told = (first.reservation, first.version, first.by)
        assert told == (voided, gone.reservation.version, "driver")
        assert isinstance(second, ReservationSettled)


def looking(h: Harness, monkeypatch: pytest.MonkeyPatch, at_once: int) -> list[UUID | None]:
    """Where the pages of a republish of bookings begin."""
    begun: list[UUID | None] = []

    async def page(tx: Transaction, after: UUID | None) -> UUID | None:
        begun.append(after)
        return await keeping.republish_bookings(tx, after)

    others = [one for one in h.handlers.republishing if one is not keeping.republish_bookings]
    monkeypatch.setattr(keeping, "REPUBLISHED_AT_ONCE", at_once)
    monkeypatch.setattr(h.handlers, "republishing", [page, *others])
    return begun
