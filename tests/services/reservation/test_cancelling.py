"""CancelReservation: who may, what it costs, where the money goes; and what is shown of it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from tests.harness import Harness, driver
from tests.services.reservation.acting import (
    cancel,
    claims,
    confirmed,
    hold,
    lapse,
    names,
    now_of,
    paid,
    pay,
    soon,
)
from tests.services.reservation.made_up import ORGANISATION

from evslot.embedded.throwaway import PostgresServer
from evslot.services.payment import messages as payment
from evslot.services.reservation.messages import (
    CancelReservation,
    GetReservation,
    ListReservations,
    Reservation,
    ReservationCancelled,
)
from evslot.services.reservation.service import SERVICE
from evslot.services.user.messages import UserErased
from evslot.spine.callers import ANONYMOUS, Caller
from evslot.spine.message import Personal, Refused
from evslot.values import ChargerId, Money, OrganisationId, UserId

pytestmark = pytest.mark.anyio

MINUTE = timedelta(minutes=1)


def euros(amount: int) -> Money:
    return Money(amount, "EUR")


async def later(h: Harness, booking: Reservation) -> None:
    """More than ten minutes have passed since it was confirmed."""
    await h.execute(
        "update reservation set confirmed_at = confirmed_at - interval '11 minutes'"
        " where reservation_id = $1",
        booking.reservation_id,
    )


async def half_kept(h: Harness, me: Caller) -> Reservation:
    """A booking in half an hour, of which a cancel keeps a half by now."""
    booking = await confirmed(h, datetime.now(UTC) + 30 * MINUTE, me)
    await later(h, booking)
    return booking


async def code_of(work: Any) -> str:
    with pytest.raises(Refused) as no:
        await work
    return no.value.code


async def test_a_hold_is_released_without_fee(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me, start = driver(), soon()
        held = await hold(h, start, me)
        released = await cancel(h, held, me)
        assert released.reservation.state == "released"
        assert (released.fee, released.refund) == (euros(0), euros(0))
        assert names(h.events) == ["SlotHeld", "HoldReleased"]
        assert h.sent == []
        await hold(h, start, driver())


async def test_in_time_all_is_let_go(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me, start = driver(), soon()
        booking = await confirmed(h, start, me)
        await later(h, booking)
        cancelled = await cancel(h, booking, me)
        assert cancelled.reservation.state == "cancelled"
        assert (cancelled.fee, cancelled.refund) == (euros(0), euros(640))
        assert await claims(h) == []
        asked = h.sent[-1]
        assert isinstance(asked.command, payment.VoidPayment)
        assert asked.command.payment_id == booking.payment_id
        await h.answer_asked(asked, paid(asked, "voided"))
        assert names(h.events)[-2:] == ["ReservationCancelled", "ReservationSettled"]
        assert (await now_of(h, booking, me)).payment_state == "voided"
        event = h.events[-2]
        assert isinstance(event, ReservationCancelled)
        assert (event.by, event.fee, event.refund) == ("driver", euros(0), euros(640))


async def test_late_the_fee_is_taken_from_what_was_authorised(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        booking = await half_kept(h, me)
        cancelled = await cancel(h, booking, me)
        assert (cancelled.fee, cancelled.refund) == (euros(320), euros(320))
        asked = h.sent[-1]
        assert isinstance(asked.command, payment.CapturePayment)
        assert asked.command.amount == euros(320)
        await h.answer_asked(asked, paid(asked, "captured"))
        settled = await now_of(h, booking, me)
        assert (settled.state, settled.payment_state, settled.fee) == (
            "cancelled",
            "captured",
            euros(320),
        )


async def test_what_was_taken_in_advance_is_given_back(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        booking = await confirmed(h, soon(24 * 8), me)
        await later(h, booking)
        await cancel(h, booking, me)
        asked = h.sent[-1]
        assert isinstance(asked.command, payment.RefundPayment)
        assert asked.command.amount == euros(640)
        await h.answer_asked(asked, paid(asked, "refunded"))
        assert (await now_of(h, booking, me)).payment_state == "refunded"


async def test_where_all_is_kept_of_what_was_taken_nothing_is_left_to_do(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        booking = await confirmed(h, datetime.now(UTC) + 5 * MINUTE, me)
        await later(h, booking)
        await h.execute("update reservation set payment_state = 'captured'")
        cancelled = await cancel(h, booking, me)
        assert (cancelled.fee, cancelled.refund) == (euros(640), euros(0))
        assert len(h.sent) == 1
        assert names(h.events)[-2:] == ["ReservationCancelled", "ReservationSettled"]


async def test_a_settlement_that_is_refused_waits_for_a_person(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        await cancel(h, await confirmed(h, soon(), me), me)
        await h.answer_asked(h.sent[-1], payment.NotVoidable())
        stuck = await h.fetch("select name, state, reason from saga where state = 'stuck'")
        assert [tuple(row) for row in stuck] == [("settlement", "stuck", "not_voidable")]


async def test_cancelled_twice_is_refused_but_the_same_command_is_answered_again(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        booking = await confirmed(h, soon(), me)
        command = CancelReservation(
            reservation_id=booking.reservation_id, reason=Personal("plans changed")
        )
        first = await h.send(command, caller=me, key="once")
        assert await h.send(command, caller=me, key="once") == first
        assert await code_of(h.send(command, caller=me, key="twice")) == "not_cancellable"
        assert names(h.sent).count("VoidPayment") == 1


async def test_a_cancel_never_costs_more_than_was_agreed_to(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        booking = await half_kept(h, me)
        told = len(h.events)
        for agreed in (0, 319):
            wish = CancelReservation(reservation_id=booking.reservation_id, max_fee=agreed)
            assert await code_of(h.send(wish, caller=me)) == "cancel_costs_more"
        assert (await now_of(h, booking, me)).state == "confirmed"
        assert len(h.events) == told
        wish = CancelReservation(reservation_id=booking.reservation_id, max_fee=320)
        assert (await h.send(wish, caller=me)).fee == euros(320)


async def test_only_the_driver_and_the_operator_cancel(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        booking = await half_kept(h, me)
        elsewhere = OrganisationId(uuid4())
        for stranger in (
            driver(),
            driver(organisations={elsewhere: "owner"}),
            driver(organisations={ORGANISATION: "viewer"}),
        ):
            assert await code_of(cancel(h, booking, stranger)) == "reservation_not_found"
        assert await code_of(cancel(h, booking, ANONYMOUS)) == "unauthenticated"
        staff = driver(organisations={ORGANISATION: "manager"})
        cancelled = await cancel(h, booking, staff)
        assert (cancelled.fee, cancelled.refund) == (euros(0), euros(640))
        event = h.events[-1]
        assert isinstance(event, ReservationCancelled)
        assert event.by == "operator"


@pytest.mark.parametrize(
    ("reason", "taken"),
    [
        ("🚗 broke\ndown, 👨\u200d👩\u200d👧 waiting", True),
        ("x" * 500, True),
        ("x" * 501, False),
        ("nul \0", False),
    ],
)
async def test_a_reason_is_text_of_a_bounded_length(
    postgres_server: PostgresServer, reason: str, taken: bool
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        held = await hold(h, soon(), me)
        command = CancelReservation(reservation_id=held.reservation_id, reason=Personal(reason))
        answer = await h.submit(command, caller=me)
        assert answer is not None
        assert answer.code == (None if taken else "reason_invalid")


async def test_what_is_over_is_not_cancelled(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        held = await hold(h, soon(), me)
        await lapse(h, held)
        assert await code_of(cancel(h, held, me)) == "not_cancellable"
        await h.run_periodic()
        assert await code_of(cancel(h, held, me)) == "not_cancellable"


async def test_a_booking_is_shown_with_its_story_and_what_a_cancel_costs(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        booking = await half_kept(h, me)
        question = GetReservation(reservation_id=booking.reservation_id)
        details = await h.ask(question, caller=me)
        assert [(line.what, line.by) for line in details.story] == [
            ("held", "driver"),
            ("hold_prolonged", "system"),
            ("payment_started", "driver"),
            ("confirmed", "payment"),
        ]
        assert details.cancel_fee_now == euros(320)
        viewer = driver(organisations={ORGANISATION: "viewer"})
        assert (await h.ask(question, caller=viewer)).cancel_fee_now == euros(0)
        assert await code_of(h.ask(question, caller=driver())) == "reservation_not_found"
        assert await code_of(h.ask(question)) == "unauthenticated"
        await cancel(h, booking, me)
        assert (await h.ask(question, caller=me)).cancel_fee_now is None


async def test_own_bookings_are_listed_page_by_page(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me, other = driver(), driver()
        made = []
        for day in (3, 1, 2, 5, 4):
            booking = await hold(h, soon(24 * day), me, charger=ChargerId(uuid4()))
            made.append((await cancel(h, booking, me)).reservation)
        await hold(h, soon(24), other)
        seen: list[Reservation] = []
        question = ListReservations(driver_id=_id(me), limit=2)
        page = await h.ask(question, caller=me)
        first_cursor = page.next_cursor
        pages = 1
        while True:
            seen += page.reservations
            if page.next_cursor is None:
                break
            question = ListReservations(driver_id=_id(me), limit=2, cursor=page.next_cursor)
            page = await h.ask(question, caller=me)
            pages += 1
        assert pages == 3
        assert seen == sorted(made, key=lambda r: r.period.start, reverse=True)
        held = ListReservations(driver_id=_id(me), states=["held"])
        assert (await h.ask(held, caller=me)).reservations == []
        assert await code_of(h.ask(held, caller=other)) == "reservation_not_found"
        assert first_cursor is not None
        stolen = ListReservations(driver_id=_id(other), limit=2, cursor=first_cursor)
        assert await code_of(h.ask(stolen, caller=other)) == "cursor_invalid"


@pytest.mark.parametrize("wrong", ["", "x", "é.x", "e30=.x", "..", "a" * 10_000, "\0"])
async def test_a_cursor_that_was_tampered_with_is_refused(
    postgres_server: PostgresServer, wrong: str
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        question = ListReservations(driver_id=_id(me), cursor=wrong)
        assert await code_of(h.ask(question, caller=me)) == "cursor_invalid"


async def test_a_cancel_between_payment_and_its_answer_ends_without_money(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me, start = driver(), soon()
        held = await hold(h, start, me)
        await pay(h, held, me)
        await cancel(h, held, me)
        taken = await hold(h, start, driver())
        await h.answer_asked(h.sent[0], paid(h.sent[0], "authorised"))
        await h.answer_asked(h.sent[1], paid(h.sent[1], "voided"))
        assert (await now_of(h, held, me)).payment_state == "voided"
        assert [c[2] for c in await claims(h)] == ["hold"]
        assert taken.state == "held"


def _id(caller: Caller) -> UserId:
    assert caller.user_id is not None
    return caller.user_id


async def test_whoever_is_erased_leaves_no_charger_taken(postgres_server: PostgresServer) -> None:
    """By the frozen terms, as if they had cancelled; heard twice it changes nothing more."""
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        prepaid = await confirmed(h, soon(24 * 8), me)
        near = await half_kept(h, me)
        held = await hold(h, soon(48), me)
        other = await confirmed(h, soon(72), driver())
        gone = UserErased(user_id=_id(me), version=2)
        before = len(h.events), len(h.sent)
        await h.hear(gone, UserErased(user_id=_id(me), version=3))
        ended = {
            event.reservation.reservation_id: (type(event).__name__, event.reservation.fee)  # type: ignore[attr-defined]
            for event in h.events[before[0] :]
        }
        assert ended == {
            prepaid.reservation_id: ("ReservationCancelled", euros(0)),
            near.reservation_id: ("ReservationCancelled", euros(320)),
            held.reservation_id: ("HoldReleased", None),
        }
        assert len(h.events) == before[0] + 3
        assert sorted(names(h.sent[before[1] :])) == ["CapturePayment", "RefundPayment"]
        assert [claim[0] for claim in await claims(h)] == [other.period.start]
