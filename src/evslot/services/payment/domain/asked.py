"""What each command makes of a payment: a decision, or a refusal."""

from datetime import datetime
from uuid import UUID

from evslot.services.payment.domain.record import (
    Call,
    Decision,
    Record,
    Refund,
    authorise_call_id,
    call,
    refund_call,
)
from evslot.services.payment.messages import (
    AmountInvalid,
    AuthorizePayment,
    MethodUnclear,
    NoChallengeOpen,
    NotCapturable,
    NotRefundable,
    NotVoidable,
    Payment,
    PaymentDeclined,
    PaymentExists,
    PaymentNotFound,
    RefundPayment,
)
from evslot.values import Money, OrganisationId, PaymentId, ReservationId, UserId

MAX_AMOUNT = 100_000_000_000
"""Minor units. Far above any price, far below what eight bytes hold when sums are made."""

MAX_REASON = 500

NO_CURRENCY = "XXX"
"""ISO 4217's code for no currency."""


def method_named(command: AuthorizePayment) -> bytes:
    """What tells one method from another, whichever way it is named; MethodUnclear."""
    if command.method_id is None:
        return command.method.value.encode()
    if command.method.value:
        raise MethodUnclear()
    return b"saved " + command.method_id.bytes


def never_begun(payment_id: PaymentId) -> Payment:
    """The answer to a void of a payment that was never asked for; now it never can be."""
    nobody = UUID(int=0)
    nothing = Money(0, NO_CURRENCY)
    return Payment(
        payment_id=payment_id,
        version=0,
        state="voided",
        reservation_id=ReservationId(nobody),
        organisation_id=OrganisationId(nobody),
        payer_id=UserId(nobody),
        amount=nothing,
        captured=nothing,
        refunded=nothing,
        challenge_url=None,
        valid_until=None,
        decline_reason="never_begun",
    )


def authorise(command: AuthorizePayment, method_digest: bytes) -> Decision:
    """A new payment; the provider is asked, so nobody is answered yet."""
    amount = command.amount
    if not 0 < amount.amount <= MAX_AMOUNT or not _is_currency(amount.currency):
        raise AmountInvalid()
    record = Record(
        payment_id=command.payment_id,
        version=1,
        state="authorising",
        reservation_id=command.reservation_id,
        organisation_id=command.organisation_id,
        payer_id=command.payer_id,
        amount=amount.amount,
        currency=amount.currency,
        capture_at_once=command.capture,
        method_digest=method_digest,
        running="authorise",
    )
    asking = Call(
        call_id=authorise_call_id(record.payment_id), kind="authorise", amount=record.amount
    )
    return Decision(record=record, wait="authorise", calls=(asking,))


def authorise_again(record: Record, command: AuthorizePayment, method_digest: bytes) -> Decision:
    """The same request once more joins or repeats the first; another one is refused."""
    asked = (
        command.reservation_id,
        command.organisation_id,
        command.payer_id,
        command.amount,
        command.capture,
        method_digest,
    )
    known = (
        record.reservation_id,
        record.organisation_id,
        record.payer_id,
        Money(record.amount, record.currency),
        record.capture_at_once,
        record.method_digest,
    )
    if asked != known:
        raise PaymentExists()
    if record.state == "authorising":
        return Decision(record=record, wait="authorise")
    return _standing(record)


def await_challenge(record: Record) -> Decision:
    """Waits while the provider or the customer has the word."""
    if record.state in ("authorising", "challenge"):
        return Decision(record=record, wait="challenge")
    return _standing(record)


def answer_challenge(record: Record, by: UserId) -> Decision:
    """The payer's answer goes to the provider; a second one meanwhile waits for the first."""
    if record.payer_id != by:
        raise PaymentNotFound()
    if record.state != "challenge" or record.running == "void" or record.void_wanted:
        raise NoChallengeOpen()
    if record.running == "answer":
        return Decision(record=record, wait="answer")
    answering = record.changed(running="answer")
    return Decision(record=answering, wait="answer", calls=(call(answering, "answer"),))


def capture(record: Record, amount: Money, now: datetime) -> Decision:
    """Take (a part of) an authorised sum, once; the rest is let go."""
    _check_amount(record, amount)
    if record.captured:
        undone = record.state == "declined" or record.void_wanted
        if undone or record.captured != amount.amount:
            raise NotCapturable()
        return Decision(record=record)
    if record.running == "capture" and record.capturing == amount.amount:
        return Decision(record=record, wait="capture")
    lapsed = record.valid_until is not None and record.valid_until <= now
    if record.state != "authorised" or record.running is not None or lapsed:
        raise NotCapturable()
    if amount.amount > record.amount:
        raise NotCapturable()
    taking = record.changed(running="capture", capturing=amount.amount)
    return Decision(record=taking, wait="capture", calls=(call(taking, "capture", amount.amount),))


def void(record: Record) -> Decision:
    """Let an authorisation go; what is not known yet is undone as soon as it is."""
    if record.state in ("declined", "voided", "refunded"):
        return Decision(record=record)
    if record.void_wanted or record.running == "void":
        return Decision(record=record, wait="void")
    if record.running in ("authorise", "answer"):
        return Decision(record=record.changed(void_wanted=True), wait="void")
    if record.running == "capture" or record.captured:
        raise NotVoidable()
    voiding = record.changed(running="void")
    return Decision(record=voiding, wait="void", calls=(call(voiding, "void"),))


def refund(record: Record, existing: Refund | None, command: RefundPayment) -> Decision:
    """Give (a part of) captured money back, once per refund id."""
    _check_amount(record, command.amount)
    if existing is not None:
        return _refund_again(record, existing, command)
    free = record.captured - record.refunded - record.refunding
    if record.state not in ("captured", "partly_refunded") or command.amount.amount > free:
        raise NotRefundable()
    giving = Refund(
        refund_id=command.refund_id,
        payment_id=record.payment_id,
        amount=command.amount.amount,
        state="pending",
        reason=command.reason.replace("\0", "")[:MAX_REASON],
    )
    return Decision(
        record=record.changed(refunding=record.refunding + giving.amount),
        wait="refund",
        refund=giving,
        calls=(refund_call(giving),),
    )


def _refund_again(record: Record, existing: Refund, command: RefundPayment) -> Decision:
    same = (existing.payment_id, existing.amount) == (record.payment_id, command.amount.amount)
    if not same or existing.state == "refused":
        raise NotRefundable()
    waiting = existing.state == "pending"
    return Decision(record=record, refund=existing, wait="refund" if waiting else None)


def _standing(record: Record) -> Decision:
    """What an authorisation has come to: the payment, or why there is none."""
    undone = record.running == "void" or record.void_wanted
    if undone or record.state in ("declined", "voided"):
        raise PaymentDeclined(reason=record.decline_reason or "voided")
    return Decision(record=record)


def _check_amount(record: Record, amount: Money) -> None:
    if amount.amount <= 0 or amount.currency != record.currency:
        raise AmountInvalid()


def _is_currency(code: str) -> bool:
    """Three capital letters, as in ISO 4217."""
    return len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()
