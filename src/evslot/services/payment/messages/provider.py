"""What a payment provider tells by itself: signed events, taken byte by byte."""

from typing import Literal

from msgspec import Struct

from evslot.spine.message import Command, Forbidden, Invalid, NotFound, Query, Secret


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


class SampleMethod(Struct, frozen=True, kw_only=True):
    """A method of payment that moves no money: to try things with."""

    token: str
    """What to pay with; any text behind a colon may follow it."""
    does: Literal["approves", "challenges", "declines", "fails_at_first", "takes_long"]
    words: str
    """The same as an English sentence."""
    answers: list[str] = []
    """What its challenge understands."""


class ProviderView(Struct, frozen=True, kw_only=True):
    """Who takes the money here."""

    name: str
    moves_money: bool
    """False: it only makes believe."""
    test_methods: list[SampleMethod] = []
    """In development alone."""


class GetProvider(Query[ProviderView], frozen=True, kw_only=True):
    """Which payment provider runs, and what it can be tried with."""

    def key(self) -> None:
        return None


class ProviderNotFound(NotFound):
    """There is no such payment provider."""


class SignatureInvalid(Forbidden):
    """This event is not signed by the provider, or is too old."""


class EventUnreadable(Invalid):
    """This event is signed, but cannot be understood."""
