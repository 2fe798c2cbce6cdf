"""Payments: what each command makes of them, and each answer of the provider."""

from datetime import timedelta
from uuid import UUID

from evslot.services.payment.adapters.calls import (
    AnswerAtProvider,
    AuthoriseAtProvider,
    CaptureAtProvider,
    LookUpAtProvider,
    ProviderJob,
    RefundAtProvider,
    VoidAtProvider,
    job_for,
)
from evslot.services.payment.domain import answered, asked
from evslot.services.payment.domain.record import Call, Decision, ProviderAnswer, Record
from evslot.services.payment.handlers.methods import (
    keep_from_payment,
    settle_waiting,
    token_of,
)
from evslot.services.payment.handlers.papers import want_papers
from evslot.services.payment.messages import (
    AnswerChallenge,
    AuthorizePayment,
    AwaitChallenge,
    CapturePayment,
    Payment,
    PaymentDeclined,
    PaymentNotFound,
    RefundPayment,
    VoidPayment,
)
from evslot.services.payment.store import payments as store
from evslot.services.payment.store import receipts
from evslot.spine.handling import Handlers
from evslot.spine.jobs import JobFailed
from evslot.spine.message import Secret, TooMany
from evslot.spine.sealing import Keys
from evslot.spine.transaction import LATER, Later, Transaction
from evslot.values import PaymentId

handlers = Handlers()

MAX_WAITING = 8
"""Commands that wait for the same; a second one is a repeat under another key."""

SWEEP = 50
"""Payments a sweep takes at a time; what is left comes a second later."""

STANDS = ("authorised", "captured")

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=15)
LOOK_UP_FOR = timedelta(days=1)
"""After that a lost authorise will not turn up any more."""


@handlers.on(AuthorizePayment)
async def authorize_payment(command: AuthorizePayment, tx: Transaction) -> Payment | Later:
    tx.caller.require_system()
    digest = tx.resource(Keys).fingerprint(asked.method_named(command))
    decision = asked.authorise(command, digest)
    if await receipts.is_stopped(tx, command.payment_id):
        raise PaymentDeclined(reason="voided")
    if not await store.insert_payment(tx, decision.record):
        record = await _payment(tx, command.payment_id)
        return await carry_out(tx, record, asked.authorise_again(record, command, digest))
    method = command.method
    if command.method_id is not None:
        method = await token_of(tx, command.payer_id, command.method_id)
    if command.bought is not None:
        await receipts.insert_purchase(tx, command.payment_id, command.bought)
    return await carry_out(tx, decision.record, decision, method, save=command.save_method)


@handlers.on(AwaitChallenge)
async def await_challenge(command: AwaitChallenge, tx: Transaction) -> Payment | Later:
    tx.caller.require_system()
    record = await _payment(tx, command.payment_id)
    return await carry_out(tx, record, asked.await_challenge(record))


@handlers.on(AnswerChallenge)
async def answer_challenge(command: AnswerChallenge, tx: Transaction) -> Payment | Later:
    payer = tx.caller.require_user()
    record = await _payment(tx, command.payment_id)
    return await carry_out(tx, record, asked.answer_challenge(record, payer), command.answer)


@handlers.on(CapturePayment)
async def capture_payment(command: CapturePayment, tx: Transaction) -> Payment | Later:
    tx.caller.require_system()
    record = await _payment(tx, command.payment_id)
    return await carry_out(tx, record, asked.capture(record, command.amount, tx.now))


@handlers.on(VoidPayment)
async def void_payment(command: VoidPayment, tx: Transaction) -> Payment | Later:
    """One that is not known will never be: what comes after its void comes too late."""
    tx.caller.require_system()
    record = await store.lock_payment(tx, command.payment_id)
    if record is None:
        await receipts.stop_payment(tx, command.payment_id, tx.now)
        return asked.never_begun(command.payment_id)
    return await carry_out(tx, record, asked.void(record))


@handlers.on(RefundPayment)
async def refund_payment(command: RefundPayment, tx: Transaction) -> Payment | Later:
    tx.caller.require_system()
    record = await _payment(tx, command.payment_id)
    existing = await store.find_refund(tx, command.refund_id)
    return await carry_out(tx, record, asked.refund(record, existing, command))


@handlers.result(AuthoriseAtProvider)
@handlers.result(AnswerAtProvider)
@handlers.result(CaptureAtProvider)
@handlers.result(VoidAtProvider)
@handlers.result(RefundAtProvider)
@handlers.result(LookUpAtProvider)
async def provider_answered(
    job: ProviderJob, result: ProviderAnswer | JobFailed, tx: Transaction
) -> None:
    if isinstance(result, JobFailed):
        await _unanswered(tx, job)
        return
    record = await take_answer(tx, job.payment_id, job.call_id, result)
    if record is not None and isinstance(job, AuthoriseAtProvider):
        await keep_from_payment(job, result, record, tx)


