"""Lives of made-up payments, decided by the same rules as anybody's: only instants are made up."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

from evslot.services.payment.domain import answered, asked
from evslot.services.payment.domain.ledger import Posting
from evslot.services.payment.domain.receipts import Due, due_papers
from evslot.services.payment.domain.record import (
    Call,
    Decision,
    ProviderAnswer,
    Record,
    Refund,
)
from evslot.services.payment.messages import (
    AuthorizePayment,
    Bought,
    RefundPayment,
    SampleMove,
    SamplePayment,
)
from evslot.spine.message import Secret
from evslot.values import Money

METHOD = "sim_ok"
DONE = ProviderAnswer(outcome="done")
CANCELLED = "cancelled"


class Answered(Struct, frozen=True, kw_only=True):
    """A call of the provider, and the moment of its answer."""

    call: Call
    answer: ProviderAnswer
    record: Record
    """As the answer left it."""
    at: datetime


class Posted(Struct, frozen=True, kw_only=True):
    """A line of the ledger with its moment."""

    posting: Posting
    at: datetime


class Past(Struct, kw_only=True):
    """Everything the books hold of one payment; filled while its life is gone through."""

    record: Record
    bought: Bought
    asked_at: datetime
    changed_at: datetime
    answers: list[Answered]
    postings: list[Posted]
    papers: list[Due]
    refund: Refund | None = None


def past(
    made_up: SamplePayment,
    digest: bytes,
    reference_of: Callable[[UUID], str],
    valid_for: timedelta,
) -> Past:
    """The payment as it is after all its moves."""
    order = _order(made_up)
    decision = asked.authorise(order, digest)
    made = decision.calls[0]
    books = Past(
        record=decision.record,
        bought=made_up.bought,
        asked_at=made_up.asked_at,
        changed_at=made_up.asked_at,
        answers=[],
        postings=[],
        papers=[],
    )
    answer = ProviderAnswer(
        outcome="approved",
        reference=reference_of(made.call_id),
        captured=order.amount.amount if order.capture else 0,
        valid_until=made_up.asked_at + valid_for,
    )
    at = made_up.asked_at
    _note(books, answered.authorisation_known(books.record, made, answer, at), made, answer, at)
    for move in made_up.moves:
        _move(books, made_up, move)
    return books


def _order(made_up: SamplePayment) -> AuthorizePayment:
    return AuthorizePayment(
        payment_id=made_up.payment_id,
        reservation_id=made_up.reservation_id,
        organisation_id=made_up.organisation_id,
        payer_id=made_up.payer_id,
        amount=made_up.amount,
        method=Secret(METHOD),
        capture=made_up.prepaid,
        bought=made_up.bought,
    )


def _move(books: Past, made_up: SamplePayment, move: SampleMove) -> None:
    """One more step: what was asked for, and the provider's yes to it."""
    amount = Money(move.amount, made_up.amount.currency)
    match move.kind:
        case "capture":
            wanted = asked.capture(books.record, amount, move.at)
            known = answered.capture_known(wanted.record, wanted.calls[0], DONE)
        case "void":
            wanted = asked.void(books.record)
            known = answered.void_known(wanted.record, DONE)
        case "refund":
            command = RefundPayment(
                payment_id=made_up.payment_id,
                refund_id=made_up.reservation_id,
                amount=amount,
                reason=CANCELLED,
            )
            wanted = asked.refund(books.record, None, command)
            if wanted.refund is None:
                raise LookupError("a refund that was decided is named")
            known = answered.refund_known(wanted.record, wanted.calls[0], wanted.refund, DONE)
    _note(books, known, wanted.calls[0], DONE, move.at)


def _note(
    books: Past, decision: Decision, made: Call, answer: ProviderAnswer, at: datetime
) -> None:
    books.record = decision.record
    books.refund = decision.refund or books.refund
    books.changed_at = at
    books.answers.append(Answered(call=made, answer=answer, record=decision.record, at=at))
    books.postings += [Posted(posting=posting, at=at) for posting in decision.postings]
    books.papers += due_papers(decision, at)
