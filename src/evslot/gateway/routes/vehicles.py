"""The caller's cars."""

from typing import Annotated

from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from evslot.gateway.answers import created
from evslot.gateway.description import described
from evslot.gateway.parsing import Body
from evslot.gateway.people import Vehicle, Vehicles, opened
from evslot.gateway.visitors import Driver
from evslot.services.user import messages as user
from evslot.spine.message import Personal
from evslot.values import VehicleId

Amount = Annotated[int, Meta(ge=1, le=10_000_000)]
EXAMPLE = {
    "name": "Blue hatchback",
    "connector": "IEC_62196_T2_COMBO",
    "battery_wh": 58000,
    "max_ac_watts": 11000,
    "max_dc_watts": 120000,
}


class VehicleBody(Body, frozen=True, kw_only=True):
    """A car; what is not known is left out."""

    name: Annotated[str, Meta(min_length=1, max_length=60)]
    connector: Annotated[str, Meta(min_length=1, max_length=40, description="OCPI ConnectorType")]
    battery_wh: Amount | None = None
    max_ac_watts: Amount | None = None
    max_dc_watts: Amount | None = None


@get("/v1/me/vehicles", opt=described(user.UserNotFound, user.NotForApiKeys, tag="Accounts"))
async def list_vehicles(driver: Driver) -> Vehicles:
    """The caller's cars, oldest first."""
    return opened(await driver.ask(user.ListVehicles(user_id=driver.user_id)), Vehicles)


@post(
    "/v1/me/vehicles",
    opt=described(
        user.VehicleInvalid,
        user.TooManyVehicles,
        user.UserNotFound,
        user.NotForApiKeys,
        example=EXAMPLE,
        tag="Accounts",
    ),
)
async def add_vehicle(data: JSONBody[VehicleBody], driver: Driver) -> Response[Vehicle]:
    """One car more; bookings name it by its id."""
    vehicle_id = VehicleId(await driver.made_id("vehicle"))
    command = user.AddVehicle(
        user_id=driver.user_id,
        vehicle_id=vehicle_id,
        name=Personal(data.name),
        connector=data.connector,
        battery_wh=data.battery_wh,
        max_ac_watts=data.max_ac_watts,
        max_dc_watts=data.max_dc_watts,
    )
    return created(opened(await driver.send(command), Vehicle), f"/v1/me/vehicles/{vehicle_id}")


@put(
    "/v1/me/vehicles/{vehicle_id:uuid}",
    opt=described(
        user.VehicleNotFound,
        user.VehicleInvalid,
        user.UserNotFound,
        user.NotForApiKeys,
        example=EXAMPLE,
        tag="Accounts",
    ),
)
async def change_vehicle(
    vehicle_id: FromPath[VehicleId], data: JSONBody[VehicleBody], driver: Driver
) -> Vehicle:
    """Say anew what a car is, all of it."""
    command = user.ChangeVehicle(
        user_id=driver.user_id,
        vehicle_id=vehicle_id,
        name=Personal(data.name),
        connector=data.connector,
        battery_wh=data.battery_wh,
        max_ac_watts=data.max_ac_watts,
        max_dc_watts=data.max_dc_watts,
    )
    return opened(await driver.send(command), Vehicle)


@delete(
    "/v1/me/vehicles/{vehicle_id:uuid}",
    opt=described(user.VehicleNotFound, user.NotForApiKeys, tag="Accounts"),
)
async def remove_vehicle(vehicle_id: FromPath[VehicleId], driver: Driver) -> None:
    """Take a car out; bookings made with it stay."""
    await driver.send(user.RemoveVehicle(user_id=driver.user_id, vehicle_id=vehicle_id))


ROUTES = [list_vehicles, add_vehicle, change_vehicle, remove_vehicle]
