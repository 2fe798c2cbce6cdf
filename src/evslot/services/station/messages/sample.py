"""What is said of the chargers of the sample, in a development system."""

from datetime import datetime

from msgspec import Struct

from evslot.services.station.messages.supply import ChargerStateValue
from evslot.spine.message import Command
from evslot.values import ChargerId


class SampleState(Struct, frozen=True, kw_only=True):
    """How its operator says a charger is, and since when."""

    charger_id: ChargerId
    state: ChargerStateValue
    at: datetime


class SampleStates(Struct, frozen=True, kw_only=True):
    """Of how many chargers it was news."""

    said: int


class EnsureSampleStates(Command[SampleStates], frozen=True, kw_only=True):
    """Say how chargers are, for their operators; only the system may, in development only."""

    states: tuple[SampleState, ...]

    def key(self) -> None:
        return None
