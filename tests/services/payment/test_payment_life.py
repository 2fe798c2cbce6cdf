"""Payments from command to ledger, on the real database with the simulated provider."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from tests.harness import driver
from tests.services.payment.payment_desk import PRICE, Desk, eur, open_desk

from evslot.embedded.throwaway import PostgresServer
from evslot.services.payment.messages import (
    AnswerChallenge,
    AwaitChallenge,
    CapturePayment,
    GetPayment,
    PaymentAuthorised,
    RefundPayment,
    VoidPayment,
)
from evslot.spine.callers import ANONYMOUS, SYSTEM, Caller
from evslot.spine.message import Command, Refused, Secret
from evslot.values import Money, OrganisationId, PaymentId

pytestmark = pytest.mark.anyio


async def refused(desk: Desk, command: Command[Any], code: str, caller: Caller = SYSTEM) -> None:
    with pytest.raises(Refused) as no:
        await desk.h.send(command, caller=caller)
    assert no.value.code == code


async def test_an_authorised_payment_is_answered_when_the_provider_has_spoken(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        order = desk.order()
        number = await desk.leave(order)
        assert await desk.is_open(number)
        await desk.h.run_jobs()
        payment = await desk.outcome(number)
        assert payment.state == "authorised"
        assert payment.amount == eur(PRICE)
        assert payment.captured == eur(0)
        assert payment.valid_until is not None
        now = await desk.h.fetch_value("select now()")
        assert timedelta(days=6.9) < payment.valid_until - now < timedelta(days=7.1)
        assert desk.told() == ["PaymentAuthorised"]
        event = desk.h.events[0]
        assert isinstance(event, PaymentAuthorised)
        assert event.version == payment.version == event.payment.version


async def test_prepay_is_captured_at_once_and_in_the_ledger(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        payment = await desk.do(desk.order(capture=True))
        assert payment.state == "captured"
        assert payment.captured == eur(PRICE)
        rows = await desk.h.fetch("select account, amount from ledger_entry order by line")
        assert [(row["account"], row["amount"]) for row in rows] == [
            ("payer_receivable", PRICE),
            ("operator_payable", -PRICE),
            ("provider_clearing", PRICE),
            ("payer_receivable", -PRICE),
        ]


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ("sim_decline", "insufficient_funds"),
        ("tok_4242", "unknown_method"),
        ("ok", "unknown_method"),
        ("sim_nonsense", "unknown_method"),
        ("", "unknown_method"),
        ("sim_ok\0\U0001f697" * 2000, "unknown_method"),
    ],
)
async def test_a_declined_method_is_an_answer_not_an_error(
    postgres_server: PostgresServer, method: str, reason: str
) -> None:
    async with open_desk(postgres_server) as desk:
        number = await desk.leave(desk.order(method))
        await desk.h.run_jobs()
        answer = await desk.refusal(number)
        assert (answer.status, answer.code) == (409, "payment_declined")
        assert answer.details == {"reason": reason}
        assert desk.told() == ["PaymentRejected"]
        assert await desk.h.fetch_value("select count(*) from job where attempt > 1") == 0


async def test_a_capture_takes_a_part_once_and_lets_the_rest_go(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        order = desk.order()
        await desk.do(order)
        capture = CapturePayment(payment_id=order.payment_id, amount=eur(200))
        first = await desk.leave(capture)
        second = await desk.leave(capture)
        await refused(
            desk,
            CapturePayment(payment_id=order.payment_id, amount=eur(201)),
            "not_capturable",
        )
        await refused(desk, VoidPayment(payment_id=order.payment_id), "not_voidable")
        await desk.h.run_jobs()
        assert await desk.outcome(first) == await desk.outcome(second)
        payment = await desk.h.send(capture, caller=SYSTEM)
        assert (payment.state, payment.captured) == ("captured", eur(200))
        await refused(desk, VoidPayment(payment_id=order.payment_id), "not_voidable")
        assert await desk.provider_did() == ["authorised", "captured"]


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (eur(PRICE + 1), "not_capturable"),
        (eur(0), "amount_invalid"),
        (eur(-5), "amount_invalid"),
        (Money(PRICE, "USD"), "amount_invalid"),
    ],
)
async def test_a_capture_of_a_wrong_sum_is_refused_and_changes_nothing(
    postgres_server: PostgresServer, amount: Money, code: str
) -> None:
    async with open_desk(postgres_server) as desk:
        order = desk.order()
        before = await desk.do(order)
        await refused(desk, CapturePayment(payment_id=order.payment_id, amount=amount), code)
        assert await desk.h.ask(GetPayment(payment_id=order.payment_id), caller=SYSTEM) == before


@pytest.mark.parametrize(
    "amount", [eur(0), eur(-1), eur(2**62), Money(5, "eur"), Money(5, ""), Money(5, "ЕВР")]
)
async def test_an_absurd_amount_is_refused_before_anything_is_written(
    postgres_server: PostgresServer, amount: Money
) -> None:
    async with open_desk(postgres_server) as desk:
        await refused(desk, desk.order(amount=amount), "amount_invalid")
        assert await desk.h.fetch_value("select count(*) from payment") == 0
        assert await desk.h.fetch_value("select count(*) from job") == 0


async def test_a_void_lets_an_authorisation_go_and_is_the_same_when_repeated(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        order = desk.order()
        await desk.do(order)
        void = VoidPayment(payment_id=order.payment_id)
        payment = await desk.do(void)
        assert payment.state == "voided"
        assert await desk.h.send(void, caller=SYSTEM) == payment
        capture = CapturePayment(payment_id=order.payment_id, amount=eur(1))
        await refused(desk, capture, "not_capturable")
        await refused(desk, AwaitChallenge(payment_id=order.payment_id), "payment_declined")
        assert await desk.provider_did() == ["authorised", "voided"]
        assert desk.told() == ["PaymentAuthorised", "PaymentVoided"]


@pytest.mark.parametrize("prepay", [False, True])
async def test_a_void_during_the_authorise_is_remembered_and_done(
    postgres_server: PostgresServer, prepay: bool
) -> None:
    async with open_desk(postgres_server) as desk:
        order = desk.order(capture=prepay)
        authorising = await desk.leave(order)
        voiding = await desk.leave(VoidPayment(payment_id=order.payment_id))
        await desk.h.run_jobs()
        assert (await desk.refusal(authorising)).code == "payment_declined"
        payment = await desk.outcome(voiding)
        assert payment.state == ("refunded" if prepay else "voided")
        assert "PaymentAuthorised" not in desk.told()
        undone = ["captured", "refunded"] if prepay else ["voided"]
        assert await desk.provider_did() == ["authorised", *undone]
        again = await desk.h.send(VoidPayment(payment_id=order.payment_id), caller=SYSTEM)
        assert again == payment


async def test_refunds_happen_once_per_id_and_never_exceed_what_was_taken(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        order = desk.order(capture=True)
        await desk.do(order)
        part = RefundPayment(
            payment_id=order.payment_id, refund_id=uuid4(), amount=eur(240), reason="late\0"
        )
        first = await desk.leave(part)
        second = await desk.leave(part)
        rest = RefundPayment(
            payment_id=order.payment_id, refund_id=uuid4(), amount=eur(401), reason="x"
        )
        await refused(desk, rest, "not_refundable")
        await desk.h.run_jobs()
        assert await desk.outcome(first) == await desk.outcome(second)
        assert (await desk.outcome(first)).state == "partly_refunded"
        assert (await desk.do(part)).refunded == eur(240)
        other = RefundPayment(
            payment_id=order.payment_id, refund_id=part.refund_id, amount=eur(1), reason="x"
        )
        await refused(desk, other, "not_refundable")
        whole = RefundPayment(
            payment_id=order.payment_id, refund_id=uuid4(), amount=eur(400), reason="x"
        )
        payment = await desk.do(whole)
        assert (payment.state, payment.refunded) == ("refunded", eur(PRICE))
        assert await desk.provider_did() == ["authorised", "captured", "refunded", "refunded"]


async def test_the_same_payment_asked_again_joins_and_another_one_is_refused(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        order = desk.order()
        first = await desk.leave(order)
        second = await desk.leave(order)
        for other in (
            desk.order(payment_id=order.payment_id),
            desk.order(
                "sim_slow",
                payment_id=order.payment_id,
                reservation_id=order.reservation_id,
                organisation_id=order.organisation_id,
            ),
        ):
            await refused(desk, other, "payment_exists")
        await desk.h.run_jobs()
        assert await desk.outcome(first) == await desk.outcome(second)
        assert await desk.h.send(order, caller=SYSTEM) == await desk.outcome(first)
        assert await desk.provider_did() == ["authorised"]


async def test_only_services_may_move_money(postgres_server: PostgresServer) -> None:
    async with open_desk(postgres_server) as desk:
        order = desk.order()
        await desk.do(order)
        number = order.payment_id
        for command in (
            desk.order(),
            AwaitChallenge(payment_id=number),
            CapturePayment(payment_id=number, amount=eur(1)),
            VoidPayment(payment_id=number),
            RefundPayment(payment_id=number, refund_id=uuid4(), amount=eur(1), reason="x"),
        ):
            for caller in (desk.payer, ANONYMOUS):
                await refused(desk, command, "only_for_services", caller)


async def test_a_payment_is_shown_to_its_payer_and_its_operator_only(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        order = desk.order()
        payment = await desk.do(order)
        question = GetPayment(payment_id=order.payment_id)
        operator = driver(organisations={order.organisation_id: "viewer"})
        for caller in (desk.payer, operator, SYSTEM):
            assert await desk.h.ask(question, caller=caller) == payment
        stranger = driver(organisations={OrganisationId(uuid4()): "owner"})
        unknown = GetPayment(payment_id=PaymentId(uuid4()))
        for asked, caller in ((question, stranger), (unknown, desk.payer)):
            with pytest.raises(Refused) as no:
                await desk.h.ask(asked, caller=caller)
            assert (no.value.status, no.value.code) == (404, "payment_not_found")
        with pytest.raises(Refused) as no:
            await desk.h.ask(question, caller=ANONYMOUS)
        assert no.value.status == 401


async def test_an_unknown_payment_is_not_found(postgres_server: PostgresServer) -> None:
    async with open_desk(postgres_server) as desk:
        number = PaymentId(uuid4())
        for command in (
            AwaitChallenge(payment_id=number),
            CapturePayment(payment_id=number, amount=eur(1)),
            RefundPayment(payment_id=number, refund_id=uuid4(), amount=eur(1), reason="x"),
        ):
            await refused(desk, command, "payment_not_found")
        answer = AnswerChallenge(payment_id=number, answer=Secret("approve"))
        await refused(desk, answer, "payment_not_found", desk.payer)


async def test_an_authorise_that_comes_after_its_void_promises_nothing(
    postgres_server: PostgresServer,
) -> None:
    """A dead authorise that is replayed when its saga has long turned back."""
    async with open_desk(postgres_server) as desk:
        order = desk.order(capture=True)
        void = VoidPayment(payment_id=order.payment_id)
        nothing = await desk.h.send(void, caller=SYSTEM)
        assert (nothing.state, nothing.captured.amount) == ("voided", 0)
        assert await desk.h.send(void, caller=SYSTEM) == nothing
        await refused(desk, order, "payment_declined")
        await desk.h.run_jobs()
        assert await desk.provider_did() == []
        assert await desk.h.fetch_value("select count(*) from payment") == 0
