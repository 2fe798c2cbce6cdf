"""The page at /dev: what runs here, sample people to be, places to book; in development only."""

import asyncio
import re
from typing import Any, get_args
from urllib.parse import parse_qs

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from msgspec import Struct

from evslot.gateway.answers import Session, session_of
from evslot.gateway.auth import header_of
from evslot.gateway.pages import environment, html
from evslot.gateway.visitors import AnyVisitor, EdgeRequest, Visitor
from evslot.services.station import messages as station
from evslot.services.station.messages import FoundStation, Position
from evslot.services.user import messages as user
from evslot.spine.message import Refusal, Refused

CITIES = {
    "Berlin": Position(52.52, 13.405),
    "Helsinki": Position(60.17, 24.94),
    "Ahmedabad": Position(23.03, 72.58),
    "New York": Position(40.73, -73.99),
}
"""Where the sample stations are."""
RADIUS_METRES = 20_000
SHOWN = 5
"""Stations of a city."""
ROLES: tuple[user.SampleRole, ...] = get_args(user.SampleRole)
HOST = re.compile(r"[\w.-]+(:\d{1,5})?|\[[0-9a-fA-F:]+\](:\d{1,5})?")


class Surroundings(Struct, frozen=True, kw_only=True):
    """What this page knows beside the API."""

    inbox_url: str | None
    """The page of the mail catcher."""


Around = NamedDependency[Surroundings]


@get("/dev")
async def developing(request: EdgeRequest, visitor: Visitor, around: Around) -> Response[str]:
    """What this is, and where to begin."""
    return await _page(request, visitor, around)


@post("/dev/sample-session", status_code=200)
async def be_somebody(request: EdgeRequest, visitor: Visitor, around: Around) -> Response[str]:
    """The form of that page: the same page, with a sample person's access token.

    A page of elsewhere could send this form as well, but not read the answer.
    """
    if header_of(request, b"sec-fetch-site") not in (None, "same-origin", "none"):
        raise NotFoundException()
    wished = parse_qs((await request.body()).decode("latin-1")).get("role", [""])[0]
    for role in ROLES:
        if role == wished:
            session = session_of(await visitor.send(user.OpenSampleSession(role=role)))
            return await _page(request, visitor, around, role=role, session=session)
    raise NotFoundException()


async def _page(
    request: EdgeRequest,
    visitor: AnyVisitor,
    around: Surroundings,
    role: user.SampleRole | None = None,
    session: Session | None = None,
) -> Response[str]:
    asked = await asyncio.gather(*(_stations(visitor, place) for place in CITIES.values()))
    cities = dict(zip(CITIES, asked, strict=True))
    here = [one for found in cities.values() for one in found or ()]
    host = header_of(request, b"host") or ""
    return html(
        environment()
        .get_template("dev.html.j2")
        .render(
            origin=f"{request.url.scheme}://{host if HOST.fullmatch(host) else '127.0.0.1:8080'}",
            inbox_url=around.inbox_url,
            roles=ROLES,
            role=role,
            session=session,
            cities=cities,
            example=next((one for one in here if one.status == "bookable"), None),
            away=all(found is None for found in cities.values()),
        )
    )


async def _stations(visitor: AnyVisitor, place: Position) -> list[FoundStation] | None:
    """None where the station service does not answer: the page comes nevertheless."""
    question = station.FindStations(
        position=place, radius_metres=RADIUS_METRES, bookable_only=True, limit=SHOWN
    )
    try:
        return (await visitor.ask(question)).stations
    except (Refusal, Refused):
        return None


def development_pages() -> list[Any]:
    """The route handlers of this module."""
    return [developing, be_somebody]
