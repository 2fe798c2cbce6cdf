"""What the simulated provider would have written of a made-up payment."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from evslot.services.payment.adapters.entries import Entry, EntryKind, approved, done
from evslot.services.payment.domain.sample import Answered, Past
from evslot.values import Money

KINDS: dict[str, EntryKind] = {"capture": "captured", "void": "voided", "refund": "refunded"}


def entries_of(past: Past) -> Iterator[tuple[Entry, datetime]]:
    """Its lines in the provider's books, with their times."""
    reference = past.record.provider_reference or ""
    for answered in past.answers:
        for entry in _entries(answered, past, reference):
            yield entry, answered.at


def _entries(answered: Answered, past: Past, reference: str) -> list[Entry]:
    call, record = answered.call, past.record
    if call.kind == "authorise":
        return approved(_wanted(call.call_id, answered, past, reference))
    # To let go is to let go of everything; the call itself names no sum.
    amount = record.amount if call.kind == "void" else call.amount
    return done(call.call_id, reference, KINDS[call.kind], Money(amount, record.currency))


def _wanted(key: UUID, answered: Answered, past: Past, reference: str) -> Entry:
    return Entry(
        idempotency_key=key,
        kind="authorised",
        reference=reference,
        amount=past.record.amount,
        currency=past.record.currency,
        takes_at_once=past.record.capture_at_once,
        valid_until=answered.answer.valid_until,
        merchant_id=past.record.payment_id,
    )
