"""A provider that fails: asked again under the same key, never charged again, nothing lost."""

from uuid import uuid4

import pytest
from tests.services.payment.payment_desk import PRICE, eur, open_desk

from evslot.embedded.throwaway import PostgresServer
from evslot.services.payment.adapters.provider import ProviderUnavailable
from evslot.services.payment.messages import (
    CapturePayment,
    GetPayment,
    RefundPayment,
    VoidPayment,
)
from evslot.spine.callers import SYSTEM
from evslot.spine.message import Secret
from evslot.values import PaymentId

pytestmark = pytest.mark.anyio

FAULTY = ["sim_timeout_after_charge", "sim_flaky"]


@pytest.mark.parametrize("method", FAULTY)
async def test_a_faulty_provider_charges_and_refunds_once(
    postgres_server: PostgresServer, method: str
) -> None:
    async with open_desk(postgres_server) as desk:
        order = desk.order(method)
        assert (await desk.do(order)).state == "authorised"
        capture = CapturePayment(payment_id=order.payment_id, amount=eur(PRICE))
        assert (await desk.do(capture)).state == "captured"
        refund = RefundPayment(
            payment_id=order.payment_id, refund_id=uuid4(), amount=eur(PRICE), reason="x"
        )
        assert (await desk.do(refund)).state == "refunded"
        assert await desk.provider_did() == ["authorised", "captured", "refunded"]
        assert await desk.h.fetch_value("select min(attempt) from job") > 1


@pytest.mark.parametrize("method", FAULTY)
async def test_a_faulty_provider_lets_go_once(postgres_server: PostgresServer, method: str) -> None:
    async with open_desk(postgres_server) as desk:
        order = desk.order(method)
        await desk.do(order)
        assert (await desk.do(VoidPayment(payment_id=order.payment_id))).state == "voided"
        assert await desk.provider_did() == ["authorised", "voided"]


async def test_a_slow_provider_is_waited_for(postgres_server: PostgresServer) -> None:
    async with open_desk(postgres_server) as desk:
        assert (await desk.do(desk.order("sim_slow"))).state == "authorised"


