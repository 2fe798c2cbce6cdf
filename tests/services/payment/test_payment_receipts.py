"""Receipts and credit notes from the movement of money to the PDF, on the real database."""

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from tests.harness import driver
from tests.services.payment.paper_desk import bought_for, tell_sellers, total, two_rates
from tests.services.payment.payment_desk import Desk, eur, open_desk

from evslot.embedded.throwaway import PostgresServer
from evslot.services.payment.adapters.typesetting import typeset
from evslot.services.payment.messages import (
    CapturePayment,
    GetReceipt,
    GetReceiptPdf,
    Payment,
    Receipt,
    ReceiptIssued,
    ReceiptView,
    RefundPayment,
    VoidPayment,
)
from evslot.services.user.messages import OrganisationNotFound
from evslot.spine.callers import SYSTEM
from evslot.spine.message import Query, Refused
from evslot.values import OrganisationId, PaymentId

pytestmark = pytest.mark.anyio

LINES = two_rates(100, 540)


async def prepaid(desk: Desk, organisation_id: OrganisationId | None = None) -> Payment:
    order = desk.order(
        amount=total(LINES),
        capture=True,
        bought=bought_for(*LINES),
        organisation_id=organisation_id or OrganisationId(uuid4()),
    )
    return await desk.do(order)


async def refund(desk: Desk, payment: Payment, amount: int) -> None:
    await desk.do(
        RefundPayment(
            payment_id=payment.payment_id, refund_id=uuid4(), amount=eur(amount), reason="x"
        )
    )


async def view(desk: Desk, payment_id: PaymentId) -> ReceiptView:
    return await desk.h.ask(GetReceipt(payment_id=payment_id), caller=desk.payer)


