"""A provider to try things with: stateful, idempotent, and faulty where it is told to be.

What a method token makes it do (what follows a colon is ignored, so `sim_ok:anything` is `sim_ok`):

    sim_ok                    approves
    sim_decline               declines (insufficient_funds)
    sim_challenge             asks the customer, who answers `approve` or `refuse`
    sim_timeout_after_charge  each call takes effect, then times out; its repeat is answered
    sim_flaky                 each call fails twice, then works
    sim_slow                  each call takes three seconds
    sim_lapse                 approves for two seconds only
    sim_down                  never answers and does nothing
    sim_lost                  approves, but never says so: only its event tells
    sim_webhook_late          approves; its events come seconds late
    sim_webhook_twice         approves; each of its events comes twice
    sim_webhook_reversed      approves; the event of the authorisation comes last

Any other token is declined (unknown_method).
"""

import asyncio
import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from evslot.services.payment.adapters.entries import (
    Entry,
    Standing,
    approved,
    challenge_answered,
    challenged,
    declined,
    done,
    outage,
    refused,
    stand,
)
from evslot.services.payment.adapters.provider import ProviderUnavailable
from evslot.services.payment.adapters.store import Books
from evslot.services.payment.adapters.webhooks import WebhookKey, WebhookSender, due_times
from evslot.services.payment.domain.record import ProviderAnswer
from evslot.services.payment.messages import MethodShown
from evslot.spine.message import Secret
from evslot.values import Money, PaymentId

WEBHOOK_FAULTS = ("webhook_late", "webhook_twice", "webhook_reversed")
APPROVING = ("ok", "timeout_after_charge", "flaky", "slow", "lapse", "lost", *WEBHOOK_FAULTS)
KNOWN = {*APPROVING, "decline", "challenge", "down"}
LASTING_FAULTS = ("timeout_after_charge", "flaky", "slow", *WEBHOOK_FAULTS)
"""Also beset the later calls of an authorisation; the others would keep it from ever ending."""

VALID_FOR = timedelta(days=7)
LAPSES_AFTER = timedelta(seconds=2)
SLOW_SECONDS = 3.0
FLAKY_FAILURES = 2

Effect = Callable[[Standing, datetime], list[Entry]]