async def test_a_silent_provider_declines_and_is_looked_up_until_it_is_known(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        order = desk.order("sim_down")
        number = await desk.leave(order)
        await desk.h.run_jobs()
        answer = await desk.refusal(number)
        assert answer.details == {"reason": "provider_unavailable"}
        assert desk.told() == ["PaymentRejected"]
        look_up = "select state || ' ' || rounds from provider_call where kind = 'look_up'"
        assert await desk.h.fetch_value(look_up) == "open 1"
        await desk.make_due()
        assert await desk.h.fetch_value(look_up) == "open 2"
        await desk.h.execute("update provider_call set created_at = now() - interval '25 hours'")
        await desk.make_due()
        assert await desk.h.fetch_value(look_up) == "done 2"
        assert await desk.provider_did() == []


@pytest.mark.parametrize("capture", [False, True])
async def test_what_turns_up_after_silence_is_undone(
    postgres_server: PostgresServer, capture: bool
) -> None:
    async with open_desk(postgres_server) as desk:
        order = desk.order("sim_lost", capture=capture)
        number = await desk.leave(order)
        await desk.h.run_jobs()
        assert (await desk.refusal(number)).details == {"reason": "provider_unavailable"}
        undone = ["captured", "refunded"] if capture else ["voided"]
        assert await desk.provider_did() == ["authorised", *undone]
        payment = await desk.h.ask(GetPayment(payment_id=order.payment_id), caller=SYSTEM)
        assert payment.state == "declined"
        assert payment.captured == payment.refunded == eur(PRICE if capture else 0)


async def test_a_void_during_silence_is_answered_and_nothing_stays_held(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        order = desk.order("sim_lost")
        await desk.leave(order)
        voiding = await desk.leave(VoidPayment(payment_id=order.payment_id))
        await desk.h.run_jobs()
        assert (await desk.outcome(voiding)).state == "declined"
        assert await desk.provider_did() == ["authorised", "voided"]


async def test_a_capture_outlives_any_outage(postgres_server: PostgresServer) -> None:
    """Jobs give up, the capture does not: it is begun anew under the same key."""
    async with open_desk(postgres_server) as desk:
        order = desk.order("sim_flaky")
        await desk.do(order)
        capture = CapturePayment(payment_id=order.payment_id, amount=eur(100))
        number = await desk.leave(capture)
        await desk.h.execute("update job set deadline_at = now() where state = 'ready'")
        await desk.h.run_jobs()
        assert await desk.is_open(number)
        due = await desk.h.fetch_value("select due_at - now() from provider_call where rounds = 1")
        assert 20 < due.total_seconds() <= 30
        await desk.make_due()
        assert (await desk.outcome(number)).captured == eur(100)
        assert await desk.provider_did() == ["authorised", "captured"]


async def test_a_lapsed_authorisation_is_voided_and_cannot_be_taken(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        order = desk.order()
        await desk.do(order)
        await desk.h.execute("update payment set valid_until = now()")
        capture = CapturePayment(payment_id=order.payment_id, amount=eur(1))
        answer = await desk.h.submit(capture, caller=SYSTEM)
        assert answer is not None
        assert answer.code == "not_capturable"
        await desk.h.run_periodic()
        payment = await desk.h.ask(GetPayment(payment_id=order.payment_id), caller=SYSTEM)
        assert (payment.state, payment.decline_reason) == ("voided", "authorisation_lapsed")
        assert desk.told()[-1] == "PaymentVoided"


async def test_a_capture_the_provider_no_longer_honours_voids_the_payment(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        order = desk.order("sim_lapse")
        payment = await desk.do(order)
        await desk.h.execute("update payment set valid_until = now() + interval '1 day'")
        await desk.h.fetch_value(
            "select pg_sleep(greatest(0, extract(epoch from $1 - clock_timestamp()))) is null",
            payment.valid_until,
        )
        number = await desk.leave(CapturePayment(payment_id=order.payment_id, amount=eur(1)))
        await desk.h.run_jobs()
        assert (await desk.refusal(number)).code == "not_capturable"
        payment = await desk.h.ask(GetPayment(payment_id=order.payment_id), caller=SYSTEM)
        assert (payment.state, payment.decline_reason) == ("voided", "lapsed")


async def test_a_result_that_comes_twice_counts_once(postgres_server: PostgresServer) -> None:
    async with open_desk(postgres_server) as desk:
        await desk.leave(desk.order(capture=True))
        (job,) = await desk.h.fetch("select kind, payload from job")
        assert await desk.h.run_jobs() == 1
        told = desk.told()
        # As after a kill between the call and the commit: another job at the same call.
        await desk.h.execute(
            "insert into job (id, kind, payload, deadline_at) "
            "values (gen_random_uuid(), $1, $2, now() + interval '1 minute')",
            job["kind"],
            job["payload"],
        )
        assert await desk.h.run_jobs() == 1
        assert desk.told() == told
        assert await desk.provider_did() == ["authorised", "captured"]
        assert await desk.h.fetch_value("select count(*) from ledger_transaction") == 1


async def test_the_provider_answers_a_key_always_the_same(postgres_server: PostgresServer) -> None:
    async with open_desk(postgres_server) as desk:
        provider, key = desk.provider, uuid4()
        number = PaymentId(uuid4())

        async def authorise(method: str) -> object:
            return await provider.authorise(
                key, payment_id=number, amount=eur(5), method=Secret(method), capture=False
            )

        with pytest.raises(ProviderUnavailable):
            await authorise("sim_timeout_after_charge")
        first = await authorise("sim_timeout_after_charge")
        assert await authorise("sim_decline") == first
        found = await provider.look_up(key)
        assert (found.outcome, found.reference) == ("approved", f"auth_{key.hex}")
        assert (await provider.look_up(uuid4())).outcome == "not_found"
        # Nobody's: reconciliation would say so.
        with pytest.raises(ProviderUnavailable):
            await provider.void(uuid4(), reference=f"auth_{key.hex}")
