"""Before everything else: a write that cannot be taken now is refused at next to no cost."""

import secrets

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from evslot.gateway.admission import Admission
from evslot.gateway.edge import NOT_STORED, SECURITY_HEADERS
from evslot.gateway.problems import MEDIA_TYPE, RETRY_SECONDS, Busy, Problem, title_of, type_of
from evslot.spine.telemetry import REQUESTS

BUSY = Busy()
HEADERS = [
    *SECURITY_HEADERS,
    NOT_STORED,
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"content-type", MEDIA_TYPE.encode()),
    (b"retry-after", str(RETRY_SECONDS[BUSY.status]).encode()),
]
WRITES = {"reservations": "reservation"}
"""Whose service is known by the path alone: the way that everybody takes when all want to book."""


class Refusing:
    """No route, token, log line or history for what is refused here, only a count.

    Where a no costs as much as a booking, four times too many requests leave no time to book.
    """

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._app = app
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wanted = scope["type"] == ScopeType.HTTP and scope["method"] != "GET"
        if wanted and self._admission.is_full(service_of(scope["path"])):
            await _refuse(scope["path"], send)
        else:
            await self._app(scope, receive, send)


def service_of(path: str) -> str | None:
    """`/v1/reservations/…` -> reservation; None where the path alone does not say it."""
    parts = path.split("/", 3)
    return WRITES.get(parts[2]) if len(parts) > 2 else None


async def _refuse(path: str, send: Send) -> None:
    REQUESTS.labels("edge", "busy").inc()
    request_id = secrets.token_hex(8)
    problem = Problem(
        type=type_of(BUSY.code),
        title=title_of(BUSY.code),
        status=BUSY.status,
        code=BUSY.code,
        detail=BUSY.detail,
        instance=path,
        request_id=request_id,
    )
    body = msgspec.json.encode(problem)
    headers = [
        *HEADERS,
        (b"x-request-id", request_id.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": BUSY.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