class SimulatedProvider:
    """The sandbox behind the port `PaymentProvider`; safe to call at once from many places."""

    def __init__(self, books: Books, sender: WebhookSender | None) -> None:
        self._books = books
        self._sender = sender

    @classmethod
    def on(cls, database_url: str, webhook_url: str | None, key: WebhookKey) -> "SimulatedProvider":
        """On a small pool of its own, so that its writes are committed apart from ours."""
        books = Books.at(database_url)
        sender = None if webhook_url is None else WebhookSender(books, webhook_url, key.value)
        return cls(books, sender)

    async def start(self) -> None:
        await self._books.start()
        if self._sender is not None:
            await self._sender.start()

    async def stop(self) -> None:
        if self._sender is not None:
            await self._sender.stop()
        await self._books.stop()

    async def to_tell(self) -> list[tuple[Entry, datetime]]:
        """What its events tell, oldest first, with their times: who has no address posts them."""
        return await self._books.answered_entries()

    async def authorise(
        self,
        key: UUID,
        *,
        payment_id: PaymentId,
        amount: Money,
        method: Secret[str],
        capture: bool,
    ) -> ProviderAnswer:
        behaviour = _behaviour(method)
        reference = reference_of(key)

        def effect(_: Standing, now: datetime) -> list[Entry]:
            valid_for = LAPSES_AFTER if behaviour == "lapse" else VALID_FOR
            wanted = Entry(
                idempotency_key=key,
                kind="authorised",
                reference=reference,
                amount=amount.amount,
                currency=amount.currency,
                takes_at_once=capture,
                valid_until=now + valid_for,
                fault=behaviour if behaviour in LASTING_FAULTS else None,
                merchant_id=payment_id,
                method=shown(method),
            )
            return _decided(wanted, behaviour)

        if behaviour == "down":
            raise ProviderUnavailable("out of order")
        answer = await self._once(key, reference, behaviour, effect)
        if behaviour == "lost":
            raise ProviderUnavailable("the answer was lost")
        return answer

    async def describe(self, method: Secret[str]) -> MethodShown | None:
        behaviour = _behaviour(method)
        if behaviour == "down":
            raise ProviderUnavailable("out of order")
        return shown(method) if behaviour in KNOWN else None

    async def answer_challenge(
        self, key: UUID, *, reference: str, answer: Secret[str]
    ) -> ProviderAnswer:
        def effect(standing: Standing, now: datetime) -> list[Entry]:
            return challenge_answered(standing, key, reference, answer.value, now + VALID_FOR)

        return await self._once(key, reference, None, effect)

    async def capture(self, key: UUID, *, reference: str, amount: Money) -> ProviderAnswer:
        def effect(standing: Standing, now: datetime) -> list[Entry]:
            if standing.valid_until is not None and standing.valid_until <= now:
                return refused(key, reference, amount, "lapsed")
            fits = amount.amount <= standing.held and amount.currency == standing.currency
            if not fits:
                return refused(key, reference, amount, "not_held")
            return done(key, reference, "captured", amount)

        return await self._once(key, reference, await self._fault(reference), effect)

    async def void(self, key: UUID, *, reference: str) -> ProviderAnswer:
        def effect(standing: Standing, _: datetime) -> list[Entry]:
            everything = Money(standing.held or standing.challenged, standing.currency)
            if standing.captured:
                return refused(key, reference, everything, "captured")
            return done(key, reference, "voided", everything)

        return await self._once(key, reference, await self._fault(reference), effect)

    async def refund(self, key: UUID, *, reference: str, amount: Money) -> ProviderAnswer:
        def effect(standing: Standing, _: datetime) -> list[Entry]:
            left = standing.captured - standing.refunded
            if amount.amount > left or amount.currency != standing.currency:
                return refused(key, reference, amount, "not_taken")
            return done(key, reference, "refunded", amount)

        return await self._once(key, reference, await self._fault(reference), effect)

    async def look_up(self, key: UUID) -> ProviderAnswer:
        reference = reference_of(key)
        async with self._books.page(reference) as page:
            standing = stand(await page.entries())
        if not standing.known:
            return ProviderAnswer(outcome="not_found")
        if standing.declined:
            return ProviderAnswer(outcome="declined", reference=reference)
        if standing.challenged:
            return ProviderAnswer(outcome="challenge", reference=reference)
        if standing.held or standing.captured > standing.refunded:
            return ProviderAnswer(
                outcome="approved",
                reference=reference,
                captured=standing.captured,
                valid_until=standing.valid_until,
            )
        return ProviderAnswer(outcome="done", reference=reference)

    async def _fault(self, reference: str) -> str | None:
        async with self._books.page(reference) as page:
            return stand(await page.entries()).fault

    async def _once(
        self, key: UUID, reference: str, fault: str | None, effect: Effect
    ) -> ProviderAnswer:
        """The effect, if the key had none yet; else what the key was told then."""
        if fault == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        async with self._books.page(reference) as page:
            given = await page.given(key)
            if given is not None:
                return given
            out_of_order = fault == "flaky" and await page.outages(key) < FLAKY_FAILURES
            if out_of_order:
                entries = outage(key, reference)
            else:
                entries = effect(stand(await page.entries()), page.now)
            positions = await page.append(entries)
            if self._sender is not None:
                told = stand(await page.entries()).fault
                for position, entry in zip(positions, entries, strict=True):
                    await page.announce(position, due_times(entry, told, page.now))
        if out_of_order:
            raise ProviderUnavailable("out of order for a moment")
        if fault == "timeout_after_charge":
            raise ProviderUnavailable("timed out after taking effect")
        answer = entries[0].answer
        if answer is None:
            raise RuntimeError(f"the effect of {key} has no answer")
        return answer


def _decided(wanted: Entry, behaviour: str | None) -> list[Entry]:
    if behaviour in APPROVING:
        return approved(wanted)
    if behaviour == "challenge":
        return challenged(wanted)
    return declined(wanted, "insufficient_funds" if behaviour == "decline" else "unknown_method")


def shown(method: Secret[str]) -> MethodShown:
    """A made-up card: its digits are those after the colon, else made of the token."""
    named = method.value.partition(":")[2][-4:]
    digits = named if len(named) == 4 and named.isdecimal() and named.isascii() else None
    made = hashlib.sha256(method.value.encode()).digest()
    return MethodShown(
        kind="card",
        brand="Simulated",
        last_digits=digits or f"{int.from_bytes(made[:4], 'big') % 10_000:04}",
    )


def _behaviour(method: Secret[str]) -> str | None:
    """`ok` of `sim_ok:anything`; None where the token is not one of ours."""
    prefix, _, behaviour = method.value.partition(":")[0].partition("_")
    return behaviour if prefix == "sim" else None


def reference_of(key: UUID) -> str:
    """The same for the same key, so that a lost authorise can be looked up."""
    return f"auth_{key.hex}"
