"""Request history: what was asked here, for who asked, their organisation and the admin."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Meta, Struct

from evslot.gateway.description import described
from evslot.gateway.history import History
from evslot.gateway.parsing import Parameters
from evslot.gateway.problems import CursorInvalid
from evslot.gateway.store import RequestRow
from evslot.gateway.visitors import Driver, EdgeRequest
from evslot.services.user import messages as user
from evslot.values import OrganisationId

Kept = NamedDependency[History]


class RequestsWish(Parameters, frozen=True, kw_only=True):
    """Which page."""

    limit: Annotated[int, Meta(ge=1, le=200)] = 50
    cursor: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None


class PastRequest(Struct, frozen=True, kw_only=True):
    """One request: no body, no query; `path` with its ids."""

    request_id: str
    """As in the header X-Request-ID."""
    at: datetime
    method: str
    route: str
    path: str
    status: int
    code: str | None
    """Of the problem, where the answer was a no."""
    milliseconds: int
    user_id: UUID | None
    organisation_id: UUID | None
    """The organisation it was done for."""
    operation_id: UUID | None
    """Where something was to be changed: see /v1/operations/{operation_id}."""


class PastRequests(Struct, frozen=True, kw_only=True):
    """A page of requests, newest first; the last second may be missing."""

    requests: list[PastRequest]
    next_cursor: str | None


@get("/v1/me/requests", opt=described(CursorInvalid, parameters=RequestsWish, tag="Accounts"))
async def list_my_requests(request: EdgeRequest, driver: Driver, history: Kept) -> PastRequests:
    """What the caller asked here in the last 30 days."""
    wish = request.parameters(RequestsWish)
    return _page(*await history.read(user_id=driver.user_id, limit=wish.limit, cursor=wish.cursor))


@get(
    "/v1/organisations/{organisation_id:uuid}/requests",
    opt=described(
        user.OrganisationNotFound, CursorInvalid, parameters=RequestsWish, tag="Operators"
    ),
)
async def list_organisation_requests(
    organisation_id: FromPath[OrganisationId],
    request: EdgeRequest,
    driver: Driver,
    history: Kept,
) -> PastRequests:
    """What was asked for an organisation in the last 30 days, for its members.

    What members do as drivers is not in it.
    """
    if driver.caller.role_in(organisation_id) is None:
        raise user.OrganisationNotFound()
    wish = request.parameters(RequestsWish)
    return _page(
        *await history.read(organisation_id=organisation_id, limit=wish.limit, cursor=wish.cursor)
    )


@get(
    "/v1/requests",
    opt=described(user.OnlyForAdmins, CursorInvalid, parameters=RequestsWish, tag="Admin"),
)
async def list_requests(request: EdgeRequest, driver: Driver, history: Kept) -> PastRequests:
    """What anybody asked in the last 30 days, for platform admins."""
    if not driver.caller.is_admin:
        raise user.OnlyForAdmins()
    wish = request.parameters(RequestsWish)
    return _page(*await history.read(limit=wish.limit, cursor=wish.cursor))


def _page(rows: list[RequestRow], next_cursor: str | None) -> PastRequests:
    return PastRequests(requests=[_told(row) for row in rows], next_cursor=next_cursor)


def _told(row: RequestRow) -> PastRequest:
    return PastRequest(
        request_id=row.id,
        at=row.at,
        method=row.method,
        route=row.route,
        path=row.path,
        status=row.status,
        code=row.code,
        milliseconds=row.milliseconds,
        user_id=row.user_id,
        organisation_id=row.organisation_id,
        operation_id=row.command_id,
    )


ROUTES = [list_my_requests, list_organisation_requests, list_requests]
