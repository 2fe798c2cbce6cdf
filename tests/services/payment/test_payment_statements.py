"""Statements are read off the ledger: their sums follow from each other and from the movements."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from tests.harness import driver
from tests.services.payment.paper_desk import tell_sellers
from tests.services.payment.payment_desk import Desk, eur, open_desk

from evslot.embedded.throwaway import PostgresServer
from evslot.services.payment.messages import (
    GetStatement,
    ListPayments,
    ListStatementLines,
    RefundPayment,
    StatementLine,
    StatementSum,
)
from evslot.spine.callers import SYSTEM, Caller
from evslot.spine.message import Query, Refused
from evslot.values import Money, OrganisationId, Period

pytestmark = pytest.mark.anyio

ALL = Period(datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=1))


async def earn(desk: Desk, organisation_id: OrganisationId, amount: Money, back: int = 0) -> None:
    order = desk.order(amount=amount, capture=True, organisation_id=organisation_id)
    await desk.do(order)
    if back:
        money = Money(back, amount.currency)
        await desk.do(
            RefundPayment(payment_id=order.payment_id, refund_id=uuid4(), amount=money, reason="x")
        )


async def sums(
    desk: Desk, organisation_id: OrganisationId, period: Period
) -> dict[str, StatementSum]:
    question = GetStatement(organisation_id=organisation_id, period=period)
    found = await desk.h.ask(question, caller=SYSTEM)
    for one in found.sums:
        moved = one.earned - one.fees - one.refunded - one.paid_out
        assert one.opening + moved == one.payable
    return {one.currency: one for one in found.sums}


async def all_lines(desk: Desk, organisation_id: OrganisationId) -> list[StatementLine]:
    question = ListStatementLines(organisation_id=organisation_id, period=ALL, limit=2)
    lines: list[StatementLine] = []
    for _ in range(20):
        page = await desk.h.ask(question, caller=SYSTEM)
        lines += page.lines
        if page.next_cursor is None:
            return lines
        question = ListStatementLines(
            organisation_id=organisation_id, period=ALL, limit=2, cursor=page.next_cursor
        )
    raise AssertionError("pages without end")


async def test_a_statement_adds_up_by_currency_and_leaves_others_money_out(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        own, other = OrganisationId(uuid4()), OrganisationId(uuid4())
        await earn(desk, own, eur(640), back=240)
        await earn(desk, own, eur(1000))
        await earn(desk, own, Money(50_000, "INR"), back=50_000)
        await earn(desk, other, eur(999))
        found = await sums(desk, own, ALL)
        euro, rupee = found["EUR"], found["INR"]
        assert (euro.earned, euro.refunded, euro.payable) == (1640, 240, 1400)
        assert (rupee.earned, rupee.refunded, rupee.payable) == (50_000, 50_000, 0)
        lines = await all_lines(desk, own)
        assert len(lines) == 5
        assert sum(line.amount.amount for line in lines if line.amount.currency == "EUR") == 1400


async def test_what_was_before_the_period_opens_it(postgres_server: PostgresServer) -> None:
    async with open_desk(postgres_server) as desk:
        own = OrganisationId(uuid4())
        await earn(desk, own, eur(640))
        border = await desk.h.fetch_value("select clock_timestamp()")
        await earn(desk, own, eur(100), back=40)
        before = (await sums(desk, own, Period(ALL.start, border)))["EUR"]
        after = (await sums(desk, own, Period(border, ALL.end)))["EUR"]
        assert before.payable == after.opening == 640
        assert (after.earned, after.refunded, after.payable) == (100, 40, 700)


async def test_lines_name_their_receipts(postgres_server: PostgresServer) -> None:
    async with open_desk(postgres_server) as desk:
        own = OrganisationId(uuid4())
        await earn(desk, own, eur(640), back=640)
        assert [line.receipt_number for line in await all_lines(desk, own)] == [None, None]
        await tell_sellers(desk)
        assert [
            (line.kind, line.amount.amount, line.receipt_number)
            for line in await all_lines(desk, own)
        ] == [("capture", 640, "EV-000001"), ("refund", -640, "EV-000002")]


async def test_role_comes_first_and_ownership_after(postgres_server: PostgresServer) -> None:
    async with open_desk(postgres_server) as desk:
        own = OrganisationId(uuid4())
        cases: list[tuple[Caller, int]] = [
            (driver(), 403),
            (driver(organisations={own: "viewer"}), 403),
            (driver(organisations={OrganisationId(uuid4()): "owner"}), 404),
        ]
        questions: list[Query[Any]] = [
            GetStatement(organisation_id=own, period=ALL),
            ListStatementLines(organisation_id=own, period=ALL),
        ]
        for question in questions:
            for caller, status in cases:
                with pytest.raises(Refused) as no:
                    await desk.h.ask(question, caller=caller)
                assert no.value.status == status
            await desk.h.ask(question, caller=driver(organisations={own: "manager"}))


@pytest.mark.parametrize("days", [-1, 0, 367])
async def test_an_absurd_period_is_refused(postgres_server: PostgresServer, days: int) -> None:
    async with open_desk(postgres_server) as desk:
        period = Period(ALL.start, ALL.start + timedelta(days=days))
        with pytest.raises(Refused) as no:
            await sums(desk, OrganisationId(uuid4()), period)
        assert no.value.code == "period_invalid"


async def test_a_payer_lists_own_payments_newest_first_page_by_page(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        assert desk.payer.user_id is not None
        orders = [desk.order() for _ in range(3)]
        for order in orders:
            await desk.do(order)
        question = ListPayments(payer_id=desk.payer.user_id, limit=2)
        page = await desk.h.ask(question, caller=desk.payer)
        rest = await desk.h.ask(
            ListPayments(payer_id=desk.payer.user_id, limit=2, cursor=page.next_cursor),
            caller=desk.payer,
        )
        found = [payment.payment_id for payment in (*page.payments, *rest.payments)]
        assert found == [order.payment_id for order in reversed(orders)]
        assert rest.next_cursor is None
        one = ListPayments(payer_id=desk.payer.user_id, reservation_id=orders[0].reservation_id)
        assert len((await desk.h.ask(one, caller=desk.payer)).payments) == 1
        for wrong in (
            ListPayments(payer_id=desk.payer.user_id, states=["voided"], cursor=page.next_cursor),
            ListPayments(payer_id=desk.payer.user_id, cursor="e30=.made.up"),
        ):
            with pytest.raises(Refused) as no:
                await desk.h.ask(wrong, caller=desk.payer)
            assert no.value.code == "cursor_invalid"
        with pytest.raises(Refused) as foreign:
            await desk.h.ask(question, caller=driver())
        assert foreign.value.status == 404
