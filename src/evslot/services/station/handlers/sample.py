"""What is said of the sample's chargers for their operators; in development only."""

from evslot.services.station import store
from evslot.services.station.messages import (
    ChargerStateChanged,
    EnsureSampleStates,
    SampleStates,
)
from evslot.services.user import messages as user
from evslot.spine.config import SharedSettings
from evslot.spine.handling import Handlers
from evslot.spine.transaction import Transaction

handlers = Handlers()


@handlers.on(EnsureSampleStates)
async def ensure_sample_states(command: EnsureSampleStates, tx: Transaction) -> SampleStates:
    """What somebody has said since is left alone."""
    tx.caller.require_system()
    if not tx.resource(SharedSettings).in_development:
        raise user.SampleAccountsOff()
    said = await store.update_older_states(tx, command.states)
    stations = await store.select_stations(tx, sorted({one.station_id for one in said}))
    for one in said:
        station = stations[one.station_id]
        charger = next(c for c in station.chargers if c.charger_id == one.charger_id)
        tx.emit(
            ChargerStateChanged(
                station_id=station.station_id,
                organisation_id=station.organisation_id,
                charger=charger,
                version=one.version,
            )
        )
    return SampleStates(said=len(said))
