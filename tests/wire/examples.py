"""Makes one whole example of any message type, the same on every run."""

import base64
import types
import typing
from datetime import UTC, date, datetime
from typing import Any, Literal, NewType, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct

from evslot.spine.message import Message, Sealed, outcome_type

T = TypeVar("T")

AN_ID = UUID("018f4c1e-5a00-8123-8abc-0123456789ab")
AN_INSTANT = datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
PLAIN: dict[Any, Any] = {
    UUID: AN_ID,
    bytes: b"\x25PDF\xff",
    datetime: AN_INSTANT,
    date: date(2027, 3, 28),
    int: 7,
    float: 52.52,
    bool: True,
    Any: {"any": ["thing", 1, None]},
    msgspec.Raw: msgspec.Raw(b'{"raw":1}'),
}


def example(kind: type[T]) -> T:
    """Every field filled, optional ones too: a name, an id, an instant, the first choice."""
    made: T = _made(kind, "it")
    return made


def answer_example(kind: type[Message]) -> Any:
    """What a command or query of this type answers."""
    return example(outcome_type(kind))


def seal(clear: bytes) -> str:
    """Stands for sealing: readable, and the same for equal input."""
    return "sealed." + base64.urlsafe_b64encode(clear).decode()


def unseal(text: str) -> bytes:
    """What `seal` was given."""
    return base64.urlsafe_b64decode(text.removeprefix("sealed."))


def _made(kind: Any, name: str) -> Any:
    if isinstance(kind, NewType):
        return _made(kind.__supertype__, name)
    if kind is str:
        return f"{name} – Grüße, 充电"
    if kind in PLAIN:
        return PLAIN[kind]
    if isinstance(kind, type) and issubclass(kind, Struct):
        hints = typing.get_type_hints(kind, include_extras=True)
        return kind(**{field: _made(hints[field], field) for field in kind.__struct_fields__})
    return _generic(typing.get_origin(kind), typing.get_args(kind), name)


def _generic(origin: Any, inner: tuple[Any, ...], name: str) -> Any:
    if origin is Literal:
        return inner[0]
    if origin in (typing.Union, types.UnionType):
        return _made(next(one for one in inner if one is not type(None)), name)
    if origin is typing.Annotated:
        return _made(inner[0], name)
    if origin is list:
        return [_made(inner[0], name)]
    if origin is tuple:
        return tuple(_made(one, name) for one in inner if one is not Ellipsis)
    if origin is dict:
        return {_made(inner[0], name): _made(inner[1], name)}
    if isinstance(origin, type) and issubclass(origin, Sealed):
        return origin(_made(inner[0], name))
    raise TypeError(f"no example for {origin}{inner}: teach tests/wire/examples.py")


def pretty(body: bytes) -> str:
    """As golden files hold it."""
    return msgspec.json.format(body, indent=2).decode() + "\n"
