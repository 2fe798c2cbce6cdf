"""Before everything else: a write that cannot be taken now is refused at next to no cost."""

import secrets

import msgspec

from evslot.gateway.admission import Admission
from evslot.gateway.edge import NOT_STORED, SECURITY_HEADERS
from evslot.gateway.problems import MEDIA_TYPE, RETRY_SECONDS, Busy, Problem, title_of, type_of
from evslot.spine.telemetry import REQUESTS

BUSY = Busy()
TYPE, TITLE = type_of(BUSY.code), title_of(BUSY.code)
HEADERS = [
    *SECURITY_HEADERS,
    NOT_STORED,
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"content-type", MEDIA_TYPE.encode()),
    (b"retry-after", str(RETRY_SECONDS[BUSY.status]).encode()),
]
HEAD = b"HTTP/1.1 503 Service Unavailable\r\n" + b"".join(
    name + b": " + value + b"\r\n" for name, value in HEADERS
)
READS = (b"GET", b"HEAD")
WRITES = {b"reservations": "reservation"}
"""Whose service is known by the path alone: the way that everybody takes when all want to book."""


class Refusing:
    """No task, route, token, log line or history for what is refused here, only a count.

    Where a no costs as much as a booking, four times too many requests leave no time to book.
    """

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    def __call__(self, method: bytes, url: bytes) -> tuple[bytes, bytes] | None:
        """An HTTP/1.1 answer, head (each line with its end) and body; None: go on."""
        path = url.partition(b"?")[0]
        if method in READS or not self._admission.is_full(service_of(path)):
            return None
        REQUESTS.labels("edge", "busy").inc()
        request_id = secrets.token_hex(8)
        problem = Problem(
            type=TYPE,
            title=TITLE,
            status=BUSY.status,
            code=BUSY.code,
            detail=BUSY.detail,
            instance=path.decode("ascii", "replace"),
            request_id=request_id,
        )
        body = msgspec.json.encode(problem)
        own = f"x-request-id: {request_id}\r\ncontent-length: {len(body)}\r\n"
        return HEAD + own.encode(), body


def service_of(path: bytes) -> str | None:
    """`/v1/reservations/…` -> reservation; None where the path alone does not say it."""
    parts = path.split(b"/", 3)
    return WRITES.get(parts[2]) if len(parts) > 2 else None
