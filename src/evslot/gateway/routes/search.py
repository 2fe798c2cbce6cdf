"""Search: stations around a place or in a part of a map; places by what somebody types."""

from math import isfinite
from typing import Annotated

from litestar import get
from msgspec import Meta

from evslot.gateway.description import described
from evslot.gateway.parsing import Instant, Parameters
from evslot.gateway.problems import FieldError, FieldInvalid
from evslot.gateway.visitors import EdgeRequest, Visitor
from evslot.services.station import messages as station
from evslot.services.station.messages import (
    Box,
    Current,
    FoundStations,
    Places,
    Position,
    SortedBy,
)
from evslot.values import Period

Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]


class Search(Parameters, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Around which place, with which plug, free when, in which order."""

    lat: Latitude | None = None
    lon: Longitude | None = None
    radius: Annotated[int, Meta(ge=1, le=100_000, description="Metres")] = 3000
    box: (
        Annotated[
            str,
            Meta(
                max_length=100,
                description="south,west,north,east in degrees; instead of the radius",
                examples=["52.4,13.2,52.6,13.6"],
            ),
        ]
        | None
    ) = None
    connector: (
        Annotated[str, Meta(min_length=1, max_length=40, description="OCPI ConnectorType")] | None
    ) = None
    min_power_kw: Annotated[float, Meta(ge=0, le=10_000)] | None = None
    current: Current | None = None
    accessible: Annotated[bool, Meta(description="Only with an accessible charger")] = False
    open_now: Annotated[bool, Meta(description="Only stations open at this moment")] = False
    free: Annotated[
        bool, Meta(description="Only with a charger free in the window; without one, free now")
    ] = False
    from_: Annotated[Instant, Meta(description="Start of the wanted window")] | None = None
    to: Annotated[Instant, Meta(description="End of the wanted window")] | None = None
    max_price: (
        Annotated[
            int,
            Meta(ge=0, le=10**9, description="Of the window, in minor units; needs from and to"),
        ]
        | None
    ) = None
    sort: Annotated[
        SortedBy,
        Meta(description="By price or start only with from and to, among the nearest that fit"),
    ] = "distance"
    bookable: Annotated[bool, Meta(description="Only what can be booked here")] = False
    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    cursor: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None

    def query(self) -> station.FindStations:
        """The question; raises FieldInvalid where only half of something is given."""
        box = _box(self.box)
        return station.FindStations(
            position=_middle(self.lat, self.lon, box),
            radius_metres=self.radius,
            box=box,
            connector=self.connector,
            min_watts=None if self.min_power_kw is None else round(self.min_power_kw * 1000),
            current=self.current,
            accessible=self.accessible,
            open_now=self.open_now,
            free=self.free,
            window=_window(self.from_, self.to),
            max_price=self.max_price,
            sort=self.sort,
            bookable_only=self.bookable,
            limit=self.limit,
            cursor=self.cursor,
        )


class PlaceWish(Parameters, frozen=True, kw_only=True):
    """What somebody has typed so far, and where they are."""

    q: Annotated[str, Meta(min_length=1, max_length=100, examples=["Kreuzberg"])]
    lat: Latitude | None = None
    lon: Longitude | None = None
    limit: Annotated[int, Meta(ge=1, le=20)] = 8


@get(
    "/v1/stations",
    opt=described(
        station.SearchInvalid,
        station.PeriodInvalid,
        station.CursorInvalid,
        parameters=Search,
        tag="Stations",
    ),
)
async def find_stations(request: EdgeRequest, visitor: Visitor) -> FoundStations:
    """Stations around a place, nearest first (or by price or start), with what is free.

    With a window (`from`, `to`): how many chargers are free for all of it, what it costs, and the
    next free slot where none is. Without: how many are free now, and until when.
    """
    return await visitor.show_view(request.parameters(Search).query())


@get("/v1/places", opt=described(station.SearchInvalid, parameters=PlaceWish, tag="Stations"))
async def find_places(request: EdgeRequest, visitor: Visitor) -> Places:
    """Cities, districts, postcodes and stations that are meant by what somebody types."""
    wish = request.parameters(PlaceWish)
    near = None
    if wish.lat is not None or wish.lon is not None:
        near = _middle(wish.lat, wish.lon, None)
    return await visitor.show(station.FindPlaces(text=wish.q, near=near, limit=wish.limit))


def _box(text: str | None) -> Box | None:
    if text is None:
        return None
    try:
        south, west, north, east = (float(side) for side in text.split(","))
        if not all(map(isfinite, (south, west, north, east))):
            raise ValueError  # JSON has no word for them
    except ValueError:
        raise _wrong("box", "four numbers, please: south,west,north,east") from None
    return Box(south=south, west=west, north=north, east=east)


def _middle(latitude: float | None, longitude: float | None, box: Box | None) -> Position:
    """What distances are from: what is named, else the middle of the box."""
    if latitude is not None and longitude is not None:
        return Position(latitude, longitude)
    if latitude is not None or longitude is not None or box is None:
        raise _wrong("lat" if latitude is None else "lon", "a place needs lat and lon")
    width = (box.east - box.west) % 360.0
    middle = (box.west + width / 2 + 180.0) % 360.0 - 180.0
    return Position((box.south + box.north) / 2, middle)


def _window(start: Instant | None, end: Instant | None) -> Period | None:
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise _wrong("to" if end is None else "from", "a window needs from and to")
    return Period(start, end)


def _wrong(field: str, message: str) -> FieldInvalid:
    return FieldInvalid(errors=[FieldError(where="query", field=field, message=message)])


ROUTES = [find_stations, find_places]
