"""Questions about receipts: what they say, and how they look."""

from uuid import UUID

import msgspec

from evslot.services.payment.adapters.typesetting import Typesetter
from evslot.services.payment.messages import (
    GetReceipt,
    GetReceiptPdf,
    Receipt,
    ReceiptNotFound,
    ReceiptPart,
    ReceiptView,
)
from evslot.services.payment.queries.payments import check_may_see_payment
from evslot.spine.handling import Queries
from evslot.spine.transaction import Reading
from evslot.values import PaymentId

queries = Queries()

PART_BYTES = 128 * 1024
"""Base64 makes it 171 KiB, which one record holds."""


@queries.on(GetReceipt)
async def get_receipt(query: GetReceipt, reading: Reading) -> ReceiptView:
    """For the payer, members of the operator's organisation, and services."""
    await check_may_see_payment(query.payment_id, reading)
    rows = await reading.fetch(
        "select paper from receipt where payment_id = $1 order by sequence", query.payment_id
    )
    papers = [msgspec.json.decode(row["paper"], type=Receipt) for row in rows]
    taken = next((paper for paper in papers if paper.kind == "receipt"), None)
    if taken is None:
        raise ReceiptNotFound()
    notes = tuple(paper for paper in papers if paper.kind == "credit_note")
    return ReceiptView(receipt=taken, credit_notes=notes)


@queries.on(GetReceiptPdf)
async def get_receipt_pdf(query: GetReceiptPdf, reading: Reading) -> ReceiptPart:
    """Set anew each time, the same bytes each time: nothing to store, nothing to grow stale."""
    await check_may_see_payment(query.payment_id, reading)
    paper = await _paper(query.payment_id, query.receipt_id, reading)
    pdf = await reading.resource(Typesetter).set(paper, query.language)
    parts = -(-len(pdf) // PART_BYTES)
    if not 0 <= query.part < parts:
        raise ReceiptNotFound()
    begin = query.part * PART_BYTES
    return ReceiptPart(
        receipt_id=paper.receipt_id,
        number=paper.number,
        part=query.part,
        parts=parts,
        content=pdf[begin : begin + PART_BYTES],
    )


async def _paper(payment_id: PaymentId, receipt_id: UUID | None, reading: Reading) -> Receipt:
    row = await reading.fetch_row(
        """
        select paper from receipt
        where payment_id = $1
          and case when $2::uuid is null then kind = 'receipt' else receipt_id = $2 end
        """,
        payment_id,
        receipt_id,
    )
    if row is None:
        raise ReceiptNotFound()
    return msgspec.json.decode(row["paper"], type=Receipt)