async def test_a_capture_gets_a_receipt_with_the_seller_as_of_that_moment(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        payment = await prepaid(desk)
        with pytest.raises(Refused) as early:
            await view(desk, payment.payment_id)
        assert early.value.code == "receipt_not_found"
        assert await tell_sellers(desk) == 1
        receipt = (await view(desk, payment.payment_id)).receipt
        assert (receipt.number, receipt.total) == ("EV-000001", payment.captured)
        assert receipt.seller.register == "HRB 12345 B, Amtsgericht Charlottenburg"
        assert [(vat.vat_basis_points, vat.vat, vat.gross) for vat in receipt.vat] == [
            (1900, 16, 100),
            (700, 35, 540),
        ]
        issued = [event for event in desk.h.events if isinstance(event, ReceiptIssued)]
        assert [(event.kind, event.number) for event in issued] == [("receipt", "EV-000001")]


async def test_refunds_get_credit_notes_that_end_at_nil(postgres_server: PostgresServer) -> None:
    async with open_desk(postgres_server) as desk:
        payment = await prepaid(desk)
        await tell_sellers(desk)
        await refund(desk, payment, 240)
        await refund(desk, payment, 400)
        assert await tell_sellers(desk) == 2
        papers = await view(desk, payment.payment_id)
        notes = papers.credit_notes
        assert [(note.number, note.total.amount) for note in notes] == [
            ("EV-000002", 240),
            ("EV-000003", 400),
        ]
        assert {note.refers_to for note in notes} == {papers.receipt.number}
        assert sum(vat.vat for note in notes for vat in note.vat) == 16 + 35


async def test_a_part_that_was_kept_is_split_over_the_rates(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        order = desk.order(amount=total(LINES), bought=bought_for(*LINES))
        await desk.do(order)
        await desk.do(CapturePayment(payment_id=order.payment_id, amount=eur(320)))
        await tell_sellers(desk)
        receipt = (await view(desk, order.payment_id)).receipt
        assert [(line.kind, line.amount) for line in receipt.lines] == [("FEE", 50), ("FEE", 270)]


async def test_a_refund_that_overtakes_the_receipt_waits_for_it(
    postgres_server: PostgresServer,
) -> None:
    """Whichever answer comes first writes all that is due, in the order the money moved."""
    async with open_desk(postgres_server) as desk:
        payment = await prepaid(desk)
        await refund(desk, payment, 640)
        assert await tell_sellers(desk) == 2
        papers = await view(desk, payment.payment_id)
        assert papers.receipt.number == "EV-000001"
        assert [note.number for note in papers.credit_notes] == ["EV-000002"]


async def test_numbers_have_no_gaps_and_each_organisation_its_own(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        first, second = OrganisationId(uuid4()), OrganisationId(uuid4())
        for organisation_id in (first, second, first, first, second):
            await prepaid(desk, organisation_id)
        assert await tell_sellers(desk, at_once=True) == 5
        rows = await desk.h.fetch("select organisation_id, sequence from receipt order by sequence")
        numbers = {one: [r["sequence"] for r in rows if r["organisation_id"] == one]
                   for one in (first, second)}  # fmt: skip
        assert numbers == {first: [1, 2, 3], second: [1, 2]}


async def test_an_unknown_seller_holds_up_the_paper_and_nothing_else(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        payment = await prepaid(desk)
        assert payment.state == "captured"
        await tell_sellers(desk, OrganisationNotFound())
        assert await desk.h.fetch_value("select count(*) from receipt") == 0
        await desk.h.execute("update receipt_due set ask_again_at = now()")
        await desk.h.run_periodic()
        assert await tell_sellers(desk) == 1
        assert (await view(desk, payment.payment_id)).receipt.number == "EV-000001"


async def test_what_nobody_wanted_any_more_has_no_papers(postgres_server: PostgresServer) -> None:
    async with open_desk(postgres_server) as desk:
        order = desk.order(capture=True)
        await desk.leave(order)
        await desk.leave(VoidPayment(payment_id=order.payment_id))
        await desk.h.run_jobs()
        assert await tell_sellers(desk) == 0
        assert await desk.h.fetch_value("select count(*) from receipt_due") == 0


async def test_a_receipt_never_changes(postgres_server: PostgresServer) -> None:
    async with open_desk(postgres_server) as desk:
        await prepaid(desk)
        await tell_sellers(desk)
        for change in ("update receipt set total = 1", "delete from receipt"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await desk.h.execute(change)


async def test_payer_and_operator_read_a_receipt_and_strangers_find_none(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        payment = await prepaid(desk)
        await tell_sellers(desk)
        operator = driver(organisations={payment.organisation_id: "viewer"})
        stranger = driver(organisations={OrganisationId(uuid4()): "owner"})
        data = GetReceipt(payment_id=payment.payment_id)
        pdf = GetReceiptPdf(payment_id=payment.payment_id)
        for caller in (desk.payer, operator, SYSTEM):
            await desk.h.ask(data, caller=caller)
            assert (await desk.h.ask(pdf, caller=caller)).content.startswith(b"%PDF-1.7")
        questions: list[Query[Any]] = [data, pdf]
        for question in questions:
            with pytest.raises(Refused) as no:
                await desk.h.ask(question, caller=stranger)
            assert (no.value.status, no.value.code) == (404, "payment_not_found")


async def test_a_pdf_has_the_same_bytes_each_time_and_whole_in_parts(
    postgres_server: PostgresServer,
) -> None:
    async with open_desk(postgres_server) as desk:
        payment = await prepaid(desk)
        await tell_sellers(desk)
        receipt: Receipt = (await view(desk, payment.payment_id)).receipt
        question = GetReceiptPdf(payment_id=payment.payment_id, language="de")
        part = await desk.h.ask(question, caller=desk.payer)
        assert (part.part, part.parts, part.number) == (0, 1, "EV-000001")
        again = await asyncio.to_thread(typeset, receipt, "de")
        assert part.content == again
        assert again != await asyncio.to_thread(typeset, receipt, "en")
        with pytest.raises(Refused) as beyond:
            await desk.h.ask(
                GetReceiptPdf(payment_id=payment.payment_id, part=1), caller=desk.payer
            )
        assert beyond.value.code == "receipt_not_found"
