"""What a payment provider tells by itself: signed events, taken byte by byte."""

from typing import Literal

from msgspec import Struct

from evslot.spine.message import Command, Forbidden, Invalid, NotFound, Secret


class ProviderEventTaken(Struct, frozen=True, kw_only=True):
    """What an event came to.

    applied: something changed; known: it came before; nothing: it told nothing new.
    """

    event_id: str
    outcome: Literal["applied", "known", "nothing"]


class TakeProviderEvent(Command[ProviderEventTaken], frozen=True, kw_only=True):
    """An event of a provider (Standard Webhooks); verified over exactly these bytes."""

    provider: str
    event_id: str
    """Header `webhook-id`."""
    timestamp: str
    """Header `webhook-timestamp`: seconds since 1970."""
    signature: Secret[str]
    """Header `webhook-signature`: `v1,<base64 of HMAC-SHA256>`, several by blanks."""
    body: Secret[bytes]
    """As it arrived."""

    def key(self) -> str:
        return f"{self.provider}:{self.event_id}"[:200]


class ProviderNotFound(NotFound):
    """There is no such payment provider."""


class SignatureInvalid(Forbidden):
    """This event is not signed by the provider, or is too old."""


class EventUnreadable(Invalid):
    """This event is signed, but cannot be understood."""
