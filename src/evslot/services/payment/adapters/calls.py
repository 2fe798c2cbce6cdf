"""The provider's calls as jobs: each is tried again under the same key until it is answered."""

from typing import Any
from uuid import UUID

from evslot.services.payment.adapters.provider import PaymentProvider
from evslot.services.payment.domain.record import (
    Call,
    Description,
    ProviderAnswer,
    Record,
    authorise_call_id,
)
from evslot.spine.jobs import Job, Jobs
from evslot.spine.message import Secret
from evslot.spine.wiring import Resources
from evslot.values import Money, PaymentId, UserId

jobs = Jobs()

# A person waits for the first two; two minutes is longer than anybody's patience, and shorter than
# a hold. The others are begun anew after that, for as long as it takes (`handlers.call_again`).
LIMITS: dict[str, Any] = {
    "workers": 8,
    "attempts": 8,
    "timeout_seconds": 10.0,
    "deadline_seconds": 120.0,
}


class AuthoriseAtProvider(Job[ProviderAnswer], frozen=True, kw_only=True):
    """Ask for the money."""

    call_id: UUID
    payment_id: PaymentId
    amount: Money
    method: Secret[str]
    capture: bool
    save: bool = False
    """The payer wants the method kept."""


class DescribeAtProvider(Job[Description], frozen=True, kw_only=True):
    """Find out what a method is that somebody wants kept."""

    command_id: UUID
    """Who waits for it."""
    method_id: UUID
    user_id: UserId
    method: Secret[str]
    make_default: bool


class AnswerAtProvider(Job[ProviderAnswer], frozen=True, kw_only=True):
    """Pass the customer's answer to a challenge on."""

    call_id: UUID
    payment_id: PaymentId
    reference: str
    answer: Secret[str]


class CaptureAtProvider(Job[ProviderAnswer], frozen=True, kw_only=True):
    """Take what was promised, or a part."""

    call_id: UUID
    payment_id: PaymentId
    reference: str
    amount: Money


class VoidAtProvider(Job[ProviderAnswer], frozen=True, kw_only=True):
    """Let a promise go."""

    call_id: UUID
    payment_id: PaymentId
    reference: str


class RefundAtProvider(Job[ProviderAnswer], frozen=True, kw_only=True):
    """Give money back."""

    call_id: UUID
    payment_id: PaymentId
    reference: str
    amount: Money


class LookUpAtProvider(Job[ProviderAnswer], frozen=True, kw_only=True):
    """Find out what became of an authorise that was given up."""

    call_id: UUID
    payment_id: PaymentId
    authorise_call_id: UUID


ProviderJob = (
    AuthoriseAtProvider
    | AnswerAtProvider
    | CaptureAtProvider
    | VoidAtProvider
    | RefundAtProvider
    | LookUpAtProvider
)


def job_for(
    record: Record, call: Call, secret: Secret[str] | None = None, save: bool = False
) -> ProviderJob:
    """The job that makes a call; `secret` is the method or the customer's answer, kept nowhere."""
    number, payment_id = call.call_id, record.payment_id
    amount = Money(call.amount, record.currency)
    reference = record.provider_reference or ""
    match call.kind:
        case "capture":
            return CaptureAtProvider(
                call_id=number, payment_id=payment_id, reference=reference, amount=amount
            )
        case "void":
            return VoidAtProvider(call_id=number, payment_id=payment_id, reference=reference)
        case "refund":
            return RefundAtProvider(
                call_id=number, payment_id=payment_id, reference=reference, amount=amount
            )
        case "look_up":
            return LookUpAtProvider(
                call_id=number,
                payment_id=payment_id,
                authorise_call_id=authorise_call_id(payment_id),
            )
    if secret is None:
        raise ValueError(f"{call.kind} cannot be called without what the customer gave")
    if call.kind == "answer":
        return AnswerAtProvider(
            call_id=number, payment_id=payment_id, reference=reference, answer=secret
        )
    return AuthoriseAtProvider(
        call_id=number,
        payment_id=payment_id,
        amount=amount,
        method=secret,
        capture=record.capture_at_once,
        save=save,
    )


@jobs.run(AuthoriseAtProvider, **LIMITS)
async def authorise(job: AuthoriseAtProvider, resources: Resources) -> ProviderAnswer:
    return await _provider(resources).authorise(
        job.call_id,
        payment_id=job.payment_id,
        amount=job.amount,
        method=job.method,
        capture=job.capture,
    )


@jobs.run(DescribeAtProvider, **{**LIMITS, "attempts": 3, "deadline_seconds": 20.0})
async def describe(job: DescribeAtProvider, resources: Resources) -> Description:
    return Description(shown=await _provider(resources).describe(job.method))


@jobs.run(AnswerAtProvider, **LIMITS)
async def answer_challenge(job: AnswerAtProvider, resources: Resources) -> ProviderAnswer:
    return await _provider(resources).answer_challenge(
        job.call_id, reference=job.reference, answer=job.answer
    )


@jobs.run(CaptureAtProvider, **LIMITS)
async def capture(job: CaptureAtProvider, resources: Resources) -> ProviderAnswer:
    return await _provider(resources).capture(
        job.call_id, reference=job.reference, amount=job.amount
    )


@jobs.run(VoidAtProvider, **LIMITS)
async def void(job: VoidAtProvider, resources: Resources) -> ProviderAnswer:
    return await _provider(resources).void(job.call_id, reference=job.reference)


@jobs.run(RefundAtProvider, **LIMITS)
async def refund(job: RefundAtProvider, resources: Resources) -> ProviderAnswer:
    return await _provider(resources).refund(
        job.call_id, reference=job.reference, amount=job.amount
    )


@jobs.run(LookUpAtProvider, **LIMITS)
async def look_up(job: LookUpAtProvider, resources: Resources) -> ProviderAnswer:
    return await _provider(resources).look_up(job.authorise_call_id)


def _provider(resources: Resources) -> PaymentProvider:
    return resources.get(PaymentProvider)  # type: ignore[type-abstract]
