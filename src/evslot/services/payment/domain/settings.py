"""Settings of the payment service."""

from typing import Annotated

from msgspec import Meta, Struct


class PaymentSettings(Struct, frozen=True, kw_only=True):
    """`EVSLOT_PAYMENT_<FIELD>`."""

    agent: Annotated[str, Meta(min_length=1, max_length=200)] = "evslot"
    """Who issues receipts in the operators' name; printed on them."""
    simulated_webhook_url: str | None = None
    """Where the simulated provider sends its events; without one it sends none by itself."""
    simulated_webhook_secret: Annotated[str, Meta(min_length=24, max_length=512)] | None = None
    """`whsec_<base64>`, as both sides know it; without one it is made from this part's keys."""
