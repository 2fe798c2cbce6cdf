"""Records as they come off a topic, and what is kept of one that cannot be handled."""

import base64
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar
from uuid import UUID, uuid4

import msgspec
from msgspec import Struct

from evslot.spine import message
from evslot.spine.answers import ANSWER, FAILED, record, reply_partition, waiter_of
from evslot.spine.callers import ANONYMOUS, SYSTEM, AccessTokens, Caller
from evslot.spine.effects import Nudge as Nudge
from evslot.spine.effects import SendReply as SendReply
from evslot.spine.inbox import Arrival, Waiter
from evslot.spine.message import Answer, Catalogue, Envelope, Message, Query, Unauthenticated
from evslot.spine.outbox import Outgoing
from evslot.spine.topics import LETTER_BYTES, Topics
from evslot.spine.wiring import Wiring

EDGE = "gateway"
"""Records of this source speak for the caller they name, or for nobody; others for a service."""

B = TypeVar("B")
Headers = tuple[tuple[str, bytes | None], ...]
WAITED = "waited_ms"
"""Header of an answer: how long its batch waited in the service. Edges let in less by it."""


class Incoming(Struct, frozen=True, kw_only=True):
    """A record, as the broker gave it. `appended_at` is the broker's clock, UTC."""

    topic: str
    partition: int
    offset: int
    appended_at: datetime
    key: str | None
    value: bytes
    headers: Headers

    def header(self, name: str) -> str | None:
        for known, value in self.headers:
            if known == name and value is not None:
                return value.decode(errors="replace")
        return None


class Poison(Exception):
    """A record that cannot be understood; the reason is for the dead topic."""

    def __init__(self, reason: str, answer: Answer | None = None) -> None:
        self.reason = reason
        self.answer = answer
        super().__init__(reason)


class Told(Struct, frozen=True, kw_only=True):
    """A command or event, decoded and with a verified caller."""

    incoming: Incoming
    envelope: Envelope
    kind: type[Message]
    body: Message
    caller: Caller
    waiter: Waiter | None
    fingerprint: bytes = b""

    @property
    def not_after(self) -> datetime | None:
        """When the command is too late, by the broker's clock."""
        within = self.envelope.begin_within
        return None if within is None else self.incoming.appended_at + timedelta(seconds=within)

    @property
    def arrival(self) -> Arrival:
        return Arrival(
            command_id=self.envelope.id,
            fingerprint=self.fingerprint,
            type=self.envelope.type,
            not_after=self.not_after,
        )


class Answered(Struct, frozen=True, kw_only=True):
    """An answer to a question of ours."""

    incoming: Incoming
    envelope: Envelope
    answer: Answer


class Delivered(Protocol):
    """A record in hand (spine.kafka.Delivery, or a test's)."""

    incoming: Incoming
    arrived: float
    warned: bool

    def done(self) -> None: ...

    @property
    def lost(self) -> bool: ...


class Reader:
    """Turns records into what handlers take; raises Poison or Unauthenticated."""

    def __init__(self, wiring: Wiring, catalogue: Catalogue, tokens: AccessTokens) -> None:
        self._wiring = wiring
        self._catalogue = catalogue
        self._keys = wiring.keys
        self._tokens = tokens

    def is_query(self, incoming: Incoming) -> bool:
        """Judged by the headers alone; what cannot be read is no query."""
        kind = self.kind_of(incoming)
        return kind is not None and issubclass(kind, Query)

    def read(self, incoming: Incoming) -> Told | Answered:
        """Raises Poison where it is not understood, Unauthenticated where the caller is not."""
        envelope = self.envelope(incoming)
        if envelope.type == ANSWER:
            return Answered(
                incoming=incoming, envelope=envelope, answer=self._body(incoming, Answer)
            )
        kind = self._catalogue.find(envelope.type, envelope.version)
        if kind is None:
            raise Poison(f"unknown type or version: {envelope.type} v{envelope.version}")
        body = self._body(incoming, kind)
        return Told(
            incoming=incoming,
            envelope=envelope,
            kind=kind,
            body=body,
            caller=self._caller(incoming, envelope),
            waiter=self._waiter(envelope),
            fingerprint=self._keys.fingerprint(message.encode_clear(body)),
        )

    def envelope(self, incoming: Incoming) -> Envelope:
        try:
            return Envelope.from_headers(incoming.headers)
        except (ValueError, UnicodeDecodeError) as error:
            raise Poison(f"bad headers: {error}") from error

    def kind_of(self, incoming: Incoming) -> type[Message] | None:
        """The type that the headers name; None where it is not known here."""
        version = incoming.header("ce_version") or ""
        if not (version.isascii() and version.isdigit() and len(version) < 6):
            return None
        return self._catalogue.find(incoming.header("ce_type") or "", int(version))

    def _body(self, incoming: Incoming, kind: type[B]) -> B:
        try:
            return message.decode(incoming.value, kind, self._keys.unseal)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise Poison(f"bad body: {error}") from error

    def _caller(self, incoming: Incoming, envelope: Envelope) -> Caller:
        if envelope.caller is not None:
            return self._tokens.verify(
                envelope.caller, envelope.caller_as_of or incoming.appended_at
            )
        return ANONYMOUS if envelope.source == EDGE else SYSTEM

    def _waiter(self, envelope: Envelope) -> Waiter | None:
        """Checked here: kept with an open command, a bad one would break who answers it later."""
        try:
            return _reachable_waiter(self._wiring, envelope)
        except ValueError as error:
            raise Poison(f"bad answer_to: {error}") from error


