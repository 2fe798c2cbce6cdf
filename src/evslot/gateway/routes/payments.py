"""Payments: read one, answer the provider's challenge."""

from typing import Annotated

from litestar import get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from evslot.gateway.description import described
from evslot.gateway.parsing import Body
from evslot.gateway.visitors import Driver
from evslot.services.payment import messages as payment
from evslot.services.payment.messages import Payment
from evslot.spine.message import Secret
from evslot.values import PaymentId


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


ROUTES = [get_payment, answer_challenge]
