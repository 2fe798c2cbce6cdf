"""Which provider runs, and what people may try: each of its tokens does what it says."""

from uuid import uuid4

import pytest
from tests.harness import Harness

from evslot.embedded.throwaway import PostgresServer
from evslot.services.payment.adapters.provider import PaymentProvider, ProviderUnavailable
from evslot.services.payment.messages import GetProvider
from evslot.services.payment.service import SERVICE
from evslot.spine.message import Secret
from evslot.values import Money, PaymentId

pytestmark = pytest.mark.anyio

SAID = {
    "approves": "approved",
    "takes_long": "approved",
    "challenges": "challenge",
    "declines": "declined",
    "fails_at_first": "unavailable",
}


async def test_what_a_sample_method_does_is_what_is_said_of_it(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        told = await h.ask(GetProvider())
        assert (told.name, told.moves_money) == ("simulated", False)
        provider = h.resources.get(PaymentProvider)  # type: ignore[type-abstract]
        did: dict[str, str] = {}
        for method in told.test_methods:
            try:
                answer = await provider.authorise(
                    uuid4(),
                    payment_id=PaymentId(uuid4()),
                    amount=Money(100, "EUR"),
                    method=Secret(f"{method.token}:4242"),
                    capture=False,
                )
                did[method.does] = answer.outcome
            except ProviderUnavailable:
                did[method.does] = "unavailable"
        assert did == SAID


async def test_in_production_nothing_is_offered_to_be_tried(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server, {"EVSLOT_ENVIRONMENT": "production"}) as h:
        assert (await h.ask(GetProvider())).test_methods == []
