"""CheckIn and CompleteReservation: who may, when, what is taken, what gets free; and prolonging."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from tests.harness import Harness, driver
from tests.services.reservation.acting import (
    claims,
    confirmed,
    hold,
    lapse,
    names,
    now_of,
    paid,
    soon,
    wanting,
)
from tests.services.reservation.made_up import ORGANISATION, RELAXED, STRICT

from evslot.embedded.throwaway import PostgresServer
from evslot.services.payment import messages as payment
from evslot.services.reservation.messages import (
    CaptureRefused,
    CheckIn,
    CompleteReservation,
    Evidence,
    GetReservation,
    ProlongHold,
    Reservation,
    ReservationCompleted,
)
from evslot.services.reservation.service import SERVICE
from evslot.spine.callers import Caller
from evslot.spine.message import Refusal, Refused
from evslot.values import Money, OrganisationId, new_id

pytestmark = pytest.mark.anyio

MINUTE = timedelta(minutes=1)
BEGUN: dict[str, Any] = {"now_quote": True, "buffer": MINUTE}
"""A slot that is under way when it is held."""
EARLY = replace(STRICT, early_minutes=95)


def operator(organisation: OrganisationId = ORGANISATION, role: Any = "manager") -> Caller:
    return driver(organisations={organisation: role})


def in_minutes(minutes: float) -> datetime:
    return (datetime.now(UTC) + minutes * MINUTE).replace(microsecond=0)


async def check_in(h: Harness, booking: Reservation, caller: Caller, **more: Any) -> Reservation:
    return await h.send(CheckIn(reservation_id=booking.reservation_id, **more), caller=caller)


async def complete(h: Harness, booking: Reservation, caller: Caller) -> Reservation:
    return await h.send(CompleteReservation(reservation_id=booking.reservation_id), caller=caller)


class Broken(Refusal):
    """What a service answers whose handler broke."""

    status = 500


async def refused(work: Any) -> Refused:
    with pytest.raises(Refused) as no:
        await work
    return no.value


async def shift(h: Harness, booking: Reservation, by: timedelta) -> None:
    """Time passes: all of a booking lies that much earlier."""
    await h.execute(
        "update reservation set"
        " period = tstzrange(lower(period) - by, upper(period) - by),"
        " occupied = tstzrange(lower(occupied) - by, upper(occupied) - by)"
        " from (select $2::interval as by) where reservation_id = $1",
        booking.reservation_id,
        by,
    )
    await h.execute(
        "update occupancy set during = tstzrange(lower(during) - by, upper(during) - by)"
        " from (select $2::interval as by) where ref = $1",
        booking.reservation_id,
        by,
    )


async def test_from_check_in_to_leaving_early(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        booking = await confirmed(h, in_minutes(2), me)
        begun = await check_in(h, booking, me, label=" a1 ")
        assert (begun.state, begun.version) == ("active", booking.version + 1)
        assert begun.checked_in_at is not None
        ((since, until, kind), (_, whole, _)) = await claims(h)
        assert (since, until, kind) == (begun.checked_in_at, booking.period.start, "booking")
        assert whole == booking.occupied.end == begun.occupied.end
        assert begun.occupied.start == begun.checked_in_at

        asked = h.sent[-1]
        assert isinstance(asked.command, payment.CapturePayment)
        assert asked.command.amount == booking.total
        await h.answer_asked(asked, paid(asked, "captured"))
        assert (await now_of(h, booking, me)).payment_state == "captured"

        over = await complete(h, booking, me)
        assert (over.state, over.payment_state) == ("completed", "captured")
        assert over.completed_at is not None
        assert over.completed_at < booking.period.end
        assert await claims(h) == []
        await hold(h, booking.period.start, driver())
        assert names(h.events)[-5:-1] == [
            "ReservationConfirmed",
            "ReservationStarted",
            "ReservationSettled",
            "ReservationCompleted",
        ]
        assert len(h.sent) == 2, "captured once"


async def test_a_price_that_cannot_be_taken_at_check_in_is_told_and_holds_nothing_up(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        booking = await confirmed(h, in_minutes(2), me)
        await check_in(h, booking, me)
        await h.answer_asked(h.sent[-1], payment.NotCapturable())
        now = await now_of(h, booking, me)
        assert (now.state, now.payment_state) == ("active", "voided")
        told = h.events[-1]
        assert isinstance(told, CaptureRefused)
        assert (told.reason, told.version) == ("not_capturable", now.version)
        details = await h.ask(GetReservation(reservation_id=booking.reservation_id), caller=me)
        assert [line.what for line in details.story][-2:] == ["started", "capture_refused"]
        saga = "select state from saga where name = 'settlement'"
        assert await h.fetch_value(saga) == "failed"
        assert (await complete(h, booking, me)).state == "completed"


@pytest.mark.parametrize("refusal", [payment.PaymentNotFound(), Broken()])
async def test_a_price_of_which_nobody_knows_whether_it_was_taken_waits_for_a_person(
    postgres_server: PostgresServer, refusal: Refusal
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        booking = await confirmed(h, in_minutes(2), me)
        await check_in(h, booking, me)
        await h.answer_asked(h.sent[-1], refusal)
        assert (await now_of(h, booking, me)).payment_state == "authorised"
        saga = "select state from saga where name = 'settlement'"
        assert await h.fetch_value(saga) == "stuck"


async def test_the_story_says_what_a_fact_rests_on(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me, staff = driver(), operator()
        mine, told = await confirmed(h, in_minutes(1), me), driver()
        theirs = await confirmed(h, in_minutes(1), told, charger=new_id())
        await check_in(h, mine, me, label="A1")
        await check_in(h, theirs, staff, code=theirs.code.lower())
        await complete(h, theirs, staff)
        await complete(h, mine, me)

        async def evidence(booking: Reservation, caller: Caller) -> list[tuple[str, str, Any]]:
            details = await h.ask(
                GetReservation(reservation_id=booking.reservation_id), caller=caller
            )
            return [(one.what, one.by, one.evidence) for one in details.story[-2:]]

        act, entry = Evidence(kind="driver_act"), Evidence(kind="operator_entry")
        assert await evidence(mine, me) == [
            ("started", "driver", replace(act, charger_label="A1")),
            ("completed", "driver", act),
        ]
        assert await evidence(theirs, told) == [
            ("started", "operator", replace(entry, code_shown=True)),
            ("completed", "operator", entry),
        ]


async def test_who_may_check_in_and_when(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        early = await confirmed(h, in_minutes(7), me)
        assert (await refused(check_in(h, early, driver()))).status == 404
        elsewhere = operator(OrganisationId(new_id()))
        assert (await refused(check_in(h, early, elsewhere, code=early.code))).status == 404
        assert (await refused(check_in(h, early, operator()))).code == "code_wrong"
        viewer = operator(role="viewer")
        assert (await refused(check_in(h, early, viewer, code=early.code))).status == 404
        no = await refused(check_in(h, early, me))
        assert no.code == "too_early"
        assert no.details["earliest"] == (early.period.start - 5 * MINUTE).isoformat()
        no = await refused(check_in(h, early, me, label="B7"))
        assert (no.code, no.details["label"]) == ("wrong_charger", "A1")
        held = await hold(h, soon(), me)
        assert (await refused(check_in(h, held, me))).code == "not_confirmed"
        await lapse(h, held)
        assert (await refused(check_in(h, held, me))).code == "hold_over"
        await shift(h, early, timedelta(hours=2))
        assert (await refused(check_in(h, early, me))).code == "reservation_over"


async def test_a_second_check_in_and_a_second_completion_change_nothing(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        booking = await confirmed(h, in_minutes(2), me)
        begun = await check_in(h, booking, me)
        assert await check_in(h, booking, me) == begun
        over = await complete(h, booking, me)
        assert await complete(h, booking, operator()) == over
        assert names(h.events)[-2:] == ["ReservationStarted", "ReservationCompleted"]
        assert (await refused(check_in(h, booking, me))).code == "reservation_over"


async def test_an_early_start_is_refused_with_its_reason(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me, start = driver(), in_minutes(2)
        before = await confirmed(h, start - 30 * MINUTE, driver(), minutes=29, **BEGUN)
        assert before.occupied.end == start
        booking = await confirmed(h, start, me)
        no = await refused(check_in(h, booking, me))
        assert (no.code, no.details) == (
            "charger_in_use",
            {"by": "booking", "until": start.isoformat()},
        )
        assert (await now_of(h, booking, me)).state == "confirmed"
        await shift(h, before, 10 * MINUTE)
        assert (await check_in(h, booking, me)).state == "active"


async def test_a_lapsed_hold_keeps_nobody_from_starting_early(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me, start = driver(), in_minutes(3)
        held = await hold(h, start - 15 * MINUTE, driver(), minutes=14, **BEGUN)
        booking = await confirmed(h, start, me)
        assert (await refused(check_in(h, booking, me))).code == "charger_in_use"
        await lapse(h, held)
        assert (await check_in(h, booking, me)).state == "active"


async def test_what_nobody_comes_to_ends_by_itself_and_costs_its_price(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        unused, used = await confirmed(h, in_minutes(2), me), driver()
        elsewhere = await confirmed(h, in_minutes(90), used, terms=EARLY, charger=new_id())
        begun = await check_in(h, elsewhere, used)
        taken = h.sent[-1]
        await h.answer_asked(taken, paid(taken, "captured"))
        await shift(h, unused, timedelta(minutes=62))
        await h.run_periodic()
        assert (await now_of(h, unused, me)).state == "confirmed", "the buffer is still its own"
        await shift(h, unused, timedelta(minutes=6))
        await shift(h, begun, timedelta(hours=4))
        await h.run_periodic()
        over = await now_of(h, unused, me)
        assert (over.state, over.completed_at) == ("completed", over.period.end)
        assert (await now_of(h, begun, used)).state == "completed"
        assert await claims(h) == []
        events = [event for event in h.events if isinstance(event, ReservationCompleted)]
        assert [event.by for event in events] == ["system", "system"]
        asked = [sent for sent in h.sent if isinstance(sent.command, payment.CapturePayment)]
        assert len(asked) == 2, "one at check-in, one for who never came"
        assert asked[-1].command.payment_id == unused.payment_id  # type: ignore[attr-defined]
        await h.answer_asked(asked[-1], paid(asked[-1], "captured"))
        assert (await now_of(h, unused, me)).payment_state == "captured"


@pytest.mark.parametrize(
    ("days", "command"), [(0, payment.CapturePayment), (8, payment.RefundPayment)]
)
async def test_who_never_came_pays_what_the_terms_keep_then(
    postgres_server: PostgresServer, days: int, command: type[Any]
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        start = soon(24 * days) if days else in_minutes(2)
        booking = await confirmed(h, start, me, terms=RELAXED)
        await shift(h, booking, booking.occupied.end - datetime.now(UTC) + MINUTE)
        await h.run_periodic()
        over = await now_of(h, booking, me)
        half = Money(booking.total.amount // 2, booking.total.currency)
        assert (over.state, over.fee) == ("completed", half)
        assert isinstance(h.sent[-1].command, command)
        assert h.sent[-1].command.amount == half


async def test_what_was_paid_in_advance_is_not_taken_again(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        booking = await confirmed(h, soon(24 * 8), me)
        days = booking.period.start - datetime.now(UTC)
        await shift(h, booking, days)
        before = len(h.sent)
        await check_in(h, booking, me)
        await complete(h, booking, me)
        assert len(h.sent) == before


async def test_only_what_was_begun_can_be_completed(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        booking = await confirmed(h, in_minutes(2), me)
        assert (await refused(complete(h, booking, me))).code == "not_checked_in"
        assert (await refused(complete(h, booking, driver()))).status == 404
        held = await hold(h, soon(), me)
        assert (await refused(complete(h, held, me))).code == "not_confirmed"


async def test_a_hold_is_prolonged_once_by_its_driver(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        held = await hold(h, soon(), me)
        command = ProlongHold(reservation_id=held.reservation_id)
        longer = await h.send(command, caller=me)
        assert held.held_until is not None
        assert longer.held_until == held.held_until + 5 * MINUTE
        until = await h.fetch_value("select held_until from occupancy")
        assert until == longer.held_until
        assert (await refused(h.send(command, caller=me))).code == "not_prolongable"
        assert (await refused(h.send(command, caller=driver()))).status == 404
        await lapse(h, held)
        assert (await refused(h.send(command, caller=me))).code == "hold_over"


async def test_what_is_booked_from_now_on_began_a_moment_ago(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        begun = datetime.now(UTC).replace(second=0, microsecond=0) - 4 * MINUTE
        terms = replace(STRICT, grace_minutes=0)
        late = await h.submit(wanting(begun, terms=terms), caller=me)
        assert late is not None
        assert late.code == "quote_outdated"
        held = await hold(h, begun, me, terms=terms, now_quote=True)
        assert held.held_until is not None
        left = held.held_until - datetime.now(UTC)
        assert 4 * MINUTE < left <= 5 * MINUTE
