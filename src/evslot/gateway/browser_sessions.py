"""Sessions of browsers: the tokens sealed in a cookie that no script can read, renewed behind it.

Nothing is stored: any gateway opens the cookie with the edge's own key. Where a request brings a
cookie and changes something, it must come from a page of this origin (Sec-Fetch-Site, else Origin).
"""

import hashlib
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec
from litestar import Request
from litestar.di import NamedDependency
from msgspec import Struct

from evslot.gateway.auth import Door, ends_at, header_of
from evslot.gateway.backend import Accepted, Asker, Backend
from evslot.gateway.problems import Unavailable
from evslot.gateway.shared_reads import SharedReads
from evslot.services.user import messages as user
from evslot.spine.callers import ANONYMOUS, Caller, TokenInvalid
from evslot.spine.message import Forbidden, Refused, Secret
from evslot.spine.sealing import SealBroken
from evslot.values import SessionId, UserId

SECURE_NAME, PLAIN_NAME = "__Host-evslot", "evslot"
"""Browsers take the first over https only, and never for another host or path (RFC 6265bis)."""
KEPT_SECONDS = 30 * 24 * 3600
RENEW_BEFORE_SECONDS = 60.0
"""An access token with less left is renewed before it is used."""
RENEWED_SECONDS = 120.0
"""So long who comes with the old cookie gets the same successor: the answer may have been lost."""
COOKIE_BYTES = 3800
"""Browsers keep 4096 with the name and the attributes; what is longer goes on in the next."""
COOKIES = 4
"""An access token is at most 8 kB long."""
PARTS = re.compile(r"([2-4])~([0-9a-f]{8})~")
"""Before the first of several parts: how many, and what all of one writing have in common."""
SAFE = ("GET", "HEAD", "OPTIONS")


class ForeignPage(Forbidden):
    """This was sent by a page of another site; open evslot itself and do it there."""


class SessionTooLarge(Forbidden):
    """This account acts for more organisations than a browser session holds."""


class Sealed(Struct, frozen=True, array_like=True):
    """What the cookie holds."""

    user_id: UserId
    session_id: SessionId
    access_until: int
    """Seconds since 1970."""
    access_token: str
    refresh_token: str


