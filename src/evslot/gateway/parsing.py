"""Reads what HTTP brings into typed structs, and says precisely what is wrong with it."""

import re
from collections.abc import Hashable, Iterable
from datetime import date, datetime
from functools import lru_cache
from typing import Annotated, Any, TypeVar, cast

import msgspec
from msgspec import Meta, Struct

from evslot.gateway.problems import (
    BodyMissing,
    FieldError,
    FieldInvalid,
    JsonBroken,
    OffsetRequired,
    TextInvalid,
    UnknownField,
)
from evslot.spine.message import Refusal

T = TypeVar("T")

FIRST_YEAR, LAST_YEAR = 2000, 2200
"""Times outside are absurd, and near year 1 or 9999 an offset cannot be turned into UTC."""

Instant = Annotated[datetime, Meta(tz=True)]
"""A time with an offset from UTC (RFC 3339)."""

OFFSET_SIGN_LOST = re.compile(r"^(\d{4}-\d\d-\d\dT[\d:.]{5,15}) (\d\d:\d\d)$")
"""`+` in a query string means a blank: `…T17:00:00+01:00` arrives as `…T17:00:00 01:00`."""


class Body(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client sends as JSON; unknown fields are refused, times must be sensible."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, date) and not FIRST_YEAR <= value.year <= LAST_YEAR:
                raise ValueError(f"`{name}` must lie between {FIRST_YEAR} and {LAST_YEAR}")


class Parameters(Body, frozen=True, kw_only=True):
    """The query parameters a route knows; others are refused."""


def parse_body(body: bytes, kind: type[T]) -> T:
    """The typed body; raises the refusal that says what is wrong."""
    if not body.strip():
        raise BodyMissing()
    try:
        value = _decoder(cast(Hashable, kind)).decode(body)
    except msgspec.ValidationError as error:
        raise _told(error, "body") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise JsonBroken() from None
    if b"\\u0000" in body and _has_nul(msgspec.to_builtins(value)):
        raise TextInvalid()
    return value  # type: ignore[no-any-return]


def parse_parameters(pairs: Iterable[tuple[str, str]], kind: type[T]) -> T:
    """The typed query parameters; each at most once."""
    found: dict[str, str] = {}
    for name, text in pairs:
        if "\0" in text:
            raise TextInvalid()
        if name in found:
            message = "is given more than once"
            raise FieldInvalid(errors=[FieldError(where="query", field=name, message=message)])
        found[name] = OFFSET_SIGN_LOST.sub(r"\1+\2", text)
    try:
        return msgspec.convert(found, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _told(error, "query") from None


@lru_cache(maxsize=256)
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def _told(error: msgspec.ValidationError, where: str) -> Refusal:
    """msgspec says `Expected … - at `$.a.b``; the path and the kind are read off that."""
    message, _, path = str(error).partition(" - at `")
    field = path.rstrip("`").removeprefix("$").removeprefix(".")
    kind: type[Refusal] = FieldInvalid
    if named := re.search(r"(unknown|required) field `(.*)`", message):
        field = f"{field}.{named[2]}".removeprefix(".")
        kind = UnknownField if named[1] == "unknown" else FieldInvalid
    elif "timezone component" in message:
        kind = OffsetRequired
    return kind(errors=[FieldError(where=where, field=field[:200], message=message[:300])])


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(inner) for key, inner in value.items())
    return isinstance(value, list) and any(map(_has_nul, value))
