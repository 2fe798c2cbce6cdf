"""What travels: commands, queries, events, refusals, answers, and the envelope around them."""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from types import ModuleType
from typing import Any, ClassVar, ForwardRef, Generic, TypeVar, get_args
from uuid import UUID

import msgspec
from msgspec import Struct

T = TypeVar("T")
Outcome = TypeVar("Outcome")

LONGEST_SECONDS = 86_400.0
"""What a header may allow an answer or a beginning."""


class Sealed(Generic[T]):
    """A value that is encrypted wherever it leaves the process; its repr never shows it."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.value == other.value

    def __hash__(self) -> int:
        return hash((type(self), self.value))


class Secret(Sealed[T]):
    """A password, code, token or card token: never shown, logged or stored in clear by others."""


class Personal(Sealed[T]):
    """Personal data (e-mail, name): sealed on the wire, emptied when the person is erased."""


class Message(Struct, frozen=True, kw_only=True):
    """Anything with a wire type `<service>.<Name>` and an integer version."""

    VERSION: ClassVar[int] = 1
    FORMER_NAMES: ClassVar[tuple[str, ...]] = ()

    def key(self) -> str | None:
        """The record key that decides the partition; None where order does not matter."""
        raise NotImplementedError(f"{type(self).__name__} has no key")

    def destination(self) -> str:
        """The service that a command or query goes to: its owner."""
        return owner_of(type(self))


class Command(Message, Generic[Outcome], frozen=True, kw_only=True):
    """Asks the owner to change something; the type parameter is what it answers."""


class Query(Message, Generic[Outcome], frozen=True, kw_only=True):
    """Asks the owner something; changes nothing."""


class Event(Message, frozen=True, kw_only=True):
    """A fact, with the aggregate's version and enough state for a view."""


class Refusal(Exception):
    """An expected no. The class name is the stable code, the docstring the message.

    `details` go into the problem body: JSON values only, nothing secret or personal.
    """

    status: ClassVar[int] = 400

    def __init__(self, detail: str | None = None, **details: Any) -> None:
        self.detail = detail or (type(self).__doc__ or "").split("\n")[0]
        self.details = details
        super().__init__(self.detail)

    @property
    def code(self) -> str:
        return snake_case(type(self).__name__)


class Invalid(Refusal):
    """The request is understood but not acceptable."""

    status = 422


class Unauthenticated(Refusal):
    """Sign in first: no valid access token came with the request."""

    status = 401


class Forbidden(Refusal):
    """Your role does not allow this."""

    status = 403


class NotFound(Refusal):
    """There is no such thing, or it is not yours."""

    status = 404


class Conflict(Refusal):
    """The present state does not allow this."""

    status = 409


class Gone(Refusal):
    """This is no longer valid."""

    status = 410


class TooMany(Refusal):
    """Too many requests; wait a little."""

    status = 429


class Refused(Exception):
    """A refusal as it arrived from another part: what `Answer.result` raises."""

    def __init__(self, answer: "Answer") -> None:
        self.status = answer.status
        self.code = answer.code or "unknown"
        self.detail = answer.detail or ""
        self.details = answer.details or {}
        super().__init__(f"{self.code}: {self.detail}")


class Answer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a service says to a command or query; stored in the inbox, sent to who asked.

    status: 200 done, 4xx refused (stored and replayed), 500 failed (never replayed), 503 not done.
    """

    status: int
    body: msgspec.Raw = msgspec.Raw(b"null")
    code: str | None = None
    detail: str | None = None
    details: dict[str, Any] | None = None
    sealed: bool = False
    """Whether the body holds sealed fields, which are sealed anew for each who asks."""
    replayed: bool = False

    @property
    def ok(self) -> bool:
        return self.status < 400

    def result(self, outcome: type[T], unseal: "Unseal | None" = None) -> T:
        """The typed outcome; raises Refused where the answer is a no."""
        if not self.ok:
            raise Refused(self)
        return decode(bytes(self.body), outcome, unseal)


Seal = Callable[[bytes], str]
"""Clear JSON bytes of a sealed field -> text for the wire."""
Unseal = Callable[[str], bytes]


def _closed(_: bytes) -> str:
    raise TypeError("a sealed field needs a key to be encoded with")


def _opened(_: str) -> bytes:
    raise TypeError("a sealed field needs a key to be decoded with")


def encode(value: Any, seal: Seal | None = None) -> bytes:
    """JSON bytes; sealed fields pass through `seal`, and are refused without one."""
    closing = seal or _closed

    def enc_hook(field: Any) -> Any:
        if isinstance(field, Sealed):
            return closing(msgspec.json.encode(field.value))
        raise NotImplementedError(f"{type(field).__name__} does not go on the wire")

    return msgspec.json.encode(value, enc_hook=enc_hook)


def decode(body: bytes, kind: type[T], unseal: Unseal | None = None) -> T:
    """The typed value; raises msgspec.ValidationError where the bytes do not fit the type."""
    opening = unseal or _opened

    def dec_hook(expected: Any, field: Any) -> Any:
        origin = getattr(expected, "__origin__", expected)
        if isinstance(origin, type) and issubclass(origin, Sealed):
            if not isinstance(field, str):
                raise ValueError("a sealed field is a text")
            inner = (get_args(expected) or (Any,))[0]
            return origin(msgspec.json.decode(opening(field), type=inner))
        raise NotImplementedError(f"{expected} does not come off the wire")

    return msgspec.json.decode(body, type=kind, dec_hook=dec_hook)


def encode_clear(value: Any) -> bytes:
    """JSON with sealed fields in clear: for fingerprints, and for the edge's own HTTP answers."""

    def enc_hook(field: Any) -> Any:
        if isinstance(field, Sealed):
            return field.value
        raise NotImplementedError(f"{type(field).__name__} does not go on the wire")

    return msgspec.json.encode(value, enc_hook=enc_hook, order="sorted")


