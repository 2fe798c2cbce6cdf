"""What operators do with their stations: change, price and retire them, say how chargers are."""

from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from evslot.gateway.answers import created
from evslot.gateway.description import described
from evslot.gateway.parsing import Body, Parameters
from evslot.gateway.routes.station_bodies import (
    CHANGE_EXAMPLE,
    CHARGER_EXAMPLE,
    TARIFF_EXAMPLE,
    ChargerBody,
    ChargerChangeBody,
    NewTariffBody,
    StateBody,
    StationChangeBody,
    TermsBody,
)
from evslot.gateway.visitors import Driver, EdgeRequest
from evslot.services.station import messages as station
from evslot.services.station.messages import Charger, OwnStations, StationStatus, StationView
from evslot.services.user import messages as user
from evslot.values import ChargerId, OrganisationId, StationId

T = TypeVar("T")

STATION = (station.NotAnOperator, station.StationNotFound, station.StationRetired)
CHARGER = (*STATION, station.ChargerNotFound)
WRITTEN = (station.StationInvalid, station.TariffRequired, station.StationChanged)
TAG = "Operators"


class StationsWish(Parameters, frozen=True, kw_only=True):
    """Which of the stations, and where to go on."""

    status: StationStatus | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    cursor: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None


@get(
    "/v1/organisations/{organisation_id:uuid}/stations",
    opt=described(
        user.OrganisationNotFound,
        station.NotAnOperator,
        station.CursorInvalid,
        parameters=StationsWish,
        tag=TAG,
    ),
)
async def list_stations(
    organisation_id: FromPath[OrganisationId], request: EdgeRequest, driver: Driver
) -> OwnStations:
    """The stations of an organisation, for its members: listed, bookable and retired."""
    wish = request.parameters(StationsWish)
    return await driver.ask(
        station.ListStations(
            organisation_id=organisation_id,
            status=wish.status,
            limit=wish.limit,
            cursor=wish.cursor,
        )
    )


@put(
    "/v1/stations/{station_id:uuid}",
    opt=described(*STATION, *WRITTEN, station.TariffMissing, example=CHANGE_EXAMPLE, tag=TAG),
)
async def change_station(
    station_id: FromPath[StationId], data: JSONBody[StationChangeBody], driver: Driver
) -> StationView:
    """Change what a station says of itself; what is left out stays."""
    command = _of(station.ChangeStation, data, station_id=station_id)
    return (await driver.send(command)).station


@post("/v1/stations/{station_id:uuid}/retirement", opt=described(*STATION, tag=TAG))
async def retire_station(station_id: FromPath[StationId], driver: Driver) -> Response[StationView]:
    """Take a station off line for good: nothing new is booked, bookings and history stay."""
    event = await driver.send(station.RetireStation(station_id=station_id))
    return created(event.station, f"/v1/stations/{station_id}")


@post(
    "/v1/stations/{station_id:uuid}/chargers",
    opt=described(
        *STATION,
        *WRITTEN,
        station.ChargerExists,
        station.TariffMissing,
        example=CHARGER_EXAMPLE,
        tag=TAG,
    ),
)
async def add_charger(
    station_id: FromPath[StationId], data: JSONBody[ChargerBody], driver: Driver
) -> Response[StationView]:
    """Put one more charger on line."""
    charger_id = ChargerId(await driver.made_id("charger"))
    command = station.AddCharger(
        station_id=station_id, charger_id=charger_id, charger=_of(station.ChargerInput, data)
    )
    event = await driver.send(command)
    return created(event.station, f"/v1/stations/{station_id}")


@put(
    "/v1/stations/{station_id:uuid}/chargers/{charger_id:uuid}",
    opt=described(*CHARGER, *WRITTEN, example={"label": "B2", "accessible": True}, tag=TAG),
)
async def change_charger(
    station_id: FromPath[StationId],
    charger_id: FromPath[ChargerId],
    data: JSONBody[ChargerChangeBody],
    driver: Driver,
) -> StationView:
    """Change a charger; what is left out stays, connectors are replaced as a whole."""
    command = _of(station.ChangeCharger, data, station_id=station_id, charger_id=charger_id)
    return (await driver.send(command)).station


