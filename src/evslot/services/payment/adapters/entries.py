"""What the simulated provider writes into its books, and how an authorisation stands after it."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from evslot.services.payment.domain.record import ProviderAnswer
from evslot.services.payment.messages import MethodShown
from evslot.values import Money

WRONG_ANSWERS = 3
"""So many answers nobody understands, and the challenge is lost."""

EntryKind = Literal[
    "authorised",
    "challenged",
    "unanswered",
    "captured",
    "voided",
    "refunded",
    "declined",
    "refused",
    "outage",
]


class Entry(Struct, frozen=True, kw_only=True):
    """One line of the provider's books; see the comments of the table `provider_log`."""

    idempotency_key: UUID
    step: int = 0
    kind: EntryKind
    reference: str
    amount: int = 0
    currency: str
    takes_at_once: bool = False
    valid_until: datetime | None = None
    fault: str | None = None
    merchant_id: UUID | None = None
    method: MethodShown | None = None
    """Goes into the answer, not into the books."""
    answer: ProviderAnswer | None = None


class Standing(Struct, kw_only=True):
    """How an authorisation stands after the entries so far; amounts in minor units."""

    held: int = 0
    captured: int = 0
    refunded: int = 0
    challenged: int = 0
    """What will be held if the customer agrees."""
    wrong_answers: int = 0
    currency: str = ""
    takes_at_once: bool = False
    valid_until: datetime | None = None
    fault: str | None = None
    known: bool = False
    declined: bool = False


def stand(entries: list[Entry]) -> Standing:
    """Read an authorisation's entries, oldest first."""
    standing = Standing()
    for entry in entries:
        if entry.kind in ("refused", "outage"):
            continue
        standing.known = True
        match entry.kind:
            case "challenged":
                standing.challenged = entry.amount
            case "authorised":
                standing.held, standing.challenged = entry.amount, 0
                standing.valid_until = entry.valid_until
            case "unanswered":
                standing.wrong_answers += 1
            case "captured":
                standing.captured, standing.held = entry.amount, 0
            case "refunded":
                standing.refunded += entry.amount
            case _:
                standing.held = standing.challenged = 0
                standing.declined = entry.kind == "declined"
        if entry.kind in ("challenged", "authorised", "declined"):
            standing.currency = entry.currency
            standing.takes_at_once = entry.takes_at_once
            standing.fault = entry.fault
    return standing


def approved(wanted: Entry) -> list[Entry]:
    """The sum is held; where it is to be taken at once, a second entry takes it."""
    taken = wanted.amount if wanted.takes_at_once else 0
    answer = ProviderAnswer(
        outcome="approved",
        reference=wanted.reference,
        captured=taken,
        valid_until=wanted.valid_until,
        method=wanted.method,
    )
    entries = [_varied(wanted, kind="authorised", answer=answer)]
    if taken:
        entries.append(_varied(wanted, step=1, kind="captured"))
    return entries


def challenged(wanted: Entry) -> list[Entry]:
    """The customer is asked first."""
    answer = ProviderAnswer(outcome="challenge", reference=wanted.reference, method=wanted.method)
    return [_varied(wanted, kind="challenged", answer=answer, valid_until=None)]


def declined(wanted: Entry, reason: str) -> list[Entry]:
    """Nothing is held, and nothing will be."""
    answer = ProviderAnswer(outcome="declined", reason=reason)
    return [_varied(wanted, kind="declined", answer=answer, valid_until=None)]


def challenge_answered(
    standing: Standing, key: UUID, reference: str, answer: str, valid_until: datetime
) -> list[Entry]:
    """The customer agreed, refused, or was not understood."""
    wanted = Entry(
        idempotency_key=key,
        kind="authorised",
        reference=reference,
        amount=standing.challenged,
        currency=standing.currency,
        takes_at_once=standing.takes_at_once,
        valid_until=valid_until,
    )
    if not standing.challenged:
        return refused(key, reference, Money(0, standing.currency), "no_challenge")
    if answer == "approve":
        return approved(wanted)
    if answer == "refuse":
        return declined(wanted, "refused_by_customer")
    if standing.wrong_answers + 1 >= WRONG_ANSWERS:
        return declined(wanted, "challenge_failed")
    again = ProviderAnswer(outcome="challenge", reference=reference)
    return [_varied(wanted, kind="unanswered", answer=again, valid_until=None)]


def done(key: UUID, reference: str, kind: EntryKind, amount: Money) -> list[Entry]:
    """Captured, voided or refunded."""
    return _entry(key, reference, kind, amount, ProviderAnswer(outcome="done"))


def refused(key: UUID, reference: str, amount: Money, reason: str) -> list[Entry]:
    """Not possible now; nothing changes."""
    answer = ProviderAnswer(outcome="declined", reason=reason)
    return _entry(key, reference, "refused", amount, answer)


def outage(key: UUID, reference: str) -> list[Entry]:
    """Out of order on purpose; the key stays unused."""
    return _entry(key, reference, "outage", Money(0, ""), None)


def _entry(
    key: UUID, reference: str, kind: EntryKind, amount: Money, answer: ProviderAnswer | None
) -> list[Entry]:
    return [
        Entry(
            idempotency_key=key,
            kind=kind,
            reference=reference,
            amount=amount.amount,
            currency=amount.currency,
            answer=answer,
        )
    ]


def _varied(entry: Entry, **fields: Any) -> Entry:
    return msgspec.structs.replace(entry, **fields)
