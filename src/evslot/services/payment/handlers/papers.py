"""Receipts and credit notes: due when money moves, written once the seller is known."""

from datetime import timedelta
from uuid import UUID

from evslot.services.payment.domain import receipts as rules
from evslot.services.payment.domain.receipts import Deal, Due, Parties
from evslot.services.payment.domain.record import Decision
from evslot.services.payment.domain.settings import PaymentSettings
from evslot.services.payment.messages import Receipt, ReceiptIssued, Seller
from evslot.services.payment.store import receipts as store
from evslot.services.user import messages as user
from evslot.spine.handling import Handlers, Reply
from evslot.spine.message import Refused
from evslot.spine.transaction import Transaction
from evslot.values import OrganisationId, PaymentId

handlers = Handlers()

ASK_AGAIN = timedelta(minutes=10)
"""An organisation that is not known (yet): its papers wait, nothing else does."""
SWEEP = 50


async def want_papers(tx: Transaction, decision: Decision) -> None:
    """For each movement of money a paper, in this transaction; its seller is asked for."""
    record = decision.record
    for due in rules.due_papers(decision, tx.now):
        await store.insert_due(tx, due, record.organisation_id)
        _ask_seller(tx, due.receipt_id, record.payment_id, record.organisation_id, 0)


@handlers.answered("seller")
async def seller_answered(reply: Reply, tx: Transaction) -> None:
    """The legal block as of now: everything that is due about the payment is written."""
    payment_id = PaymentId(UUID(reply.context))
    try:
        seller = seller_of(reply.result(user.OrganisationView))
    except Refused:
        await store.put_due_off(tx, payment_id, ASK_AGAIN)
        return
    await store.lock_numbers(tx)
    deal = await store.find_deal(tx, payment_id)
    if deal is None:
        raise LookupError(f"no payment {payment_id}: none is ever deleted")
    parties = Parties(seller=seller, agent=tx.resource(PaymentSettings).agent)
    before = await store.list_receipts(tx, payment_id)
    for due in await store.take_due(tx, payment_id):
        before.append(await _issue(tx, due, deal, parties, before))


@handlers.every(seconds=5.0)
async def ask_sellers_again(tx: Transaction) -> None:
    """Papers whose seller was not known when it was asked for."""
    for due in await store.take_asking(tx, SWEEP):
        _ask_seller(tx, due.receipt_id, due.payment_id, due.organisation_id, due.rounds)


async def _issue(
    tx: Transaction, due: Due, deal: Deal, parties: Parties, before: list[Receipt]
) -> Receipt:
    sequence = await store.next_number(tx, deal.organisation_id)
    if due.kind == "receipt":
        paper = rules.receipt(due, deal, sequence, tx.now, parties)
    else:
        paper = rules.credit_note(due, deal, sequence, tx.now, parties, before)
    await store.insert_receipt(tx, paper, due.movement_id, sequence)
    tx.emit(
        ReceiptIssued(
            receipt_id=paper.receipt_id,
            kind=paper.kind,
            number=paper.number,
            payment_id=paper.payment_id,
            reservation_id=paper.reservation_id,
            organisation_id=paper.organisation_id,
            payer_id=paper.payer_id,
            total=paper.total,
            issued_at=paper.issued_at,
        )
    )
    return paper


def _ask_seller(
    tx: Transaction,
    receipt_id: UUID,
    payment_id: PaymentId,
    organisation_id: OrganisationId,
    attempt: int,
) -> None:
    tx.ask(
        user.GetOrganisation(organisation_id=organisation_id),
        then="seller",
        about=receipt_id,
        context=str(payment_id),
        attempt=attempt,
    )


def seller_of(view: user.OrganisationView) -> Seller:
    """The legal block as it is now."""
    return Seller(
        legal_name=view.legal_name,
        address=view.address,
        country=view.country,
        vat_id=view.vat_id,
        register=view.register,
        contact_email=view.contact_email,
        phone=view.phone,
    )
