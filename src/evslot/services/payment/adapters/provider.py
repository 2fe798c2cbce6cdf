"""The port to a payment provider."""

from typing import Protocol, runtime_checkable
from uuid import UUID

from evslot.services.payment.domain.record import ProviderAnswer
from evslot.services.payment.messages import MethodShown
from evslot.spine.message import Secret
from evslot.values import Money, PaymentId


class ProviderUnavailable(Exception):
    """The provider did not answer, or not in time; what it did is not known. Ask again."""


@runtime_checkable
class PaymentProvider(Protocol):
    """Takes and gives back money. Every call may be repeated under its key without a new effect.

    A no and a challenge are answers; what is no answer raises ProviderUnavailable.
    """

    async def authorise(
        self,
        key: UUID,
        *,
        payment_id: PaymentId,
        amount: Money,
        method: Secret[str],
        capture: bool,
    ) -> ProviderAnswer:
        """`approved`, `challenge` or `declined`; the first two say what the method is."""

    async def describe(self, method: Secret[str]) -> MethodShown | None:
        """What may be shown of a method; None where it is not known."""

    async def answer_challenge(
        self, key: UUID, *, reference: str, answer: Secret[str]
    ) -> ProviderAnswer:
        """`approved`, `declined`, or `challenge` where the answer can be mended."""

    async def capture(self, key: UUID, *, reference: str, amount: Money) -> ProviderAnswer:
        """`done`, the rest is let go; or `declined` where nothing is held any more."""

    async def void(self, key: UUID, *, reference: str) -> ProviderAnswer:
        """`done` also where nothing is held; `declined` where the money was taken."""

    async def refund(self, key: UUID, *, reference: str, amount: Money) -> ProviderAnswer:
        """`done`, or `declined` where that much was not taken."""

    async def look_up(self, key: UUID) -> ProviderAnswer:
        """How what was authorised under `key` stands now.

        `approved` (with what was captured), `challenge`, `declined`, `done` where it was let go or
        given back, `not_found` where the call never arrived.
        """
