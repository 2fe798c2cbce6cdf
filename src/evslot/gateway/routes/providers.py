"""Payment providers: events they send by themselves, passed on byte by byte."""

from litestar import get, post
from litestar.params import FromPath

from evslot.gateway.auth import header_of
from evslot.gateway.description import described
from evslot.gateway.problems import FieldError, FieldInvalid
from evslot.gateway.visitors import EdgeRequest, Visitor
from evslot.services.payment import messages as payment
from evslot.services.payment.messages import ProviderEventTaken, ProviderView
from evslot.spine.message import Secret

LONGEST_HEADER = 1000
EXAMPLE = (
    '{"type":"payment.authorised","timestamp":"2026-11-24T17:00:00Z","data":{"idempotency_key":'
    '"018f4c1e-5a00-5123-8abc-0123456789ab","reference":"auth_018f4c1e5a0051238abc0123456789ab",'
    '"answer":{"outcome":"approved","reference":"auth_018f4c1e5a0051238abc0123456789ab"}}}'
)


@post(
    "/v1/providers/{provider:str}/events",
    opt=described(
        payment.ProviderNotFound,
        payment.SignatureInvalid,
        payment.EventUnreadable,
        FieldInvalid,
        example=EXAMPLE,
        tag="Providers",
        raw_body="application/json",
    ),
)
async def take_provider_event(
    provider: FromPath[str], request: EdgeRequest, visitor: Visitor
) -> ProviderEventTaken:
    """Take an event of a payment provider, signed by Standard Webhooks.

    Headers `webhook-id`, `webhook-timestamp`, `webhook-signature`; the signature is checked over
    exactly the bytes that arrived. An event that comes twice, late or out of order moves no money.
    """
    return await visitor.send(
        payment.TakeProviderEvent(
            provider=provider,
            event_id=_header(request, "webhook-id"),
            timestamp=_header(request, "webhook-timestamp"),
            signature=Secret(_header(request, "webhook-signature")),
            body=Secret(await request.body()),
        )
    )


@get("/v1/payment-provider", opt=described(tag="Providers"))
async def get_payment_provider(visitor: Visitor) -> ProviderView:
    """Who takes the money here; in development, what one can try to pay with."""
    return await visitor.show(payment.GetProvider())


def _header(request: EdgeRequest, name: str) -> str:
    value = header_of(request, name.encode())
    if not value or len(value) > LONGEST_HEADER:
        message = "is missing" if not value else "is too long"
        raise FieldInvalid(errors=[FieldError(where="header", field=name, message=message)])
    return value


ROUTES = [take_provider_event, get_payment_provider]