def snake_case(name: str) -> str:
    """`SlotTaken` -> `slot_taken`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def owner_of(kind: type[Message]) -> str:
    """The service that owns a message type: the folder its `messages` lies in."""
    return home_of(kind).rsplit(".", 2)[-2]


def home_of(kind: type[Message]) -> str:
    """The module a message type is imported from: `messages`, be it a module or a package."""
    service, inside, _ = kind.__module__.partition(".messages.")
    return f"{service}.messages" if inside else kind.__module__


def wire_name(kind: type[Message]) -> str:
    """`reservation.HoldSlot`."""
    return f"{owner_of(kind)}.{kind.__name__}"


def outcome_type(kind: type[Message]) -> Any:
    """What a command or query answers, read off its base class."""
    for base in kind.__dict__.get("__orig_bases__", ()):
        arguments = get_args(base)
        if arguments and isinstance(arguments[0], ForwardRef):
            return vars(sys.modules[kind.__module__])[arguments[0].__forward_arg__]
        if arguments:
            return arguments[0]
    raise TypeError(f"{kind.__name__} does not say what it answers")


def message_types(module: ModuleType) -> list[type[Message]]:
    """All messages that a `messages` module or package defines, in its order."""
    return [
        kind
        for kind in vars(module).values()
        if isinstance(kind, type)
        and issubclass(kind, Message)
        and f"{kind.__module__}.".startswith(f"{module.__name__}.")
    ]


class Catalogue:
    """Finds message types by wire name and version."""

    def __init__(self, kinds: Iterable[type[Message]]) -> None:
        self._kinds: dict[tuple[str, int], type[Message]] = {}
        for kind in kinds:
            for name in (wire_name(kind), *kind.FORMER_NAMES):
                self._kinds[name, kind.VERSION] = kind

    def find(self, name: str, version: int) -> type[Message] | None:
        return self._kinds.get((name, version))

    def find_newest(self, name: str) -> type[Message]:
        """The highest version of a type; raises LookupError where there is none."""
        versions = [version for known, version in self._kinds if known == name]
        if not versions:
            raise LookupError(f"no message type {name}")
        return self._kinds[name, max(versions)]

    def __iter__(self) -> Iterator[type[Message]]:
        return iter(set(self._kinds.values()))


class Envelope(Struct, frozen=True, kw_only=True):
    """The headers of a record: CloudEvents 1.0 attributes (`ce_*`) and ours. Times are UTC."""

    id: UUID
    """Command id, query id or event id."""
    type: str
    version: int
    source: str
    """The part that wrote the record."""
    correlation_id: str | None = None
    """One per HTTP attempt; comes back on the answer."""
    answer_to: str | None = None
    """`<topic>/<partition>` for a gateway's reply partition, `<topic>#<key>` for a service."""
    answer_key: str | None = None
    """Public key (base64url X25519) that sealed fields of the answer are sealed to."""
    answer_within: float | None = None
    """Seconds from the broker's stamp on; nobody reads an answer that comes later."""
    begin_within: float | None = None
    """Seconds from the broker's stamp on; a user's command has no effect when begun later.

    None for saga, job and event records. Not instants: the clock of who writes may be wrong.
    """
    caller: str | None = None
    """The JWT of the person who asks; worth nothing at the edge."""
    traceparent: str | None = None
    caller_as_of: datetime | None = None
    """Set by a replay alone: the caller's token is judged as of when the record was first there."""

    def headers(self) -> list[tuple[str, bytes]]:
        """Kafka headers."""
        pairs: list[tuple[str, str | None]] = [
            ("ce_specversion", "1.0"),
            ("ce_id", str(self.id)),
            ("ce_type", self.type),
            ("ce_version", str(self.version)),
            ("ce_source", self.source),
            ("correlation_id", self.correlation_id),
            ("answer_to", self.answer_to),
            ("answer_key", self.answer_key),
            ("answer_within", _seconds_said(self.answer_within)),
            ("begin_within", _seconds_said(self.begin_within)),
            ("caller", self.caller),
            ("traceparent", self.traceparent),
            ("caller_as_of", self.caller_as_of.isoformat() if self.caller_as_of else None),
        ]
        return [(name, value.encode()) for name, value in pairs if value is not None]

    @classmethod
    def from_headers(cls, headers: Iterable[tuple[str, bytes | None]] | None) -> "Envelope":
        """Raises ValueError where the headers are not ours."""
        found: Mapping[str, str] = {k: v.decode() for k, v in headers or () if v is not None}
        try:
            return cls(
                id=UUID(found["ce_id"]),
                type=found["ce_type"],
                version=int(found["ce_version"]),
                source=found["ce_source"],
                correlation_id=found.get("correlation_id"),
                answer_to=found.get("answer_to"),
                answer_key=found.get("answer_key"),
                answer_within=_seconds(found.get("answer_within")),
                begin_within=_seconds(found.get("begin_within")),
                caller=found.get("caller"),
                traceparent=found.get("traceparent"),
                caller_as_of=_instant(found.get("caller_as_of")),
            )
        except KeyError as missing:
            raise ValueError(f"the record has no header {missing}") from None


def _seconds_said(seconds: float | None) -> str | None:
    return None if seconds is None else f"{seconds:g}"


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    seconds = float(text)
    if not 0 <= seconds <= LONGEST_SECONDS:
        raise ValueError("a time that is none")
    return seconds


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("a time without offset")
    return instant
