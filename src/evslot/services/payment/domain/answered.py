"""What an answer of the provider, its silence, or the passing of time makes of a payment."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from evslot.services.payment.domain import ledger
from evslot.services.payment.domain.record import (
    CHALLENGE_LASTS,
    Call,
    Decision,
    ProviderAnswer,
    Purpose,
    Record,
    Refund,
    Verdict,
    call,
    refund_call,
    undoing_refund_id,
)
from evslot.services.payment.messages import (
    NotCapturable,
    NotRefundable,
    NotVoidable,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentChallenged,
    PaymentDeclined,
    PaymentRefunded,
    PaymentRejected,
    PaymentVoided,
)
from evslot.spine.message import Refusal

PROMISE: tuple[Purpose, ...] = ("authorise", "challenge", "answer")
"""Purposes of those who wait for the money to be promised."""


def authorisation_known(
    record: Record, made: Call, answer: ProviderAnswer, now: datetime
) -> Decision:
    """The provider has answered an authorise, or the customer's answer to its challenge."""
    match answer.outcome:
        case "approved":
            return _approved(record, made, answer)
        case "challenge":
            return _challenged(record, answer, now)
        case _:
            return _declined(record, answer.reason or "declined")


def authorisation_unknown(record: Record) -> Decision:
    """The provider stayed silent past the deadline: nobody waits longer, and it is looked up.

    What may turn up later is let go: `turned_up`.
    """
    declined = _declined(record, "provider_unavailable")
    return _with_call(declined, call(declined.record, "look_up"))


def turned_up(record: Record, made: Call, answer: ProviderAnswer) -> Decision:
    """What became of an authorise that was given up; nothing of it may stay."""
    if answer.outcome == "challenge" or (answer.outcome == "approved" and not answer.captured):
        found = record.changed(provider_reference=answer.reference)
        return Decision(record=found, calls=(call(found, "void"),))
    if answer.outcome == "approved":
        found = record.changed(provider_reference=answer.reference, captured=answer.captured)
        posting = _captured(found, made.call_id, answer.captured)
        return _giving_back(Decision(record=found, postings=(posting,)))
    return Decision(record=record)


def capture_known(record: Record, made: Call, answer: ProviderAnswer) -> Decision:
    """The money was taken, or there is no authorisation any more."""
    if answer.outcome != "done":
        return _authorisation_lost(record, answer.reason or "declined")
    taken = record.changed(state="captured", captured=made.amount, capturing=0, running=None)
    return Decision(
        record=taken,
        event=PaymentCaptured,
        postings=(_captured(taken, made.call_id, made.amount),),
        verdicts=(Verdict(purpose="capture"),),
    )


def void_known(record: Record, answer: ProviderAnswer) -> Decision:
    """The authorisation was let go, or could not be."""
    if record.running != "void":
        # A payment that was over already let go of what the provider still held.
        return Decision(record=record)
    if answer.outcome != "done":
        kept = record.changed(running=None, void_wanted=False)
        return Decision(record=kept, verdicts=(Verdict(purpose="void", refusal=NotVoidable()),))
    voided = record.changed(state="voided", running=None, void_wanted=False, challenge_until=None)
    return Decision(
        record=voided,
        event=PaymentVoided,
        verdicts=(Verdict(purpose="void"), *_promise_refused("voided")),
    )


def refund_known(record: Record, made: Call, refund: Refund, answer: ProviderAnswer) -> Decision:
    """Money was given back, or the provider would not."""
    undoing = refund.refund_id == undoing_refund_id(record.payment_id)
    waiting: tuple[Purpose, ...] = ("refund", "void") if undoing else ("refund",)
    void_wanted = record.void_wanted and not undoing
    left = record.refunding - refund.amount
    if answer.outcome != "done":
        kept = record.changed(refunding=left, void_wanted=void_wanted)
        return Decision(
            record=kept,
            refund=_refund_now(refund, "refused"),
            verdicts=_refund_verdicts(refund, waiting, refused=True),
        )
    refunded = record.refunded + refund.amount
    given = record.changed(refunding=left, refunded=refunded, void_wanted=void_wanted)
    return Decision(
        record=_refund_shown(given),
        refund=_refund_now(refund, "done"),
        event=PaymentRefunded,
        postings=(_refunded(record, made.call_id, refund.amount),),
        verdicts=_refund_verdicts(refund, waiting, refused=False),
    )


def challenge_lapsed(record: Record) -> Decision:
    """The customer did not answer in time; the provider is told to let go."""
    declined = _declined(record, "challenge_lapsed")
    return _with_call(declined, call(declined.record, "void"))


def authorisation_lapsed(record: Record) -> Decision:
    """The provider has let the promise go by itself."""
    lapsed = record.changed(state="voided", decline_reason="authorisation_lapsed")
    return Decision(record=lapsed, event=PaymentVoided)


