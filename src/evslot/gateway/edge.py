"""Around every request: an id, security headers, a log line, a measurement, its history."""

import secrets
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from evslot.gateway.history import History, row_of
from evslot.gateway.limits import Taken
from evslot.gateway.versions import Written
from evslot.spine.telemetry import HTTP_SECONDS, log, log_context

SECURITY_HEADERS: list[tuple[bytes, bytes]] = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(self), microphone=()"),
]
POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'"
)
NOT_STORED = (b"cache-control", b"no-store")
"""Answers are personal or old at once; who may keep one says so."""
STREAM = "/v1/live"


class Edge:
    """The outermost ASGI application; one small wrapper in place of a stack of middleware."""

    def __init__(
        self,
        app: ASGIApp,
        history: History,
        *,
        log_requests: bool,
        map_style_url: str | None = None,
    ) -> None:
        self._app = app
        self._history = history
        self._log_requests = log_requests
        self._policy = policy(map_style_url).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        came, started = datetime.now(UTC), time.perf_counter()
        status = 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message["headers"], (b"content-security-policy", self._policy)]
                message["headers"] = _headers(headers, request_id, scope["state"])
            await send(message)

        with log_context(request_id=request_id):
            try:
                await self._app(scope, receive, sending)
            finally:
                seconds = time.perf_counter() - started
                self._measure(scope, status, seconds)
                if row := row_of(scope, status, came, seconds):
                    self._history.add(row)

    def _measure(self, scope: Any, status: int, seconds: float) -> None:
        # The template, not the path: ids would make a label each. No template = no such route.
        route = scope.get("path_template") or "none"
        if route != STREAM:
            HTTP_SECONDS.labels(f"{scope['method']} {route}", str(status)).observe(seconds)
        if self._log_requests and (scope["method"] != "GET" or status >= 500):
            log.info(
                "request",
                method=scope["method"],
                route=route,
                status_code=status,
                milliseconds=round(seconds * 1000, 1),
                command_id=scope["state"].get("command_id"),
            )


def policy(map_style_url: str | None) -> str:
    """What a page may load: what is ours, and for the map what its style's origin has."""
    if map_style_url is None:
        return POLICY
    parts = urlsplit(map_style_url)
    origin = f"{parts.scheme}://{parts.netloc}"
    return f"{POLICY}; connect-src 'self' {origin}; img-src 'self' blob: {origin}"


def _headers(headers: Any, request_id: str, state: Any) -> list[tuple[bytes, bytes]]:
    found = [*headers, *SECURITY_HEADERS, (b"x-request-id", request_id.encode())]
    limit: Taken | None = state.get("limit")
    if limit is not None:
        found.extend(limit.headers())
    written: Written | None = state.get("written")
    if written is not None:
        found.append((b"evslot-version", written.header()))
    age: float | None = state.get("view_age")
    if age is not None:
        found.append((b"evslot-view-age", f"{age:.1f}".encode()))
    found.extend((b"set-cookie", cookie) for cookie in state.get("set_cookies", ()))
    if not any(name == b"cache-control" for name, _ in headers):
        found.append(NOT_STORED)
    return found
