"""Payments: list and read them, their receipts, and answers to the provider's challenge."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta
from msgspec.structs import replace

from evslot.gateway.auth import header_of
from evslot.gateway.description import described
from evslot.gateway.parsing import Body, Parameters
from evslot.gateway.visitors import Driver, EdgeRequest, SignedInDriver
from evslot.services.payment import messages as payment
from evslot.services.payment.messages import GetReceiptPdf, Payment, Payments, ReceiptView
from evslot.spine.message import Secret
from evslot.values import PaymentId, ReservationId

PDF = "application/pdf"
MOST_PARTS = 80
"""10 MiB; a receipt has one part."""


class ChallengeBody(Body, frozen=True, kw_only=True):
    """The customer's answer to the provider."""

    answer: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=1000,
            description="The simulated provider knows approve and refuse.",
        ),
    ]


class PaymentsWish(Parameters, frozen=True, kw_only=True):
    """Which payments."""

    reservation_id: ReservationId | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None


class ReceiptWish(Parameters, frozen=True, kw_only=True):
    """How a receipt is to look; without `format` by the header Accept."""

    format: Literal["json", "pdf"] | None = None
    language: Annotated[payment.Language, Meta(description="Of the PDF")] = "en"
    receipt_id: Annotated[UUID, Meta(description="A credit note as PDF")] | None = None


@get(
    "/v1/payments",
    opt=described(payment.CursorInvalid, parameters=PaymentsWish, tag="Booking"),
)
async def list_payments(request: EdgeRequest, driver: Driver) -> Payments:
    """The caller's payments, newest first; all attempts of one booking, where it is named."""
    wish = request.parameters(PaymentsWish)
    return await driver.ask(
        payment.ListPayments(
            payer_id=driver.user_id,
            reservation_id=wish.reservation_id,
            limit=wish.limit,
            cursor=wish.cursor,
        )
    )


@get("/v1/payments/{payment_id:uuid}", opt=described(payment.PaymentNotFound, tag="Booking"))
async def get_payment(payment_id: FromPath[PaymentId], driver: Driver) -> Payment:
    """One payment, for its payer."""
    return await driver.ask(payment.GetPayment(payment_id=payment_id))


@post(
    "/v1/payments/{payment_id:uuid}/challenge",
    opt=described(
        payment.PaymentNotFound,
        payment.NoChallengeOpen,
        payment.PaymentDeclined,
        example={"answer": "approve"},
        tag="Booking",
    ),
)
async def answer_challenge(
    payment_id: FromPath[PaymentId], data: JSONBody[ChallengeBody], driver: Driver
) -> Payment:
    """Answer the provider's challenge; the booking is confirmed after an approval."""
    return await driver.send(
        payment.AnswerChallenge(payment_id=payment_id, answer=Secret(data.answer))
    )


@get(
    "/v1/payments/{payment_id:uuid}/receipt",
    opt=described(
        payment.PaymentNotFound,
        payment.ReceiptNotFound,
        parameters=ReceiptWish,
        media=(PDF,),
        tag="Booking",
    ),
)
async def get_receipt(
    payment_id: FromPath[PaymentId], request: EdgeRequest, driver: Driver
) -> Response[ReceiptView]:
    """The receipt of a payment with its credit notes; as PDF with `format=pdf` or by Accept.

    It is there soon after the money was taken, and never changes.
    """
    wish = request.parameters(ReceiptWish)
    if wish.format == "pdf" or (wish.format is None and _wants_pdf(request)):
        question = GetReceiptPdf(
            payment_id=payment_id, receipt_id=wish.receipt_id, language=wish.language
        )
        return await _pdf(question, driver)
    view = await driver.ask(payment.GetReceipt(payment_id=payment_id))
    return Response(msgspec.json.encode(view), media_type="application/json")  # type: ignore[arg-type]


def _wants_pdf(request: EdgeRequest) -> bool:
    return PDF in (header_of(request, b"accept") or "")


async def _pdf(question: GetReceiptPdf, driver: SignedInDriver) -> Response[Any]:
    first = await driver.ask(question)
    content = first.content
    for part in range(1, min(first.parts, MOST_PARTS)):
        content += (await driver.ask(replace(question, part=part))).content
    name = f"{first.number}-{question.language}.pdf"
    return Response(
        content,
        media_type=PDF,
        headers={"Content-Disposition": f'inline; filename="{name}"'},
    )


ROUTES = [list_payments, get_payment, answer_challenge, get_receipt]
