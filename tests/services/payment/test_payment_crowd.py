"""Many payments at once, with a provider that fails in every way: all end, and all books agree."""

import asyncio
import random
from contextlib import suppress
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace
from tests.services.payment.paper_desk import tell_sellers
from tests.services.payment.payment_desk import PRICE, Desk, eur, open_desk

from evslot.embedded.throwaway import PostgresServer
from evslot.services.payment.messages import (
    AnswerChallenge,
    CapturePayment,
    Payment,
    RefundPayment,
    VoidPayment,
)
from evslot.spine.callers import SYSTEM
from evslot.spine.message import Command, Secret
from evslot.values import OrganisationId

pytestmark = pytest.mark.anyio

METHODS = ["sim_ok", "sim_decline", "sim_challenge", "sim_timeout_after_charge", "sim_flaky"]
PAYMENTS = 40
SEED = 20_301_105
PATIENCE_SECONDS = 60
OPERATORS = [OrganisationId(uuid4()) for _ in range(3)]


async def test_a_crowd_of_payments_ends_with_books_that_agree(
    postgres_server: PostgresServer,
) -> None:
    dice = random.Random(SEED)
    async with open_desk(postgres_server) as desk:
        working = asyncio.create_task(desk.h.jobs.run())
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                lives = [_live(desk, random.Random(dice.random())) for _ in range(PAYMENTS)]
                await asyncio.gather(*lives)
                await _wait_until(desk, "select not exists (select from waiting)")
                await _wait_until(
                    desk, "select not exists (select from provider_call where state = 'open')"
                )
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working
        ledger = "select count(*) from ledger_transaction"
        assert await desk.h.fetch_value(ledger) > PAYMENTS / 4
        moved = "select count(*) from provider_log where kind in ('captured', 'refunded')"
        assert await desk.h.fetch_value(ledger) == await desk.h.fetch_value(moved)
        await tell_sellers(desk)
        papers = await desk.h.fetch("select organisation_id, sequence, kind from receipt")
        assert len(papers) > PAYMENTS / 4
        assert not await desk.h.fetch_value("select exists (select from receipt_due)")
        # Whatever was not taken is held for nobody any more, unless it still stands.
        states = await desk.h.fetch("select distinct state from payment")
        ended = {"captured", "declined", "voided", "refunded", "partly_refunded"}
        assert {row["state"] for row in states} <= ended | {"authorised"}


async def _live(desk: Desk, dice: random.Random) -> None:
    """One payment, asked about as a service in a hurry would: without waiting for answers."""
    order = desk.order(dice.choice(METHODS), capture=dice.random() < 0.5)
    order = replace(order, organisation_id=OPERATORS[dice.randrange(len(OPERATORS))])
    asked = uuid4()
    await desk.h.submit(order, caller=SYSTEM, command_id=asked)
    if dice.random() < 0.3:
        await desk.h.submit(VoidPayment(payment_id=order.payment_id), caller=SYSTEM)
    answer = await _answered(desk, asked)
    if answer == "challenge":
        said = Secret(dice.choice(["approve", "approve", "refuse"]))
        answering = AnswerChallenge(payment_id=order.payment_id, answer=said)
        await desk.h.submit(answering, caller=desk.payer)
    for _ in range(4):
        taken = eur(dice.choice([1, 300, PRICE]))
        number, refund_id = order.payment_id, uuid4()
        commands: list[Command[Payment]] = [
            CapturePayment(payment_id=number, amount=taken),
            VoidPayment(payment_id=number),
            RefundPayment(payment_id=number, refund_id=refund_id, amount=taken, reason="crowd"),
        ]
        await desk.h.submit(dice.choice(commands), caller=SYSTEM)
        await asyncio.sleep(dice.random() / 5)


async def _answered(desk: Desk, number: UUID) -> str:
    """The payment's state, or the code of the refusal."""
    while True:
        answer = await desk.h.stored_answer(number)
        if answer is not None:
            return str(answer.code or (await desk.outcome(number)).state)
        await asyncio.sleep(0.05)


async def _wait_until(desk: Desk, true: str) -> None:
    while True:
        if await desk.h.fetch_value(true):
            return
        await asyncio.sleep(0.1)
