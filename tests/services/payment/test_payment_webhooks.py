"""Events of the provider: only signed ones count, and none moves money twice."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.services.payment.event_inbox import EventInbox
from tests.services.payment.payment_desk import PRICE, Desk, eur, open_desk

from evslot.embedded.throwaway import PostgresServer
from evslot.services.payment.adapters.entries import Entry
from evslot.services.payment.adapters.simulated import SimulatedProvider
from evslot.services.payment.adapters.webhooks import (
    SignedEvent,
    WebhookKey,
    due_times,
    signed_event,
)
from evslot.services.payment.domain import webhooks
from evslot.services.payment.domain.record import ProviderAnswer
from evslot.services.payment.messages import (
    CapturePayment,
    GetPayment,
    ProviderEventTaken,
    RefundPayment,
    SignatureInvalid,
    TakeProviderEvent,
)
from evslot.spine.callers import ANONYMOUS, SYSTEM
from evslot.spine.message import Refused, Secret

pytestmark = pytest.mark.anyio

KEY = b"a key of more than 16 bytes"
NOW = datetime(2030, 5, 1, 12, tzinfo=UTC)


async def events_of(desk: Desk, now: datetime | None = None) -> list[SignedEvent]:
    """What the provider would send, oldest first, signed now."""
    provider = desk.h.resources.get(SimulatedProvider)
    key = desk.h.resources.get(WebhookKey)
    return [
        signed_event(entry, at, key.value, now or datetime.now(UTC))
        for entry, at in await provider.to_tell()
    ]


def command_of(event: SignedEvent, body: bytes | None = None) -> TakeProviderEvent:
    return TakeProviderEvent(
        provider="simulated",
        event_id=event.headers["webhook-id"],
        timestamp=event.headers["webhook-timestamp"],
        signature=Secret(event.headers["webhook-signature"]),
        body=Secret(event.body if body is None else body),
    )


async def take(desk: Desk, event: SignedEvent) -> ProviderEventTaken:
    taken = await desk.h.send(command_of(event), caller=ANONYMOUS)
    await desk.h.run_jobs()
    return taken


async def test_a_lost_answer_is_told_by_its_event_and_the_books_agree(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        order = desk.order("sim_lost", capture=True)
        number = await desk.leave(order)
        await desk.h.jobs.step("AuthoriseAtProvider")
        assert await desk.is_open(number)
        (event,) = await events_of(desk)
        assert (await take(desk, event)).outcome == "applied"
        assert (await desk.outcome(number)).captured == eur(PRICE)
        await desk.h.run_jobs()
        assert (await take(desk, event)).outcome == "known"
        assert await desk.provider_did() == ["authorised", "captured"]


async def test_events_late_twice_and_out_of_order_move_nothing_twice(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        order = desk.order()
        await desk.do(order)
        await desk.do(CapturePayment(payment_id=order.payment_id, amount=eur(500)))
        await desk.do(
            RefundPayment(
                payment_id=order.payment_id, refund_id=uuid4(), amount=eur(200), reason="x"
            )
        )
        question = GetPayment(payment_id=order.payment_id)
        before = await desk.h.ask(question, caller=SYSTEM)
        told = desk.told()
        events = await events_of(desk)
        mixed = [*events, *events]
        random.Random(7).shuffle(mixed)
        outcomes = [(await take(desk, event)).outcome for event in mixed]
        assert sorted(outcomes) == ["known"] * 3 + ["nothing"] * 3
        assert await desk.h.ask(question, caller=SYSTEM) == before
        assert desk.told() == told
        assert await desk.h.fetch_value("select count(*) from ledger_transaction") == 2


async def test_an_event_and_the_answer_it_tells_at_once_count_once(
    postgres_server: PostgresServer,
) -> None:
    """The capture's event comes while its answer is lost on the way, and its job runs again."""
    async with open_desk(postgres_server) as desk:
        order = desk.order("sim_timeout_after_charge")
        await desk.do(order)
        number = await desk.leave(CapturePayment(payment_id=order.payment_id, amount=eur(PRICE)))
        await desk.h.jobs.step("CaptureAtProvider")
        event = (await events_of(desk))[-1]
        await asyncio.gather(take(desk, event), desk.h.run_jobs())
        assert (await desk.outcome(number)).captured == eur(PRICE)
        assert await desk.h.fetch_value("select count(*) from ledger_transaction") == 1


