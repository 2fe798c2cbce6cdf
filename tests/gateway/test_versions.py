"""Evslot-Version: views wait for what the caller has written, a while, or say how old they are.

That the routes do so over HTTP is shown by tests/journeys/test_own_writes.py.
"""

from typing import Any
from uuid import UUID

import pytest
from litestar import Request
from msgspec.structs import replace

from evslot.gateway import versions
from evslot.gateway.versions import Written
from evslot.services.notification import messages as notification
from evslot.services.payment.messages import ProviderView
from evslot.services.reservation import messages as reservation
from evslot.services.station import messages as station
from evslot.values import Money
from tests.gateway.made_up import booking

HELD = replace(booking(), version=3)
NOTHING = Money(0, "EUR")
ID = "0190f1a2b3c47d5e8f90a1b2c3d4e5f6"


class View:
    """What a service knows of a booking: further with every question; the last word stays."""

    def __init__(self, *known: int) -> None:
        self.known = list(known)
        self.asked: list[Any] = []

    async def ask(self, question: Any) -> Any:
        self.asked.append(question)
        version = self.known.pop(0) if len(self.known) > 1 else self.known[0]
        return station.KnownVersion(version=version)


def request(header: str | None) -> Request[Any, Any, Any]:
    headers = [] if header is None else [(b"evslot-version", header.encode("latin-1"))]
    scope: Any = {"type": "http", "headers": headers}
    return Request(scope)


@pytest.mark.parametrize(
    "outcome",
    [
        HELD,
        reservation.SlotHeld(reservation=HELD, version=3),
        reservation.PaymentOutcome(reservation=HELD),
        reservation.Cancellation(reservation=HELD, fee=NOTHING, refund=NOTHING),
        reservation.ReservationDetails(reservation=HELD, story=[], cancel_fee_now=None),
    ],
    ids=lambda outcome: type(outcome).__name__,
)
def test_an_answer_about_a_booking_tells_a_version_that_is_understood_again(outcome: Any) -> None:
    written = versions.written_in(outcome)
    assert written == Written(HELD.reservation_id, 3, "held")
    assert versions.wanted_by(request(written.header().decode())) == written


def test_other_answers_tell_none() -> None:
    for outcome in (
        None,
        reservation.Reservations(reservations=[HELD]),
        ProviderView(name="simulated", moves_money=False),
    ):
        assert versions.written_in(outcome) is None


@pytest.mark.parametrize(
    "wrong",
    [None, "", "x", f"{UUID(ID)}.3.held", f"{ID}.0.held", f"{ID}.3.", "é" * 40,
     f"{ID}.{'9' * 30}.held", "a" * 5000],
)  # fmt: skip
def test_what_is_no_version_is_no_wish(wrong: str | None) -> None:
    assert versions.wanted_by(request(wrong)) is None


@pytest.mark.anyio
async def test_a_view_is_asked_until_it_knows_the_version() -> None:
    view = View(0, 2, 4)
    written = Written(HELD.reservation_id, 3, "held")
    assert await versions.known_to_station(written, view.ask) is None
    assert len(view.asked) == 3
    assert view.asked[0] == station.GetKnownVersion(reservation_id=HELD.reservation_id)


@pytest.mark.anyio
async def test_a_view_that_does_not_come_is_answered_with_its_age() -> None:
    view = View(2)
    age = await versions.known_to_station(Written(HELD.reservation_id, 3, "held"), view.ask)
    assert age is not None
    assert age >= versions.WAIT_SECONDS
    assert len(view.asked) < 12, "each waits longer than the one before"


@pytest.mark.anyio
async def test_of_a_hold_the_notification_service_keeps_nothing_and_is_not_asked() -> None:
    view = View(3)
    held = Written(HELD.reservation_id, 3, "held")
    assert await versions.known_to_notification(held, view.ask) is None
    assert view.asked == []
    stands = Written(HELD.reservation_id, 3, "confirmed")
    assert await versions.known_to_notification(stands, view.ask) is None
    assert view.asked == [notification.GetKnownVersion(reservation_id=HELD.reservation_id)]
