"""The simulated provider's own events: told over HTTP where a setting says so, else by who asks."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import httpx
import msgspec
import structlog
from msgspec import Struct

from evslot.services.payment.adapters.entries import Entry
from evslot.services.payment.adapters.store import Books, Delivery
from evslot.services.payment.domain.settings import PaymentSettings
from evslot.services.payment.domain.webhooks import (
    EventData,
    ProviderEvent,
    secret_bytes,
    sign,
)
from evslot.spine.config import SettingInvalid
from evslot.spine.sealing import Keys

log = structlog.get_logger()

SIMULATED = "simulated"
TICK_SECONDS = 0.25
AT_A_TIME = 20
SEND_SECONDS = 5.0
FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=5)
LATE = timedelta(seconds=3)
ATTEMPTS = 30
"""About two hours; what was not taken by then is looked up by who wants to know."""


class WebhookKey(Struct, frozen=True):
    """What provider and service sign and check events with."""

    value: bytes

    @classmethod
    def of(cls, settings: PaymentSettings, keys: Keys) -> "WebhookKey":
        """The secret of the settings; without one both sides live here and share the part's key."""
        if settings.simulated_webhook_secret is not None:
            try:
                return cls(secret_bytes(settings.simulated_webhook_secret))
            except ValueError as wrong:
                name = "EVSLOT_PAYMENT_SIMULATED_WEBHOOK_SECRET"
                raise SettingInvalid(f"{name}: {wrong}") from None
        return cls(keys.fingerprint(b"webhooks of the simulated provider"))


class SignedEvent(Struct, frozen=True, kw_only=True):
    """An event as it is sent."""

    body: bytes
    headers: dict[str, str]


def signed_event(entry: Entry, at: datetime, key: bytes, now: datetime) -> SignedEvent:
    """What the provider tells of one entry of its books; the id is the same each time."""
    if entry.answer is None:
        raise ValueError(f"a {entry.kind} is told nobody")
    event = ProviderEvent(
        type=f"payment.{entry.kind}",
        timestamp=at,
        data=EventData(
            idempotency_key=entry.idempotency_key, reference=entry.reference, answer=entry.answer
        ),
    )
    body = msgspec.json.encode(event)
    event_id = f"evt_{event_id_of(entry).hex}"
    timestamp = str(int(now.timestamp()))
    return SignedEvent(
        body=body,
        headers={
            "content-type": "application/json",
            "webhook-id": event_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": sign(key, event_id, timestamp, body),
        },
    )


def event_id_of(entry: Entry) -> UUID:
    return uuid5(entry.idempotency_key, f"event-{entry.step}")


def due_times(entry: Entry, fault: str | None, now: datetime) -> list[datetime]:
    """When an entry is told, by the fault of its authorisation.

    `webhook_late`: seconds after; `webhook_twice`: each two times; `webhook_reversed`: an
    authorisation only after what followed it.
    """
    if entry.answer is None:
        return []
    if fault == "webhook_twice":
        return [now, now]
    first = entry.kind in ("authorised", "challenged")
    late = fault == "webhook_late" or (fault == "webhook_reversed" and first)
    return [now + LATE if late else now]


class WebhookSender:
    """Sends what is due, each until it is taken, a bounded number of times."""

    def __init__(self, books: Books, url: str, key: bytes) -> None:
        self._books = books
        self._url = url
        self._key = key
        self._client = httpx.AsyncClient(timeout=SEND_SECONDS, trust_env=False)
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        await self._client.aclose()

    async def _run(self) -> None:
        while True:
            try:
                for delivery in await self._books.due_deliveries(AT_A_TIME, LONGEST_WAIT):
                    await self._send(delivery)
            except Exception:
                # An outside system does not fall over with us: it looks again at its next tick.
                log.exception("webhooks_failed")
            await asyncio.sleep(TICK_SECONDS)

    async def _send(self, delivery: Delivery) -> None:
        event = signed_event(delivery.entry, delivery.at, self._key, datetime.now(UTC))
        try:
            answer = await self._client.post(self._url, content=event.body, headers=event.headers)
            taken = answer.is_success
        except httpx.HTTPError as error:
            log.warning("webhook_not_taken", reason=type(error).__name__)
            taken = False
        wait = min(FIRST_WAIT * 2 ** min(delivery.attempts, 10), LONGEST_WAIT)
        over = taken or delivery.attempts >= ATTEMPTS
        await self._books.delivery_tried(delivery.delivery_id, None if over else wait)
