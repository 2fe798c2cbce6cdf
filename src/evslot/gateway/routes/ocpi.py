"""Open data: all stations as OCPI 2.3 Locations, without a key."""

from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Response, get
from msgspec import Meta, Struct

from evslot.gateway.description import described
from evslot.gateway.parsing import Instant, Parameters
from evslot.gateway.visitors import EdgeRequest, Visitor
from evslot.services.station import messages as station

SUCCESS = 1000
"""OCPI status code."""


class LocationsWish(Parameters, frozen=True, kw_only=True):
    """Which page, and since when."""

    date_from: (
        Annotated[Instant, Meta(description="Only what changed at or after this instant")] | None
    ) = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    cursor: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None


class LocationsPage(Struct, frozen=True, kw_only=True):
    """OCPI's envelope; the header `Link` with rel="next" leads to the next page."""

    data: list[dict[str, Any]]
    """OCPI 2.3 Location objects."""
    status_code: int
    status_message: str
    timestamp: datetime
    next_cursor: str | None
    """For those who do not read headers."""


@get(
    "/v1/ocpi/locations",
    opt=described(
        station.CursorInvalid,
        parameters=LocationsWish,
        tag="Stations",
    ),
)
async def list_locations(request: EdgeRequest, visitor: Visitor) -> Response[LocationsPage]:
    """All stations that are shown, with the states of their chargers; retired ones are REMOVED."""
    wish = request.parameters(LocationsWish)
    since = wish.date_from and wish.date_from.astimezone(UTC)  # as the link to the next page says
    found = await visitor.ask(
        station.ListLocations(limit=wish.limit, cursor=wish.cursor, changed_from=since)
    )
    page = LocationsPage(
        data=found.locations,
        status_code=SUCCESS,
        status_message="Success",
        timestamp=found.as_of,
        next_cursor=found.next_cursor,
    )
    return Response(page, headers=_links(wish, found.next_cursor))


def _links(wish: LocationsWish, cursor: str | None) -> dict[str, str]:
    headers = {"X-Limit": str(wish.limit)}
    if cursor is not None:
        known: dict[str, Any] = {"limit": wish.limit, "cursor": cursor}
        if wish.date_from is not None:
            known["date_from"] = wish.date_from.astimezone(UTC).isoformat()
        headers["Link"] = f'</v1/ocpi/locations?{urlencode(known)}>; rel="next"'
    return headers


ROUTES = [list_locations]