async def test_unsigned_altered_and_old_events_are_refused(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        await desk.do(desk.order())
        (event,) = await events_of(desk)
        (old,) = await events_of(desk, datetime.now(UTC) - timedelta(minutes=6))
        altered = event.body.replace(b"approved", b"declined")
        for command in (
            command_of(event, altered),
            command_of(event, event.body + b" "),
            command_of(old),
            command_of(SignedEvent(body=event.body, headers={**event.headers, "webhook-id": "x"})),
        ):
            with pytest.raises(Refused) as no:
                await desk.h.send(command, caller=ANONYMOUS)
            assert (no.value.status, no.value.code) == (403, "signature_invalid")
        key = desk.h.resources.get(WebhookKey).value
        timestamp = event.headers["webhook-timestamp"]
        unreadable = SignedEvent(
            body=b"{}",
            headers={
                **event.headers,
                "webhook-signature": webhooks.sign(
                    key, event.headers["webhook-id"], timestamp, b"{}"
                ),
            },
        )
        with pytest.raises(Refused) as broken:
            await desk.h.send(command_of(unreadable), caller=ANONYMOUS)
        assert broken.value.code == "event_unreadable"


async def test_the_provider_sends_its_events_until_they_are_taken(
    postgres_server: PostgresServer,
) -> None:
    """Twice where it is told to, in the other order where it is told to, and again after a no."""
    async with EventInbox(refuse=1) as inbox:
        env = {"EVSLOT_PAYMENT_SIMULATED_WEBHOOK_URL": inbox.url}
        async with open_desk(postgres_server, env) as desk:
            for method in ("sim_webhook_twice", "sim_webhook_reversed"):
                order = desk.order(method)
                await desk.do(order)
                await desk.do(CapturePayment(payment_id=order.payment_id, amount=eur(PRICE)))
            await desk.h.execute("update provider_delivery set due_at = due_at - interval '3 s'")
            await inbox.until(6)
            kinds = [kind for kind, _ in inbox.taken]
            assert sorted(kinds) == ["payment.authorised"] * 3 + ["payment.captured"] * 3
            for _, event in inbox.taken:
                assert (await take(desk, event)).outcome in ("nothing", "known")


@given(
    body=st.binary(max_size=200),
    signature=st.text(max_size=100),
    timestamp=st.text(max_size=15),
    event_id=st.text(max_size=20),
)
def test_only_the_signer_can_sign(
    body: bytes, signature: str, timestamp: str, event_id: str
) -> None:
    with pytest.raises(SignatureInvalid):
        webhooks.verify(KEY, event_id, timestamp, body, signature, NOW)
    now = str(int(NOW.timestamp()))
    good = webhooks.sign(KEY, event_id, now, body)
    webhooks.verify(KEY, event_id, now, body, f"v1,c29tZSBvdGhlcg== {good}", NOW)
    with pytest.raises(SignatureInvalid):
        webhooks.verify(KEY + b"!", event_id, now, body, good, NOW)


@pytest.mark.parametrize(
    ("fault", "authorised", "captured"),
    [
        (None, [0], [0]),
        ("webhook_late", [3], [3]),
        ("webhook_twice", [0, 0], [0, 0]),
        ("webhook_reversed", [3], [0]),
    ],
)
def test_faults_decide_when_and_how_often_an_event_is_sent(
    fault: str | None, authorised: list[int], captured: list[int]
) -> None:
    answer = ProviderAnswer(outcome="done")
    for kind, seconds in (("authorised", authorised), ("captured", captured)):
        entry = Entry(
            idempotency_key=uuid4(),
            kind=kind,  # type: ignore[arg-type]
            reference="auth_1",
            currency="EUR",
            answer=answer,
        )
        times = due_times(entry, fault, NOW)
        assert times == [NOW + timedelta(seconds=later) for later in seconds]


def test_a_signature_is_made_as_standard_webhooks_says() -> None:
    """Over `msg_1.1614265330.{}`, with the key inside the secret."""
    key = webhooks.secret_bytes("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    signature = webhooks.sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
