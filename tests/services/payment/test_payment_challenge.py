"""The provider wants the customer: answers, wrong answers, silence, and a void in between."""

import pytest
from tests.harness import driver
from tests.services.payment.payment_desk import Desk, open_desk

from evslot.embedded.throwaway import PostgresServer
from evslot.services.payment.messages import (
    AnswerChallenge,
    AuthorizePayment,
    AwaitChallenge,
    VoidPayment,
)
from evslot.spine.callers import ANONYMOUS
from evslot.spine.message import Refused, Secret

pytestmark = pytest.mark.anyio


async def challenged(desk: Desk, *, capture: bool = False) -> AuthorizePayment:
    order = desk.order("sim_challenge", capture=capture)
    payment = await desk.do(order)
    assert payment.state == "challenge"
    assert payment.challenge_url == f"/v1/payments/{order.payment_id}/challenge"
    return order


@pytest.mark.parametrize("capture", [False, True])
async def test_an_approved_challenge_answers_the_customer_and_who_awaits_it(
    postgres_server: PostgresServer, capture: bool
) -> None:
    async with open_desk(postgres_server) as desk:
        order = await challenged(desk, capture=capture)
        awaiting = await desk.leave(AwaitChallenge(payment_id=order.payment_id))
        answering = await desk.answer(order.payment_id, "approve")
        payment = await desk.outcome(answering)
        assert payment.state == ("captured" if capture else "authorised")
        assert payment.challenge_url is None
        assert await desk.outcome(awaiting) == payment
        assert desk.told() == ["PaymentChallenged", "PaymentAuthorised"]
        assert await desk.do(AwaitChallenge(payment_id=order.payment_id)) == payment
        late = await desk.answer(order.payment_id, "approve")
        assert (await desk.refusal(late)).code == "no_challenge_open"


async def test_a_refused_challenge_declines_for_both(postgres_server: PostgresServer) -> None:
    async with open_desk(postgres_server) as desk:
        order = await challenged(desk)
        awaiting = await desk.leave(AwaitChallenge(payment_id=order.payment_id))
        answering = await desk.answer(order.payment_id, "refuse")
        for number in (answering, awaiting):
            answer = await desk.refusal(number)
            assert answer.code == "payment_declined"
            assert answer.details == {"reason": "refused_by_customer"}
        assert desk.told() == ["PaymentChallenged", "PaymentRejected"]


async def test_a_wrong_answer_may_be_mended_but_not_for_ever(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        order = await challenged(desk)
        awaiting = await desk.leave(AwaitChallenge(payment_id=order.payment_id))
        for _ in range(2):
            wrong = await desk.answer(order.payment_id, "aprove")
            assert (await desk.outcome(wrong)).state == "challenge"
            assert await desk.is_open(awaiting)
        await desk.answer(order.payment_id, "what?")
        answer = await desk.refusal(awaiting)
        assert answer.details == {"reason": "challenge_failed"}


async def test_nobody_but_the_payer_may_answer(postgres_server: PostgresServer) -> None:
    async with open_desk(postgres_server) as desk:
        order = await challenged(desk)
        command = AnswerChallenge(payment_id=order.payment_id, answer=Secret("approve"))
        operator = driver(organisations={order.organisation_id: "owner"})
        for caller, status in ((driver(), 404), (operator, 404), (ANONYMOUS, 401)):
            with pytest.raises(Refused) as no:
                await desk.h.send(command, caller=caller)
            assert no.value.status == status
        assert await desk.provider_did() == ["challenged"]


async def test_two_answers_at_once_get_one_outcome(postgres_server: PostgresServer) -> None:
    async with open_desk(postgres_server) as desk:
        order = await challenged(desk)
        command = AnswerChallenge(payment_id=order.payment_id, answer=Secret("approve"))
        first = await desk.leave(command, desk.payer)
        second = await desk.leave(command, desk.payer)
        await desk.h.run_jobs()
        assert await desk.outcome(first) == await desk.outcome(second)
        assert await desk.provider_did() == ["challenged", "authorised"]


async def test_so_many_repeats_wait_and_no_more(postgres_server: PostgresServer) -> None:
    async with open_desk(postgres_server) as desk:
        order = await challenged(desk)
        command = AnswerChallenge(payment_id=order.payment_id, answer=Secret("approve"))
        for _ in range(8):
            await desk.leave(command, desk.payer)
        with pytest.raises(Refused) as no:
            await desk.h.send(command, caller=desk.payer)
        assert no.value.status == 429
        await desk.h.run_jobs()


async def test_a_challenge_nobody_answers_lapses_and_is_let_go(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        order = await challenged(desk)
        awaiting = await desk.leave(AwaitChallenge(payment_id=order.payment_id))
        await desk.h.run_periodic()
        assert await desk.is_open(awaiting)
        left = await desk.h.fetch_value("select challenge_until - now() from payment")
        assert 14 * 60 < left.total_seconds() <= 15 * 60
        await desk.h.execute("update payment set challenge_until = now()")
        await desk.h.run_periodic()
        answer = await desk.refusal(awaiting)
        assert answer.details == {"reason": "challenge_lapsed"}
        await desk.h.run_jobs()
        assert await desk.provider_did() == ["challenged", "voided"]
        late = await desk.answer(order.payment_id, "approve")
        assert (await desk.refusal(late)).code == "no_challenge_open"


async def test_a_challenge_does_not_lapse_while_the_answer_is_at_the_provider(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        order = await challenged(desk)
        command = AnswerChallenge(payment_id=order.payment_id, answer=Secret("approve"))
        answering = await desk.leave(command, desk.payer)
        await desk.h.execute("update payment set challenge_until = now()")
        await desk.h.run_periodic()
        await desk.h.run_jobs()
        assert (await desk.outcome(answering)).state == "authorised"


@pytest.mark.parametrize("answered_first", [False, True])
@pytest.mark.parametrize("capture", [False, True])
async def test_a_void_ends_a_challenge_whatever_the_customer_answers(
    postgres_server: PostgresServer, answered_first: bool, capture: bool
) -> None:
    async with open_desk(postgres_server) as desk:
        order = await challenged(desk, capture=capture)
        awaiting = await desk.leave(AwaitChallenge(payment_id=order.payment_id))
        answer = AnswerChallenge(payment_id=order.payment_id, answer=Secret("approve"))
        if answered_first:
            await desk.leave(answer, desk.payer)
        voiding = await desk.leave(VoidPayment(payment_id=order.payment_id))
        with pytest.raises(Refused) as no:
            await desk.h.send(answer, caller=desk.payer)
        assert no.value.code == "no_challenge_open"
        await desk.h.run_jobs()
        assert (await desk.refusal(awaiting)).code == "payment_declined"
        payment = await desk.outcome(voiding)
        assert payment.state == ("refunded" if answered_first and capture else "voided")
        assert "PaymentAuthorised" not in desk.told()
