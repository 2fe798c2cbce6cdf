"""Stations: details, the slots of a day; an operator puts one on line."""

from datetime import date
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from evslot.gateway.answers import created
from evslot.gateway.description import described
from evslot.gateway.parsing import Parameters
from evslot.gateway.routes.station_bodies import EXAMPLE, StationBody
from evslot.gateway.visitors import Driver, EdgeRequest, Visitor
from evslot.services.station import messages as station
from evslot.services.station.messages import DaySlots, StationView
from evslot.values import ChargerId, StationId


class SlotsWish(Parameters, frozen=True, kw_only=True):
    """Which day, and how long the slots should be."""

    day: Annotated[date, Meta(description="Local day of the station")]
    minutes: Annotated[int, Meta(ge=1, le=10_080, description="Length of a slot")]
    charger_id: ChargerId | None = None
    after: (
        Annotated[ChargerId, Meta(description="Continue after the `next_after` of a page")] | None
    ) = None


@get("/v1/stations/{station_id:uuid}", opt=described(station.StationNotFound, tag="Stations"))
async def get_station(station_id: FromPath[StationId], visitor: Visitor) -> StationView:
    """One station with its chargers, hours, rule, tariff and terms."""
    return await visitor.show(station.GetStation(station_id=station_id), station_id)


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
    return await visitor.show_view(question, station_id)


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


ROUTES = [get_station, get_slots, create_station]