@post(
    "/v1/stations/{station_id:uuid}/chargers/{charger_id:uuid}/retirement",
    opt=described(*CHARGER, station.LastCharger, tag=TAG),
)
async def retire_charger(
    station_id: FromPath[StationId], charger_id: FromPath[ChargerId], driver: Driver
) -> Response[StationView]:
    """Take a charger off line for good: nothing new is booked, bookings and history stay."""
    command = station.RetireCharger(station_id=station_id, charger_id=charger_id)
    event = await driver.send(command)
    return created(event.station, f"/v1/stations/{station_id}")


@put(
    "/v1/stations/{station_id:uuid}/chargers/{charger_id:uuid}/state",
    opt=described(*CHARGER, example={"state": "OUTOFORDER"}, tag=TAG),
)
async def set_charger_state(
    station_id: FromPath[StationId],
    charger_id: FromPath[ChargerId],
    data: JSONBody[StateBody],
    driver: Driver,
) -> Charger:
    """Say how a charger is; after 24 hours it reads `not_known` again."""
    command = station.SetChargerState(
        station_id=station_id, charger_id=charger_id, state=data.state
    )
    return (await driver.send(command)).charger


@put(
    "/v1/stations/{station_id:uuid}/tariff",
    opt=described(*STATION, *WRITTEN, example=TARIFF_EXAMPLE, tag=TAG),
)
async def set_tariff(
    station_id: FromPath[StationId], data: JSONBody[NewTariffBody], driver: Driver
) -> StationView:
    """Name the prices of new quotes; a quote that was given keeps its own."""
    tariff = _tariff(data)
    command = station.SetTariff(station_id=station_id, tariff=tariff, version=data.version)
    return (await driver.send(command)).station


@put(
    "/v1/stations/{station_id:uuid}/chargers/{charger_id:uuid}/tariff",
    opt=described(*CHARGER, *WRITTEN, station.TariffMissing, example=TARIFF_EXAMPLE, tag=TAG),
)
async def set_charger_tariff(
    station_id: FromPath[StationId],
    charger_id: FromPath[ChargerId],
    data: JSONBody[NewTariffBody],
    driver: Driver,
) -> StationView:
    """Name prices of one charger that differ from the station's."""
    tariff = _tariff(data)
    command = station.SetTariff(
        station_id=station_id, charger_id=charger_id, tariff=tariff, version=data.version
    )
    return (await driver.send(command)).station


@delete(
    "/v1/stations/{station_id:uuid}/chargers/{charger_id:uuid}/tariff",
    opt=described(*CHARGER, station.TariffRequired, station.StationChanged, tag=TAG),
)
async def unset_charger_tariff(
    station_id: FromPath[StationId], charger_id: FromPath[ChargerId], driver: Driver
) -> None:
    """Let a charger cost what its station costs, again."""
    await driver.send(station.SetTariff(station_id=station_id, charger_id=charger_id, tariff=None))


@put(
    "/v1/stations/{station_id:uuid}/terms",
    opt=described(*STATION, station.StationChanged, example={"terms": "relaxed"}, tag=TAG),
)
async def set_terms(
    station_id: FromPath[StationId], data: JSONBody[TermsBody], driver: Driver
) -> StationView:
    """Name the rules of new bookings; a booking keeps those it was made under."""
    command = station.SetTerms(station_id=station_id, terms=data.terms, version=data.version)
    return (await driver.send(command)).station


def _tariff(data: NewTariffBody) -> station.Tariff:
    """The service gives prices their version; that of the body is the station's."""
    return _of(station.Tariff, data, version=1)


def _of(kind: type[T], data: Body, **more: Any) -> T:
    """The message or noun that says what a body says."""
    return msgspec.convert({**msgspec.to_builtins(data), **more}, kind)


ROUTES = [
    list_stations,
    change_station,
    retire_station,
    add_charger,
    change_charger,
    retire_charger,
    set_charger_state,
    set_tariff,
    set_charger_tariff,
    unset_charger_tariff,
    set_terms,
]
