"""Every no of the edge as `application/problem+json` (RFC 9457) with a stable code."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from msgspec import Struct

from evslot.spine.message import Invalid, Refusal, Refused, TooMany
from evslot.spine.telemetry import log

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = {429: 60, 503: 1}
"""Retry-After, where the refusal does not say it itself."""


class FieldError(Struct, frozen=True, kw_only=True):
    """What is wrong with one field; `where` is body, query, path or header."""

    where: str
    field: str
    message: str


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a request was not done (RFC 9457); `code` is stable, texts are for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    instance: str
    request_id: str
    errors: list[FieldError] | None = None
    operation_id: UUID | None = None
    """Where the outcome is unknown or still to come: see /v1/operations/{operation_id}."""
    details: dict[str, Any] | None = None


class JsonBroken(Refusal):
    """The body is not JSON in UTF-8."""

    status = 400


class BodyMissing(Refusal):
    """This request needs a JSON body."""

    status = 400


class BodyTooSlow(Refusal):
    """The body did not arrive in time."""

    status = 408


class BodyTooLarge(Refusal):
    """The body is larger than this edge takes."""

    status = 413


class FieldInvalid(Invalid):
    """A field is missing or has the wrong type, size or form."""


class UnknownField(Invalid):
    """The request has a field that is not known here."""


class OffsetRequired(Invalid):
    """Times need an offset from UTC, such as 2026-05-04T17:00:00+02:00."""


class TextInvalid(Invalid):
    """A text has a character that cannot be stored (NUL)."""


class CursorInvalid(Invalid):
    """This cursor was not given by a page of this list."""


class IdempotencyKeyInvalid(Invalid):
    """An Idempotency-Key is 1 to 255 visible ASCII characters."""


class OperationNotFound(Refusal):
    """There is no such operation, or it is not yours."""

    status = 404


class Busy(Refusal):
    """Too many requests are waiting here at this moment; nothing was done. Try again."""

    status = 503


class Unavailable(Refusal):
    """The part that answers this cannot be reached now; try again."""

    status = 503


class OutcomeUnknown(Refusal):
    """It is not known whether this was taken; repeat it with the same Idempotency-Key."""

    status = 503


class LiveFull(TooMany):
    """Too many live streams are open, in all or of yours; close one, or try again."""


EDGE_REFUSALS: tuple[type[Refusal], ...] = (
    JsonBroken,
    BodyMissing,
    BodyTooSlow,
    BodyTooLarge,
    FieldInvalid,
    UnknownField,
    OffsetRequired,
    TextInvalid,
    IdempotencyKeyInvalid,
    OperationNotFound,
    Busy,
    Unavailable,
    OutcomeUnknown,
    LiveFull,
)

FRAMEWORK_CODES = {
    400: ("request_broken", "This request cannot be read."),
    404: ("not_found", "There is no such page here."),
    405: ("method_not_allowed", "This resource does not know this method."),
    413: ("body_too_large", "The body is larger than this edge takes."),
}


def response_for(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The exception handler of the application: whatever went wrong, as a problem."""
    if isinstance(error, Refusal | Refused):
        return _refused(request, error)
    if isinstance(error, HTTPException):
        return _by_framework(request, error)
    log.error("request failed", path=request.scope["path"], exc_info=error)
    return _response(request, 500, "failed", "Something is wrong on our side.")


def title_of(code: str) -> str:
    """`slot_taken` -> `Slot taken`."""
    return code.replace("_", " ").capitalize()


def type_of(code: str) -> str:
    """Where a person reads what the code means: an anchor of the pages at /docs."""
    return f"/docs#{code}"


def _refused(request: Request[Any, Any, Any], refusal: Refusal | Refused) -> Response[bytes]:
    details = dict(refusal.details)
    return _response(
        request,
        refusal.status,
        refusal.code,
        refusal.detail,
        errors=details.pop("errors", None),
        operation_id=details.pop("operation_id", None),
        details=details,
    )


def _by_framework(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    if isinstance(error, ValidationException) and any(
        isinstance(part, dict) and part.get("key") == "data" for part in error.extra or ()
    ):
        return _refused(request, BodyMissing())
    code, detail = FRAMEWORK_CODES.get(error.status_code, ("request_broken", error.detail))
    if error.status_code >= 500:
        log.error("request failed", path=request.scope["path"], exc_info=error)
        code, detail = "failed", "Something is wrong on our side."
    return _response(request, error.status_code, code, detail, headers=error.headers)


def _response(
    request: Request[Any, Any, Any],
    status: int,
    code: str,
    detail: str,
    *,
    errors: list[FieldError] | None = None,
    operation_id: UUID | None = None,
    details: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> Response[bytes]:
    request.scope["state"]["code"] = code
    problem = Problem(
        type=type_of(code),
        title=title_of(code),
        status=status,
        code=code,
        detail=detail,
        instance=request.scope["path"],
        request_id=request.scope["state"].get("request_id", ""),
        errors=errors,
        operation_id=operation_id,
        details=details or None,
    )
    return Response(
        msgspec.json.encode(problem),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers={**(headers or {}), **_headers(status, code, problem)},
    )


def _headers(status: int, code: str, problem: Problem) -> dict[str, str]:
    headers: dict[str, str] = {}
    if status == 401:
        error = ', error="invalid_token"' if code == "token_invalid" else ""
        headers["WWW-Authenticate"] = f'Bearer realm="evslot"{error}'
    if status in RETRY_SECONDS:
        seconds = (problem.details or {}).get("retry_after_seconds", RETRY_SECONDS[status])
        headers["Retry-After"] = str(seconds)
    if problem.operation_id is not None:
        headers["Location"] = f"/v1/operations/{problem.operation_id}"
    return headers
