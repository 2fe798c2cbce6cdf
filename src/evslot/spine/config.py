"""Reads settings once from the environment into typed, immutable structs."""

import os
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct

Settings = TypeVar("Settings", bound=Struct)

PREFIX = "EVSLOT"
HIDDEN = ("PASSWORD", "SECRET", "TOKEN", "URL", "KEY")
"""A wrong value of a setting with such a word in its name is not repeated in the error."""

PLAIN_WORDS: dict[Any, str] = {int: "a whole number", float: "a number", bool: "true or false"}


class SettingInvalid(Exception):
    """A setting is missing or wrong; the message is one line that names it and what it takes."""


class PartSettings(Struct, frozen=True, kw_only=True):
    """What every part needs: `EVSLOT_<PART>_<FIELD>`."""

    database_url: str
    """As the app role, which runs: `postgresql://role:password@host:port/database`."""
    owner_database_url: str | None = None
    """As the owner, who migrates; a part that only runs does without."""
    health_host: str = "127.0.0.1"
    health_port: typing.Annotated[int, msgspec.Meta(ge=0, le=65535)]
    """Serves /healthz, /readyz, /metrics; 0 takes a free one."""
    slot: typing.Annotated[int, msgspec.Meta(ge=0, le=999)] = 0
    """Number of this process among those of its part; two processes never share one."""
    keys_file: str
    """The private keys of this part, read by nobody else."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_pretty: bool = False
    """Lines for people in place of JSON."""


class SharedSettings(Struct, frozen=True, kw_only=True):
    """What all parts must agree on: `EVSLOT_<FIELD>`."""

    kafka_bootstrap: str = "localhost:9092"
    kafka_security: Literal["plaintext", "ssl", "sasl_ssl"] = "plaintext"
    """sasl_ssl: by kafka_user and kafka_password (SCRAM-SHA-512), over TLS."""
    kafka_ca_file: str | None = None
    """Who vouches for the brokers (PEM); without it the machine's own authorities."""
    kafka_user: str | None = None
    kafka_password: str | None = None
    keys_public_file: str
    """JWKS with the public keys of all parts."""
    environment: Literal["development", "production"] = "development"
    topic_prefix: str = ""
    """Put before every topic's name, so that test runs can share a broker."""

    @property
    def in_development(self) -> bool:
        """Whether what production refuses may be done: the sample and its people."""
        return self.environment == "development"


class FaultSettings(Struct, frozen=True, kw_only=True):
    """What tests break on purpose: `EVSLOT_<FIELD>`."""

    fail: str | None = None
    """`point:nth:action`, see `evslot/spine/failpoints.py`; refused in production."""
    environment: Literal["development", "production"] = "development"


class Config:
    """An immutable copy of the environment; settings are read from it by type."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._values = types.MappingProxyType(dict(environment))

    @classmethod
    def from_environment(cls) -> "Config":
        return cls(os.environ)

    def read(self, settings: type[Settings], part: str) -> Settings:
        """The settings of a part, `EVSLOT_<PART>_<FIELD>`; raises SettingInvalid."""
        return self._read(settings, f"{PREFIX}_{part.upper()}_")

    def shared(self, settings: type[Settings]) -> Settings:
        """Settings without a part, `EVSLOT_<FIELD>`; raises SettingInvalid."""
        return self._read(settings, f"{PREFIX}_")

    def _read(self, settings: type[Settings], prefix: str) -> Settings:
        found: dict[str, Any] = {}
        for field in msgspec.structs.fields(settings):
            name = prefix + field.name.upper()
            # A variable set to nothing is how compose files say "not set".
            text = self._values.get(name, "").strip()
            if text:
                found[field.name] = _converted(name, text, field.type)
            elif field.required:
                raise SettingInvalid(f"{name} is not set: it must be {expected(field.type)}")
        return settings(**found)


def _converted(name: str, text: str, kind: Any) -> Any:
    raw: Any = text
    if typing.get_origin(_bare(kind)) in (tuple, list, set, frozenset):
        raw = [item.strip() for item in text.split(",") if item.strip()]
    try:
        return msgspec.convert(raw, type=kind, strict=False)
    except msgspec.ValidationError:
        shown = "" if any(word in name for word in HIDDEN) else f", not {text[:80]!r}"
        raise SettingInvalid(f"{name} must be {expected(kind)}{shown}") from None


def expected(kind: Any) -> str:
    """In words, what a setting of this type takes."""
    bare = _bare(kind)
    origin = typing.get_origin(bare)
    if origin is Literal:
        return "one of " + ", ".join(str(choice) for choice in typing.get_args(bare))
    if origin in (tuple, list, set, frozenset):
        return "a list separated by commas, each " + expected(typing.get_args(bare)[0])
    words = PLAIN_WORDS.get(bare, "a text")
    return words + "".join(_limits(kind))


def _limits(kind: Any) -> list[str]:
    limits: list[str] = []
    for meta in getattr(kind, "__metadata__", ()):
        if isinstance(meta, msgspec.Meta):
            bounds = (("at least", meta.ge), ("at most", meta.le), ("more than", meta.gt))
            limits += [f" {words} {limit}" for words, limit in bounds if limit is not None]
            limits += [f" like {meta.pattern}"] if meta.pattern else []
    return limits


def _bare(kind: Any) -> Any:
    """The type without `Annotated` and without `| None`."""
    if typing.get_origin(kind) is typing.Annotated:
        return _bare(typing.get_args(kind)[0])
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        members = [member for member in typing.get_args(kind) if member is not type(None)]
        return _bare(members[0])
    return kind
