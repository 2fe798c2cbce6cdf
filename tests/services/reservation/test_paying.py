"""PayReservation and the booking saga: confirmed, challenged, declined, too late."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from tests.harness import Harness, Sent, driver
from tests.services.reservation.acting import (
    METHOD,
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
    stored,
)
from tests.services.reservation.closing import close, know_station

from evslot.embedded.throwaway import PostgresServer
from evslot.services.payment import messages as payment
from evslot.services.reservation.messages import (
    PaymentFailed,
    PaymentOutcome,
    PayReservation,
)
from evslot.services.reservation.service import SERVICE
from evslot.spine.message import Answer, Refusal, Refused, Secret

pytestmark = pytest.mark.anyio


class Broken(Refusal):
    """What a service answers whose handler broke."""

    status = 500


async def sagas(h: Harness) -> list[tuple[str, str, str]]:
    rows = await h.fetch("select name, step, state from saga order by started_at, name")
    return [(row["name"], row["step"], row["state"]) for row in rows]


async def test_an_authorised_payment_confirms_the_booking(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        held = await hold(h, soon(), me)
        number = await pay(h, held, me)
        (asked,) = h.sent
        command = asked.command
        assert isinstance(command, payment.AuthorizePayment)
        assert (command.amount, command.capture) == (held.total, False)
        assert (command.payer_id, command.method.value) == (me.user_id, METHOD)
        await h.answer_asked(asked, paid(asked, "authorised"))
        outcome = await h.stored_answer(number, PaymentOutcome)
        assert outcome.reservation.state == "confirmed"
        assert outcome.reservation.payment_state == "authorised"
        assert outcome.challenge_url is None
        assert names(h.events) == [
            "SlotHeld",
            "HoldProlonged",
            "PaymentStarted",
            "ReservationConfirmed",
        ]
        assert [event.version for event in h.events] == [1, 2, 3, 4]  # type: ignore[attr-defined]
        assert [claim[2] for claim in await claims(h)] == ["booking"]
        assert await sagas(h) == [("booking", "confirm", "done")]


async def test_the_answer_of_payment_heard_twice_confirms_once(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        await pay(h, await hold(h, soon(), me), me)
        (asked,) = h.sent
        for _ in range(3):
            await h.answer_asked(asked, paid(asked, "authorised"))
        assert names(h.events).count("ReservationConfirmed") == 1


async def test_a_start_far_away_is_taken_at_once(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        booking = await confirmed(h, soon(24 * 7), me)
        assert h.sent[0].command.capture  # type: ignore[attr-defined]
        assert booking.payment_state == "captured"


async def test_a_payment_prolongs_the_hold_once(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        held = await hold(h, soon(), me)
        await pay(h, held, me)
        longer = await now_of(h, held, me)
        assert held.held_until is not None
        assert longer.held_until == held.held_until + timedelta(minutes=5)
        claimed = await h.fetch_value("select held_until from occupancy")
        assert claimed == longer.held_until
        await h.answer_asked(h.sent[0], payment.PaymentDeclined())
        await pay(h, held, me)
        assert (await now_of(h, held, me)).held_until == longer.held_until


async def test_what_costs_nothing_is_confirmed_without_the_provider(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        held = await hold(h, soon(), me, price=0)
        outcome = await h.send(
            PayReservation(reservation_id=held.reservation_id, method=Secret("")), caller=me
        )
        assert outcome.reservation.state == "confirmed"
        assert h.sent == []
        cancelled = await cancel(h, held, me)
        assert (cancelled.fee.amount, cancelled.refund.amount) == (0, 0)
        assert await claims(h) == []


async def test_a_challenge_is_answered_at_once_and_confirmed_later(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        held = await hold(h, soon(), me)
        number = await pay(h, held, me)
        await h.answer_asked(h.sent[0], paid(h.sent[0], "challenge"))
        outcome = await h.stored_answer(number, PaymentOutcome)
        assert outcome.challenge_url == "/v1/payments/x/challenge"
        assert outcome.reservation.state == "held"
        assert names(h.sent) == ["AuthorizePayment", "AwaitChallenge"]
        with pytest.raises(Refused) as running:
            await h.send(
                PayReservation(reservation_id=held.reservation_id, method=Secret("x")), caller=me
            )
        assert running.value.code == "payment_running"
        await h.answer_asked(h.sent[1], paid(h.sent[1], "authorised"))
        assert (await now_of(h, held, me)).state == "confirmed"
        assert names(h.events)[-2:] == ["PaymentChallenged", "ReservationConfirmed"]


async def test_a_refused_challenge_leaves_the_hold_to_be_paid_again(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        held = await hold(h, soon(), me)
        await pay(h, held, me)
        await h.answer_asked(h.sent[0], paid(h.sent[0], "challenge"))
        await h.answer_asked(h.sent[1], payment.PaymentDeclined())
        assert names(h.sent) == ["AuthorizePayment", "AwaitChallenge"]
        again = await now_of(h, held, me)
        assert (again.state, again.payment_state) == ("held", "declined")
        await pay(h, held, me)
        await h.answer_asked(h.sent[2], paid(h.sent[2], "authorised"))
        assert (await now_of(h, held, me)).state == "confirmed"


async def test_a_declined_payment_is_told_and_another_method_may_be_tried(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        held = await hold(h, soon(), me)
        number = await pay(h, held, me)
        first = h.sent[0]
        await h.answer_asked(first, payment.PaymentDeclined())
        answer: Answer = await stored(h, number)
        assert (answer.status, answer.code) == (409, "payment_refused")
        failed = h.events[-1]
        assert isinstance(failed, PaymentFailed)
        assert (failed.reason, failed.reservation.state) == ("payment_declined", "held")
        second = await pay(h, held, me)
        assert h.sent[1].command.payment_id != first.command.payment_id  # type: ignore[attr-defined]
        await h.answer_asked(h.sent[1], paid(h.sent[1], "authorised"))
        assert (await h.stored_answer(second, PaymentOutcome)).reservation.state == "confirmed"
        assert [state for *_, state in await sagas(h)] == ["failed", "done"]


@pytest.mark.parametrize(
    ("state", "compensation", "after"),
    [
        ("authorised", "VoidPayment", "voided"),
        ("captured", "RefundPayment", "refunded"),
    ],
)
@pytest.mark.parametrize("by", ["lapsed", "lapsed and swept", "lapsed and taken", "released"])
async def test_money_that_comes_too_late_is_put_back(
    postgres_server: PostgresServer,
    state: payment.PaymentState,
    compensation: str,
    after: payment.PaymentState,
    by: str,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me, start = driver(), soon()
        held = await hold(h, start, me)
        number = await pay(h, held, me)
        if by == "released":
            await cancel(h, held, me)
        else:
            await lapse(h, held)
        if by == "lapsed and swept":
            await h.run_periodic()
        if by == "lapsed and taken":
            await hold(h, start, driver())
        asked = h.sent[0]
        await h.answer_asked(asked, paid(asked, state))
        assert (await stored(h, number)).code == "hold_over"
        assert names(h.sent) == ["AuthorizePayment", compensation]
        await h.answer_asked(h.sent[1], paid(h.sent[1], after))
        assert names(h.events)[-2:] == ["PaymentFailed", "ReservationSettled"]
        assert "ReservationConfirmed" not in names(h.events)
        now = await now_of(h, held, me)
        assert (now.payment_state, now.state == "confirmed") == (after, False)
        assert await sagas(h) == [("booking", "authorise", "failed")]
        mine = [e for e in h.events if e.reservation.driver_id == me.user_id]  # type: ignore[attr-defined]
        versions = [event.version for event in mine]  # type: ignore[attr-defined]
        assert versions == list(range(1, len(versions) + 1))


@pytest.mark.parametrize(
    ("state", "compensation", "after"),
    [("authorised", "VoidPayment", "voided"), ("captured", "RefundPayment", "refunded")],
)
async def test_a_challenge_heard_of_after_the_hold_is_let_go_and_money_taken_meanwhile_put_back(
    postgres_server: PostgresServer,
    state: payment.PaymentState,
    compensation: str,
    after: payment.PaymentState,
) -> None:
    """The customer may have answered before we heard that they were asked."""
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        held = await hold(h, soon(), me)
        number = await pay(h, held, me)
        await lapse(h, held)
        await h.answer_asked(h.sent[0], paid(h.sent[0], "challenge"))
        assert (await stored(h, number)).code == "hold_over"
        assert sorted(names(h.sent)) == ["AuthorizePayment", "AwaitChallenge", "VoidPayment"]
        await h.answer_asked(awaiting(h), paid(h.sent[0], state))
        assert names(h.sent)[3:] == [compensation]
        await h.answer_asked(h.sent[-1], paid(h.sent[-1], after))
        assert (await now_of(h, held, me)).payment_state == after
        assert [end for *_, end in await sagas(h)] == ["failed"]


@pytest.mark.parametrize("by", ["swept", "taken", "released", "closed"])
async def test_a_hold_that_ends_in_its_challenge_lets_it_go_at_once(
    postgres_server: PostgresServer, by: str
) -> None:
    """Nobody has to wait until the provider gives up: minutes, with the money in between."""
    async with Harness(SERVICE, postgres_server) as h:
        me, start = driver(), soon()
        await know_station(h)
        held = await hold(h, start, me)
        await pay(h, held, me)
        await h.answer_asked(h.sent[0], paid(h.sent[0], "challenge"))
        if by != "released":
            await lapse(h, held)
        match by:
            case "swept":
                await h.run_periodic()
            case "taken":
                await hold(h, start, driver())
            case "released":
                await cancel(h, held, me)
            case "closed":
                await close(h, datetime.now(UTC) + timedelta(hours=1), 48)
        await h.run_periodic()
        assert names(h.sent) == ["AuthorizePayment", "AwaitChallenge", "VoidPayment"]
        voided = h.sent[2].command
        assert isinstance(voided, payment.VoidPayment)
        assert voided.payment_id == h.sent[0].command.payment_id  # type: ignore[attr-defined]
        await h.answer_asked(awaiting(h), payment.PaymentDeclined(reason="voided"))
        assert [end for *_, end in await sagas(h)] == ["failed"]
        assert len(h.sent) == 3, "there is nothing left to put back"
        assert (await now_of(h, held, me)).payment_state == "declined"


async def test_a_hold_that_lapses_before_its_payment_is_challenged_voids_nothing_itself(
    postgres_server: PostgresServer,
) -> None:
    """What is not known yet the saga undoes once it is."""
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        held = await hold(h, soon(), me)
        await pay(h, held, me)
        await lapse(h, held)
        await h.run_periodic()
        assert names(h.sent) == ["AuthorizePayment"]


async def test_a_challenge_approved_after_the_hold_is_voided(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        held = await hold(h, soon(), me)
        await pay(h, held, me)
        await h.answer_asked(h.sent[0], paid(h.sent[0], "challenge"))
        await lapse(h, held)
        await h.answer_asked(awaiting(h), paid(h.sent[0], "authorised"))
        assert names(h.sent)[-1] == "VoidPayment"


def awaiting(h: Harness) -> Sent:
    """The saga's question for the end of the challenge."""
    return next(sent for sent in h.sent if isinstance(sent.command, payment.AwaitChallenge))


