"""Runs the payment service for a test: asks as a service would, and reads every book afterwards."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import msgspec
from tests.harness import Harness, driver

from evslot.embedded.throwaway import PostgresServer
from evslot.services.payment import queries
from evslot.services.payment.adapters.provider import PaymentProvider
from evslot.services.payment.messages import (
    AnswerChallenge,
    AuthorizePayment,
    Payment,
)
from evslot.services.payment.service import SERVICE
from evslot.spine.callers import SYSTEM, Caller
from evslot.spine.message import Answer, Command, Secret
from evslot.spine.transaction import Reading
from evslot.values import Money, OrganisationId, PaymentId, ReservationId, UserId

PRICE = 640


def eur(amount: int) -> Money:
    return Money(amount, "EUR")


class Desk:
    """The service in hand."""

    def __init__(self, harness: Harness) -> None:
        self.h = harness
        self.payer: Caller = driver()

    @property
    def provider(self) -> PaymentProvider:
        return self.h.resources.get(PaymentProvider)  # type: ignore[type-abstract]

    def order(self, method: str = "sim_ok", **fields: Any) -> AuthorizePayment:
        assert self.payer.user_id is not None
        order = AuthorizePayment(
            payment_id=PaymentId(uuid4()),
            reservation_id=ReservationId(uuid4()),
            organisation_id=OrganisationId(uuid4()),
            payer_id=UserId(self.payer.user_id),
            amount=eur(PRICE),
            method=Secret(method),
        )
        return msgspec.structs.replace(order, **fields)

    async def leave(self, command: Command[Payment], caller: Caller = SYSTEM) -> UUID:
        """Send a command that is left open; answers its id."""
        number = uuid4()
        answer = await self.h.submit(command, caller=caller, command_id=number)
        assert answer is None, f"answered at once: {answer}"
        return number

    async def do(self, command: Command[Payment], caller: Caller = SYSTEM) -> Payment:
        """Send a command and let the provider do its part; raises Refused for a no."""
        number = uuid4()
        await self.h.submit(command, caller=caller, command_id=number)
        await self.h.run_jobs()
        return await self.outcome(number)

    async def outcome(self, number: UUID) -> Payment:
        """The stored answer to a command, which must not be open any more."""
        payment = await self.h.stored_answer(number, Payment)
        assert payment is not None, "still open"
        return payment  # type: ignore[no-any-return]

    async def is_open(self, number: UUID) -> bool:
        return await self.h.stored_answer(number) is None

    async def refusal(self, number: UUID) -> Answer:
        answer = await self.h.stored_answer(number)
        assert answer is not None, "still open"
        return answer  # type: ignore[no-any-return]

    async def answer(self, payment_id: PaymentId, said: str) -> UUID:
        """The payer answers the challenge; the provider has it then."""
        number = uuid4()
        command = AnswerChallenge(payment_id=payment_id, answer=Secret(said))
        await self.h.submit(command, caller=self.payer, command_id=number)
        await self.h.run_jobs()
        return number

    def told(self) -> list[str]:
        return [type(event).__name__ for event in self.h.events]

    async def provider_did(self) -> list[str]:
        rows = await self.h.fetch(
            "select kind from provider_log where kind <> 'outage' order by position"
        )
        return [row["kind"] for row in rows]

    async def make_due(self) -> None:
        """What was put off is due now; then the sweep and the provider do their part."""
        await self.h.execute(
            "update provider_call set due_at = now() - interval '1 second' where due_at is not null"
        )
        await self.h.run_periodic()
        await self.h.run_jobs()

    async def check_books(self) -> None:
        """Ledger, payments and the provider's list agree, and the chain is whole."""
        async with self.h.reading.transaction() as connection:
            now = await connection.fetchval("select now()")
            reading = Reading(connection, now, self.h.wiring, SYSTEM)
            assert await queries.discrepancies(reading) == []
            assert await queries.broken_link(reading) is None
        assert not self.h.dead


@asynccontextmanager
async def open_desk(
    server: PostgresServer, env: Mapping[str, str] | None = None
) -> AsyncIterator[Desk]:
    """A fresh database; at the end nobody is left waiting and all books agree."""
    async with Harness(SERVICE, server, env) as harness:
        desk = Desk(harness)
        yield desk
        await desk.check_books()
