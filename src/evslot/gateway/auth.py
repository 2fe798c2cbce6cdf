"""Who stands at the door: bearer tokens, sessions that are over, visitors and drivers."""

import time
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request
from msgspec import Struct

from evslot.spine.callers import ANONYMOUS, AccessTokens, Caller, TokenInvalid
from evslot.spine.message import Unauthenticated
from evslot.spine.sealing import from_b64

REMEMBERED_SECONDS = 15 * 60
"""Longer than an access token lives (10 minutes): after that its `exp` refuses it."""
REMEMBERED_SESSIONS = 200_000


class EndedSessions:
    """Sessions that ended while tokens of theirs may still be valid; bounded in time and number."""

    def __init__(self) -> None:
        self._ended: OrderedDict[UUID, float] = OrderedDict()

    def add(self, session_id: UUID, at: float | None = None) -> None:
        """Forgets what no token can be alive for."""
        now = time.time()
        self._ended[session_id] = now if at is None else at
        while self._ended:
            oldest, ended_at = next(iter(self._ended.items()))
            if ended_at > now - REMEMBERED_SECONDS and len(self._ended) <= REMEMBERED_SESSIONS:
                return
            del self._ended[oldest]

    def __contains__(self, session_id: object) -> bool:
        return session_id in self._ended

    def __len__(self) -> int:
        return len(self._ended)


def header_of(request: Request[Any, Any, Any], name: bytes) -> str | None:
    """The first header of a name in small letters; without parsing all the others."""
    for known, value in request.scope["headers"]:
        if known == name:
            return value.decode("latin-1")
    return None


class Door:
    """Turns the Authorization header into a caller."""

    def __init__(self, tokens: AccessTokens, ended: EndedSessions) -> None:
        self._tokens = tokens
        self.ended = ended

    def let_in(self, request: Request[Any, Any, Any]) -> tuple[Caller, str | None]:
        """The caller and the JWT that may travel; a wrong token is refused, none is anonymous."""
        header = header_of(request, b"authorization")
        if header is None:
            return ANONYMOUS, None
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated()
        return self.admit(token.strip())

    def admit(self, token: str) -> tuple[Caller, str]:
        """The caller of an access token and the JWT that may travel; raises TokenInvalid."""
        caller, jwt = self._tokens.verify_edge(token, datetime.now(UTC))
        if caller.session_id in self.ended:
            raise TokenInvalid()
        return caller, jwt


class _Expiry(Struct):
    exp: int


def ends_at(token: str) -> int:
    """When a JWT, with or without its secret, ends, in seconds since 1970.

    Only for one that was verified, or that has just been issued to us: it is not verified here.
    """
    return msgspec.json.decode(from_b64(token.split(".")[1]), type=_Expiry).exp


def seconds_left(jwt: str | None) -> float:
    """How long a token that was verified already lasts; an hour where there is none."""
    return 3600.0 if jwt is None else max(0.0, ends_at(jwt) - time.time())
