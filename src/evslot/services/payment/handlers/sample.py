"""Payments of made-up bookings: written into all books as if they had happened, told to nobody."""

from collections import defaultdict
from datetime import timedelta
from uuid import UUID, uuid5

from evslot.services.payment.adapters.sample_entries import entries_of
from evslot.services.payment.adapters.simulated import VALID_FOR, reference_of
from evslot.services.payment.adapters.store import append_past
from evslot.services.payment.domain import receipts as rules
from evslot.services.payment.domain import sample
from evslot.services.payment.domain.receipts import Parties
from evslot.services.payment.domain.settings import PaymentSettings
from evslot.services.payment.handlers.papers import ASK_AGAIN, seller_of
from evslot.services.payment.messages import (
    EnsureSamplePayments,
    Receipt,
    SamplePaymentCount,
)
from evslot.services.payment.store import receipts as receipt_store
from evslot.services.payment.store import sample as store
from evslot.services.user import messages as user
from evslot.spine.config import SharedSettings
from evslot.spine.handling import Handlers, Reply
from evslot.spine.message import Refused
from evslot.spine.sealing import Keys
from evslot.spine.transaction import Transaction
from evslot.values import OrganisationId, PaymentId

handlers = Handlers()

ISSUED_AFTER = timedelta(seconds=1)


@handlers.on(EnsureSamplePayments)
async def ensure_sample_payments(
    command: EnsureSamplePayments, tx: Transaction
) -> SamplePaymentCount:
    """Write those that are not there; their receipts follow once the sellers are known."""
    tx.caller.require_system()
    if not tx.resource(SharedSettings).in_development:
        raise user.SampleAccountsOff()
    known = await store.find_known(tx, [one.payment_id for one in command.payments])
    digest = tx.resource(Keys).fingerprint(sample.METHOD.encode())
    pasts = [
        sample.past(one, digest, reference_of, VALID_FOR)
        for one in command.payments
        if one.payment_id not in known
    ]
    if not pasts:
        return SamplePaymentCount(written=0)
    await store.insert_past(tx, pasts)
    lines = [line for past in pasts for line in entries_of(past)]
    await append_past(tx, sorted(lines, key=lambda line: line[1]))
    posted = [line for past in pasts for line in past.postings]
    if posted:
        await store.post_past(tx, sorted(posted, key=lambda line: line.at))
    for organisation_id in sorted({p.record.organisation_id for p in pasts if p.papers}):
        tx.ask(
            user.GetOrganisation(organisation_id=organisation_id),
            then="sample_seller",
            about=uuid5(tx.command_id, str(organisation_id)),
            context=str(organisation_id),
        )
    return SamplePaymentCount(written=len(pasts))


@handlers.answered("sample_seller")
async def sample_seller_answered(reply: Reply, tx: Transaction) -> None:
    """All papers of the organisation that are due, numbered as its money moved."""
    organisation_id = OrganisationId(UUID(reply.context))
    try:
        seller = seller_of(reply.result(user.OrganisationView))
    except Refused:
        await store.put_made_up_off(tx, organisation_id, ASK_AGAIN)
        return
    await receipt_store.lock_numbers(tx)
    due = await store.take_made_up_due(tx, organisation_id)
    if not due:
        return
    first = await store.take_numbers(tx, organisation_id, len(due))
    parties = Parties(seller=seller, agent=tx.resource(PaymentSettings).agent)
    before: dict[PaymentId, list[Receipt]] = defaultdict(list)
    papers = []
    for sequence, one in enumerate(due, start=first):
        earlier = before[one.deal.payment_id] or list(one.before)
        paper = _paper(one, sequence, parties, earlier)
        before[one.deal.payment_id] = [*earlier, paper]
        papers.append((paper, one.due.movement_id, sequence))
    await store.insert_receipts(tx, papers)


def _paper(one: store.DueOfDeal, sequence: int, parties: Parties, before: list[Receipt]) -> Receipt:
    issued_at = one.due.moved_at + ISSUED_AFTER
    if one.due.kind == "receipt":
        return rules.receipt(one.due, one.deal, sequence, issued_at, parties)
    return rules.credit_note(one.due, one.deal, sequence, issued_at, parties, before)