class BrowserSessions:
    """Opens, renews and closes the sessions of browsers."""

    def __init__(self, door: Door, backend: Backend, *, proxies: int) -> None:
        self._door = door
        self._backend = backend
        self._behind_proxy = proxies > 0
        self._renewals = SharedReads(RENEWED_SECONDS)

    async def let_in(self, request: Request[Any, Any, Any]) -> tuple[Caller, str | None]:
        """The caller by bearer token or cookie; a cookie that is worth nothing is taken away."""
        text = self._cookie_of(request)
        if text is None or not request.scope["path"].startswith("/v1/"):
            return self._door.let_in(request)
        if request.method not in SAFE:
            require_own_page(request)
        sealed = self._unsealed(text)
        if sealed is not None and sealed.access_until - time.time() < RENEW_BEFORE_SECONDS:
            sealed = await self._renewed(request, sealed)
        if sealed is None:
            self.close(request)
            return ANONYMOUS, None
        try:
            return self._door.admit(sealed.access_token)
        except TokenInvalid:  # ended elsewhere
            self.close(request)
            return ANONYMOUS, None

    def open(self, request: Request[Any, Any, Any], signed_in: user.SignedIn) -> None:
        """The answer to this request brings the cookie; raises SessionTooLarge."""
        parts = split(self._backend.keys.seal_own(msgspec.json.encode(_sealed_of(signed_in))))
        kept = {
            name: f"{part}; Max-Age={KEPT_SECONDS}" for name, part in self._named(request, parts)
        }
        self._set(request, self._left(request) | kept)

    def close(self, request: Request[Any, Any, Any]) -> None:
        """The answer to this request takes the cookie away, with all its parts."""
        self._set(request, {self._name(request): "; Max-Age=0"} | self._left(request))

    async def _renewed(self, request: Request[Any, Any, Any], old: Sealed) -> Sealed | None:
        """With the next pair of tokens; None where the session is over."""
        whole = self._backend.keys.fingerprint(old.refresh_token.encode())
        try:
            signed_in = await self._renewals.get(whole, lambda: self._refresh(old))
        except Refused as refused:
            if refused.status >= 500:
                raise
            return None
        except Accepted:  # too slow to wait for: the cookie stays, the next try finds it done
            raise Unavailable() from None
        self.open(request, signed_in)
        return _sealed_of(signed_in)

    async def _refresh(self, old: Sealed) -> user.SignedIn:
        command = user.RefreshSession(refresh_token=Secret(old.refresh_token))
        return await self._backend.send(command, uuid4(), Asker(caller=ANONYMOUS))

    def _unsealed(self, text: str) -> Sealed | None:
        try:
            return msgspec.json.decode(self._backend.keys.unseal(text), type=Sealed)
        except (SealBroken, msgspec.MsgspecError):
            return None

    def _cookie_of(self, request: Request[Any, Any, Any]) -> str | None:
        if header_of(request, b"authorization") is not None:
            return None
        if header_of(request, b"cookie") is None:
            return None
        first = request.cookies.get(self._name(request))
        return None if first is None else joined(first, self._further(request))

    def _further(self, request: Request[Any, Any, Any]) -> list[str]:
        """What the parts after the first hold, as far as they came."""
        names = [f"{self._name(request)}.{number}" for number in range(2, COOKIES + 1)]
        return [request.cookies.get(name) or "" for name in names]

    def _left(self, request: Request[Any, Any, Any]) -> dict[str, str]:
        """Takes away the further parts that the browser has now."""
        there = enumerate(self._further(request), start=2)
        return {f"{self._name(request)}.{number}": "; Max-Age=0" for number, part in there if part}

    def _named(
        self, request: Request[Any, Any, Any], parts: Sequence[str]
    ) -> Iterator[tuple[str, str]]:
        for number, part in enumerate(parts, start=1):
            yield self._name(request) + (f".{number}" if number > 1 else ""), part

    def _name(self, request: Request[Any, Any, Any]) -> str:
        return SECURE_NAME if self._is_secure(request) else PLAIN_NAME

    def _is_secure(self, request: Request[Any, Any, Any]) -> bool:
        said = header_of(request, b"x-forwarded-proto") if self._behind_proxy else None
        return (said or request.scope["scheme"]) == "https"

    def _set(self, request: Request[Any, Any, Any], values: Mapping[str, str]) -> None:
        """The last word of a request counts; the edge sends it with the answer."""
        secure = "; Secure" if self._is_secure(request) else ""
        request.scope["state"]["set_cookies"] = [
            f"{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}".encode("latin-1")
            for name, value in values.items()
        ]


Browsers = NamedDependency[BrowserSessions]
"""What a route takes as `browsers`."""


def split(sealed: str) -> list[str]:
    """As many parts as it takes, one for nearly everybody; raises SessionTooLarge."""
    if len(sealed) <= COOKIE_BYTES:
        return [sealed]
    parts = [sealed[at : at + COOKIE_BYTES] for at in range(0, len(sealed), COOKIE_BYTES)]
    if len(parts) > COOKIES:
        raise SessionTooLarge()
    mark = hashlib.sha256(sealed.encode()).hexdigest()[:8]
    return [f"{len(parts)}~{mark}~{parts[0]}", *(f"{mark}~{part}" for part in parts[1:])]


def joined(first: str, further: Sequence[str]) -> str:
    """What was split; where parts are missing, or of another writing, it is nothing any more."""
    found = PARTS.match(first)
    if found is None:
        return first
    count, mark = int(found[1]), f"{found[2]}~"
    rest = further[: count - 1]
    if not all(part.startswith(mark) for part in rest):
        return ""
    return first[found.end() :] + "".join(part.removeprefix(mark) for part in rest)


def require_own_page(request: Request[Any, Any, Any]) -> None:
    """Raises ForeignPage unless a page of this origin sent the request."""
    site = header_of(request, b"sec-fetch-site")
    own = _has_own_origin(request) if site is None else site == "same-origin"
    if not own:
        raise ForeignPage()


def _has_own_origin(request: Request[Any, Any, Any]) -> bool:
    try:
        host = urlsplit(header_of(request, b"origin") or "").netloc
    except ValueError:  # such as `http://[`: no browser says that of a page of ours
        return False
    return bool(host) and host == header_of(request, b"host")


def _sealed_of(signed_in: user.SignedIn) -> Sealed:
    """The token says itself when it ends: the answer that brought it may be a while old."""
    return Sealed(
        user_id=signed_in.user_id,
        session_id=signed_in.session_id,
        access_until=ends_at(signed_in.access_token.value),
        access_token=signed_in.access_token.value,
        refresh_token=signed_in.refresh_token.value,
    )
