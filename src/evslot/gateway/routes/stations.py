"""Stations: search, details, the slots of a day; an operator puts one on line."""

from datetime import date
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from evslot.gateway.answers import created
from evslot.gateway.description import described
from evslot.gateway.parsing import Instant, Parameters
from evslot.gateway.problems import FieldError, FieldInvalid
from evslot.gateway.routes.station_bodies import EXAMPLE, StationBody
from evslot.gateway.visitors import Driver, EdgeRequest, Visitor
from evslot.services.station import messages as station
from evslot.services.station.messages import DaySlots, FoundStations, Position, StationView
from evslot.values import ChargerId, Period, StationId


class Search(Parameters, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Around which place, with which plug, free when."""

    lat: Annotated[float, Meta(ge=-90, le=90)]
    lon: Annotated[float, Meta(ge=-180, le=180)]
    radius: Annotated[int, Meta(ge=1, le=100_000, description="Metres")] = 3000
    connector: (
        Annotated[str, Meta(min_length=1, max_length=40, description="OCPI ConnectorType")] | None
    ) = None
    min_power_kw: Annotated[float, Meta(ge=0, le=10_000)] | None = None
    from_: Annotated[Instant, Meta(description="Start of the wanted window")] | None = None
    to: Annotated[Instant, Meta(description="End of the wanted window")] | None = None
    bookable: Annotated[bool, Meta(description="Only what can be booked here")] = False
    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    cursor: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None

    def query(self) -> station.FindStations:
        """The question; raises FieldInvalid where only half a window is given."""
        window = None
        if self.from_ is not None and self.to is not None:
            window = Period(self.from_, self.to)
        elif self.from_ is not None or self.to is not None:
            missing = "to" if self.to is None else "from"
            wrong = FieldError(where="query", field=missing, message="a window needs from and to")
            raise FieldInvalid(errors=[wrong])
        watts = None if self.min_power_kw is None else round(self.min_power_kw * 1000)
        return station.FindStations(
            position=Position(self.lat, self.lon),
            radius_metres=self.radius,
            connector=self.connector,
            min_watts=watts,
            window=window,
            bookable_only=self.bookable,
            limit=self.limit,
            cursor=self.cursor,
        )


class SlotsWish(Parameters, frozen=True, kw_only=True):
    """Which day, and how long the slots should be."""

    day: Annotated[date, Meta(description="Local day of the station")]
    minutes: Annotated[int, Meta(ge=1, le=10_080, description="Length of a slot")]
    charger_id: ChargerId | None = None
    after: (
        Annotated[ChargerId, Meta(description="Continue after the `next_after` of a page")] | None
    ) = None


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
    """Stations around a place, nearest first; with a window, what is free and what it costs."""
    return await visitor.ask_shared(request.parameters(Search).query())


@get("/v1/stations/{station_id:uuid}", opt=described(station.StationNotFound, tag="Stations"))
async def get_station(station_id: FromPath[StationId], visitor: Visitor) -> StationView:
    """One station with its chargers, hours, rule, tariff and terms."""
    return await visitor.ask_shared(station.GetStation(station_id=station_id), station_id)


@get(
    "/v1/stations/{station_id:uuid}/slots",
    opt=described(
        station.StationNotFound,
        station.ChargerNotFound,
        station.SlotLengthInvalid,
        parameters=SlotsWish,
        tag="Stations",
    ),
)
async def get_slots(
    station_id: FromPath[StationId], request: EdgeRequest, visitor: Visitor
) -> DaySlots:
    """The slots of a local day: every start, with price, and why a grey one cannot be booked."""
    wish = request.parameters(SlotsWish)
    question = station.GetSlots(
        station_id=station_id,
        day=wish.day,
        minutes=wish.minutes,
        charger_id=wish.charger_id,
        after=wish.after,
    )
    return await visitor.ask_shared(question, station_id)


@post(
    "/v1/stations",
    opt=described(
        station.NotAnOperator,
        station.StationNotFound,
        station.StationInvalid,
        station.StationExists,
        station.TariffRequired,
        example=EXAMPLE,
        tag="Operators",
    ),
)
async def create_station(data: JSONBody[StationBody], driver: Driver) -> Response[StationView]:
    """Put a station on line: owners and managers of the organisation."""
    station_id = StationId(await driver.made_id("station"))
    fields: dict[str, Any] = {**msgspec.to_builtins(data), "station_id": str(station_id)}
    event = await driver.send(msgspec.convert(fields, station.CreateStation))
    return created(event.station, f"/v1/stations/{station_id}")


ROUTES = [find_stations, get_station, get_slots, create_station]
