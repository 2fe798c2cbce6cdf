"""Cars of a person."""

from evslot.services.user import store
from evslot.services.user.domain.vehicles import MAX_VEHICLES, checked_vehicle
from evslot.services.user.handlers import callers
from evslot.services.user.messages import (
    AddVehicle,
    ChangeVehicle,
    RemoveVehicle,
    TooManyVehicles,
    Vehicle,
    VehicleNotFound,
    VehicleRemoved,
)
from evslot.spine.handling import Handlers
from evslot.spine.transaction import Transaction

handlers = Handlers()


@handlers.on(AddVehicle)
async def add_vehicle(command: AddVehicle, tx: Transaction) -> Vehicle:
    await callers.themself(tx, tx.caller, command.user_id)
    vehicle = checked_vehicle(command)
    await store.lock_profile(tx, command.user_id)  # two at once must not be one too many
    if len(await store.read_vehicles(tx, command.user_id)) >= MAX_VEHICLES:
        raise TooManyVehicles(limit=MAX_VEHICLES)
    await store.insert_vehicle(tx, command.user_id, vehicle)
    return vehicle


@handlers.on(ChangeVehicle)
async def change_vehicle(command: ChangeVehicle, tx: Transaction) -> Vehicle:
    await callers.themself(tx, tx.caller, command.user_id)
    vehicle = checked_vehicle(command)
    if not await store.update_vehicle(tx, command.user_id, vehicle):
        raise VehicleNotFound()
    return vehicle


@handlers.on(RemoveVehicle)
async def remove_vehicle(command: RemoveVehicle, tx: Transaction) -> VehicleRemoved:
    await callers.themself(tx, tx.caller, command.user_id)
    if not await store.delete_vehicle(tx, command.user_id, command.vehicle_id):
        raise VehicleNotFound()
    return VehicleRemoved(vehicle_id=command.vehicle_id)