async def test_a_payment_that_failed_unexpectedly_is_voided_for_nobody_knows(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        held = await hold(h, soon(), me)
        number = await pay(h, held, me)
        await h.answer_asked(h.sent[0], Broken())
        assert (await stored(h, number)).code == "payment_refused"
        assert names(h.sent)[-1] == "VoidPayment"


@pytest.mark.parametrize(
    "refusal", [payment.MethodNotFound(), payment.MethodUnclear(), payment.AmountInvalid()]
)
async def test_a_payment_refused_for_whatever_reason_leaves_a_hold_to_be_paid_again(
    postgres_server: PostgresServer, refusal: Refusal
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        held = await hold(h, soon(), me)
        number = await pay(h, held, me)
        await h.answer_asked(h.sent[0], refusal)
        assert (await stored(h, number)).code == "payment_refused"
        assert names(h.sent) == ["AuthorizePayment"], "nothing was promised, nothing is put back"
        again = await now_of(h, held, me)
        assert (again.state, again.payment_state) == ("held", "declined")
        await pay(h, held, me)
        await h.answer_asked(h.sent[1], paid(h.sent[1], "authorised"))
        assert (await now_of(h, held, me)).state == "confirmed"


async def test_who_may_pay_what(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        held = await hold(h, soon(), me)

        async def code(reservation_id: object, caller: object = me) -> str:
            with pytest.raises(Refused) as no:
                await h.send(
                    PayReservation(reservation_id=reservation_id, method=Secret("x")),  # type: ignore[arg-type]
                    caller=caller,  # type: ignore[arg-type]
                )
            return no.value.code

        assert await code(held.reservation_id, driver()) == "reservation_not_found"
        assert await code(uuid4()) == "reservation_not_found"
        await pay(h, held, me)
        assert await code(held.reservation_id) == "payment_running"
        await h.answer_asked(h.sent[0], paid(h.sent[0], "authorised"))
        assert await code(held.reservation_id) == "not_payable"
        over = await hold(h, soon(48), me)
        await lapse(h, over)
        assert await code(over.reservation_id) == "hold_over"
        await h.run_periodic()
        assert await code(over.reservation_id) == "hold_over"


async def test_the_method_is_found_nowhere_in_clear(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        await pay(h, await hold(h, soon(), me), me)
        tables = await h.fetch("select tablename from pg_tables where schemaname = 'public'")
        for row in tables:
            name = row["tablename"]
            dump = await h.fetch(f'select t::text as line from "{name}" t')  # noqa: S608
            for line in dump:
                assert METHOD not in line["line"]
                assert METHOD.encode().hex() not in line["line"]