async def take_answer(
    tx: Transaction, payment_id: PaymentId, call_id: UUID, answer: ProviderAnswer
) -> Record | None:
    """What the provider said to a call, by whatever way; None where it was known.

    The payment before its call: the order in which everybody locks them.
    """
    record = await _payment(tx, payment_id)
    made = await store.lock_call(tx, call_id)
    if made is None:
        return None
    if answer.outcome == "not_found" and tx.now - made.created_at < LOOK_UP_FOR:
        await _put_off(tx, made)
        return record
    await store.close_call(tx, call_id, answer.outcome)
    decision = await _decide(tx, record, made.call, answer)
    await carry_out(tx, record, decision)
    return decision.record


@handlers.every(seconds=1.0)
async def lapse(tx: Transaction) -> None:
    """Challenges nobody answered, and promises the provider has let go by now."""
    for record in await store.lock_lapsed_challenges(tx, SWEEP):
        await carry_out(tx, record, answered.challenge_lapsed(record))
    for record in await store.lock_lapsed_promises(tx, SWEEP):
        await carry_out(tx, record, answered.authorisation_lapsed(record))


@handlers.every(seconds=1.0)
async def call_again(tx: Transaction) -> None:
    """Captures, voids, refunds and look-ups are never given up: a new job under the same key."""
    for due in await store.take_due_calls(tx, SWEEP):
        record = await store.find_payment(tx, due.payment_id)
        if record is not None:
            tx.call(job_for(record, due.call))


async def _unanswered(tx: Transaction, job: ProviderJob) -> None:
    record = await _payment(tx, job.payment_id)
    made = await store.lock_call(tx, job.call_id)
    if made is None:
        return  # It was told another way.
    if made.call.kind in ("authorise", "answer"):
        await store.close_call(tx, job.call_id, None)
        await carry_out(tx, record, answered.authorisation_unknown(record))
    else:
        await _put_off(tx, made)


async def _decide(tx: Transaction, record: Record, made: Call, answer: ProviderAnswer) -> Decision:
    match made.kind:
        case "capture":
            return answered.capture_known(record, made, answer)
        case "void":
            return answered.void_known(record, answer)
        case "look_up":
            return answered.turned_up(record, made, answer)
        case "refund" if made.refund_id is not None:
            refund = await store.find_refund(tx, made.refund_id)
            if refund is None:
                raise LookupError(f"refund {made.refund_id} is gone")
            return answered.refund_known(record, made, refund, answer)
        case _:
            return answered.authorisation_known(record, made, answer, tx.now)


async def carry_out(
    tx: Transaction,
    before: Record,
    decision: Decision,
    secret: Secret[str] | None = None,
    save: bool = False,
) -> Payment | Later:
    """Write everything a decision says, in this transaction; answers the running command."""
    record = decision.record
    refund = decision.refund
    if decision.wait is not None:
        waits_for = refund.refund_id if refund and decision.wait == "refund" else None
        if not await store.insert_waiting(
            tx, record.payment_id, decision.wait, waits_for, MAX_WAITING
        ):
            raise TooMany()
    if record.version != before.version:
        await store.update_payment(tx, record)
    if refund is not None:
        await store.put_refund(tx, refund)
    for call in decision.calls:
        await store.insert_call(tx, record.payment_id, call)
        tx.call(job_for(record, call, secret, save))
    for posting in decision.postings:
        await store.post(tx, posting)
    await want_papers(tx, decision)
    if before.state == "challenge" != record.state:
        await settle_waiting(record.payment_id, record.state in STANDS, tx)
    await _tell(tx, decision)
    return record.shown() if decision.wait is None else LATER


async def _tell(tx: Transaction, decision: Decision) -> None:
    payment = decision.record.shown()
    if decision.event is not None:
        tx.emit(decision.event(payment=payment, version=payment.version))
    for verdict in decision.verdicts:
        waiting = await store.take_waiting(
            tx, payment.payment_id, verdict.purpose, verdict.refund_id
        )
        for command_id in waiting:
            await tx.answer(command_id, verdict.refusal or payment)


async def _put_off(tx: Transaction, made: store.OpenCall) -> None:
    wait = min(FIRST_WAIT * 2 ** min(made.rounds, 10), LONGEST_WAIT)
    await store.put_call_off(tx, made.call.call_id, wait)


async def _payment(tx: Transaction, payment_id: PaymentId) -> Record:
    record = await store.lock_payment(tx, payment_id)
    if record is None:
        raise PaymentNotFound()
    return record