def _reachable_waiter(wiring: Wiring, envelope: Envelope) -> Waiter | None:
    """Raises ValueError where no answer can go to."""
    waiter = waiter_of(envelope)
    if waiter is not None and not wiring.topics.take_answers(waiter.answer_to, wiring.part):
        raise ValueError(f"no answers go to {waiter.answer_to[:100]!r}")
    return waiter


class DeadLetter(Struct, frozen=True, kw_only=True):
    """A record given up, whole enough to be sent again."""

    topic: str
    partition: int
    offset: int
    appended_at: datetime
    key: str | None
    headers: list[tuple[str, str]]
    value: str
    """base64"""
    reason: str
    dead_at: datetime

    @classmethod
    def of(cls, incoming: Incoming, reason: str) -> "DeadLetter":
        return cls(
            topic=incoming.topic,
            partition=incoming.partition,
            offset=incoming.offset,
            appended_at=incoming.appended_at,
            key=incoming.key,
            headers=[
                (name, (value or b"").decode(errors="replace")) for name, value in incoming.headers
            ],
            value=base64.b64encode(incoming.value).decode(),
            reason=reason[:2000],
            dead_at=datetime.now(UTC),
        )

    def record(self, topics: Topics, part: str) -> Outgoing:
        body = msgspec.json.encode(self)
        # A text of PostgreSQL cannot hold NUL; the letter itself has the key as it came.
        key = None if self.key is None else self.key.replace("\0", "\ufffd")
        if len(body) + len((key or "").encode()) > LETTER_BYTES:
            body, key = msgspec.json.encode(self._shortened()), None
        return Outgoing(
            topic=topics.dead(part),
            key=key,
            envelope=Envelope(id=uuid4(), type="spine.DeadLetter", version=1, source=part),
            body=body,
        )

    def _shortened(self) -> "DeadLetter":
        """Where key and headers are no text they get up to six times longer here.

        A letter that no topic takes would be in the way of all others for ever.
        """
        reason = f"{self.reason} (too large for a letter: look for it where it came from)"
        return msgspec.structs.replace(self, key=None, headers=[], value="", reason=reason)


def late_caller(error: Unauthenticated) -> Answer:
    """The answer to a record whose caller is not accepted; never stored."""
    return Answer(status=error.status, code=error.code, detail=error.detail)


def number_of(incoming: Incoming) -> UUID | None:
    """The id in the headers, if there is one to read."""
    try:
        return UUID(incoming.header("ce_id") or "")
    except ValueError:
        return None


def answer_at_once(wiring: Wiring, reply: SendReply, incoming: Incoming, answer: Answer) -> None:
    """Tell a gateway now; services ask again by themselves."""
    with suppress(ValueError):  # nobody can be told where the headers cannot be read
        envelope = Envelope.from_headers(incoming.headers)
        waiter = _reachable_waiter(wiring, envelope)
        if waiter is not None and reply_partition(waiter) is not None:
            reply(record(answer, envelope.id, waiter, wiring.part), waiter)


def failure_for_service(wiring: Wiring, incoming: Incoming) -> list[Outgoing]:
    """The answer to a service whose question went to the dead topic: else it asks for ever."""
    try:
        envelope = Envelope.from_headers(incoming.headers)
        waiter = _reachable_waiter(wiring, envelope)
        if waiter is None or reply_partition(waiter) is not None:
            return []
    except ValueError:
        return []  # nobody can be told where the headers cannot be read
    return [record(FAILED, envelope.id, waiter, wiring.part)]


def waited_header(seconds: float) -> tuple[str, bytes]:
    """For the answers of a batch."""
    return WAITED, str(int(seconds * 1000)).encode()


def waited_seconds(headers: Headers) -> float:
    """As an answer's headers say; 0 where they do not."""
    said = next((value for name, value in headers if name == WAITED), None)
    return int(said) / 1000 if said and said.isdigit() else 0.0