def _approved(record: Record, made: Call, answer: ProviderAnswer) -> Decision:
    standing = record.changed(
        state="captured" if answer.captured else "authorised",
        captured=answer.captured,
        running=None,
        provider_reference=answer.reference or record.provider_reference,
        valid_until=answer.valid_until,
        challenge_until=None,
    )
    posting = _captured(standing, made.call_id, answer.captured)
    postings = (posting,) if answer.captured else ()
    if not standing.void_wanted:
        verdicts = tuple(Verdict(purpose=purpose) for purpose in PROMISE)
        return Decision(
            record=standing, event=PaymentAuthorised, postings=postings, verdicts=verdicts
        )
    if answer.captured:
        return _giving_back(
            Decision(
                record=standing,
                event=PaymentCaptured,
                postings=postings,
                verdicts=_promise_refused("voided"),
            )
        )
    return _letting_go(standing)


def _challenged(record: Record, answer: ProviderAnswer, now: datetime) -> Decision:
    first = record.state == "authorising"
    challenged = record.changed(
        state="challenge",
        running=None,
        provider_reference=answer.reference or record.provider_reference,
        challenge_until=record.challenge_until or now + CHALLENGE_LASTS,
    )
    if challenged.void_wanted:
        return _letting_go(challenged)
    # Who awaits the end of the challenge goes on waiting: a wrong answer may be mended.
    return Decision(
        record=challenged,
        event=PaymentChallenged if first else None,
        verdicts=(Verdict(purpose="authorise"), Verdict(purpose="answer")),
    )


def _declined(record: Record, reason: str) -> Decision:
    declined = record.changed(
        state="declined",
        running=None,
        void_wanted=False,
        challenge_until=None,
        decline_reason=reason,
    )
    return Decision(
        record=declined,
        event=PaymentRejected,
        verdicts=(*_promise_refused(reason), Verdict(purpose="void")),
    )


def _letting_go(record: Record) -> Decision:
    """Somebody wanted it undone meanwhile: it is voided, and nobody is told of a promise."""
    voiding = record.also(running="void")
    return Decision(
        record=voiding, calls=(call(voiding, "void"),), verdicts=_promise_refused("voided")
    )


def _giving_back(decision: Decision) -> Decision:
    """Money that was taken though nobody wants it any more goes back whole."""
    record = decision.record
    undoing = Refund(
        refund_id=undoing_refund_id(record.payment_id),
        payment_id=record.payment_id,
        amount=record.captured,
        state="pending",
        reason="undone",
    )
    return msgspec.structs.replace(
        decision,
        record=record.also(refunding=undoing.amount),
        refund=undoing,
        calls=(refund_call(undoing),),
    )


def _authorisation_lost(record: Record, reason: str) -> Decision:
    lost = record.changed(state="voided", running=None, capturing=0, decline_reason=reason)
    return Decision(
        record=lost,
        event=PaymentVoided,
        # Whatever the provider still holds of it would only block the payer's money.
        calls=(call(lost, "void"),),
        verdicts=(Verdict(purpose="capture", refusal=NotCapturable()),),
    )


def _refund_verdicts(
    refund: Refund, waiting: tuple[Purpose, ...], *, refused: bool
) -> tuple[Verdict, ...]:
    refusals: dict[Purpose, Refusal] = {"refund": NotRefundable(), "void": NotVoidable()}
    return tuple(
        Verdict(
            purpose=purpose,
            refund_id=refund.refund_id if purpose == "refund" else None,
            refusal=refusals[purpose] if refused else None,
        )
        for purpose in waiting
    )


def _refund_shown(record: Record) -> Record:
    """A payment that was declined stays declined, whatever turned up and went back."""
    if record.state not in ("captured", "partly_refunded"):
        return record
    whole = record.refunded == record.captured
    return record.also(state="refunded" if whole else "partly_refunded")


def _refund_now(refund: Refund, state: Literal["done", "refused"]) -> Refund:
    return msgspec.structs.replace(refund, state=state)


def _promise_refused(reason: str) -> tuple[Verdict, ...]:
    refusal = PaymentDeclined(reason=reason)
    return tuple(Verdict(purpose=purpose, refusal=refusal) for purpose in PROMISE)


def _with_call(decision: Decision, more: Call) -> Decision:
    return msgspec.structs.replace(decision, calls=(*decision.calls, more))


def _captured(record: Record, call_id: UUID, amount: int) -> ledger.Posting:
    return ledger.captured(
        record.payment_id,
        call_id,
        record.payer_id,
        record.organisation_id,
        amount,
        record.currency,
    )


def _refunded(record: Record, call_id: UUID, amount: int) -> ledger.Posting:
    return ledger.refunded(
        record.payment_id,
        call_id,
        record.payer_id,
        record.organisation_id,
        amount,
        record.currency,
    )
