"""What a person may say about a car."""

from typing import Protocol

from evslot.services.user.domain.profiles import clean_text
from evslot.services.user.messages import Vehicle, VehicleInvalid
from evslot.spine.message import Personal
from evslot.values import VehicleId

MAX_VEHICLES = 20
MAX_NAME_LENGTH = 60
BATTERY_WH = (1_000, 2_000_000)
WATTS = (1_000, 4_000_000)

CONNECTORS = frozenset(
    {
        "CHADEMO",
        "DOMESTIC_E",
        "DOMESTIC_F",
        "GBT_AC",
        "GBT_DC",
        "IEC_60309_2_single_16",
        "IEC_60309_2_three_16",
        "IEC_60309_2_three_32",
        "IEC_62196_T1",
        "IEC_62196_T1_COMBO",
        "IEC_62196_T2",
        "IEC_62196_T2_COMBO",
        "IEC_62196_T3A",
        "IEC_62196_T3C",
        "MCS",
        "NACS",
        "SAE_J3400",
        "TESLA_R",
        "TESLA_S",
    }
)
"""OCPI 2.3 ConnectorType, as far as cars have them."""


class Described(Protocol):
    """A car as a command says it."""

    @property
    def vehicle_id(self) -> VehicleId: ...
    @property
    def name(self) -> Personal[str]: ...
    @property
    def connector(self) -> str: ...
    @property
    def battery_wh(self) -> int | None: ...
    @property
    def max_ac_watts(self) -> int | None: ...
    @property
    def max_dc_watts(self) -> int | None: ...


def checked_vehicle(wanted: Described) -> Vehicle:
    """VehicleInvalid names the field."""
    name = clean_text(wanted.name.value, MAX_NAME_LENGTH)
    if name is None:
        raise VehicleInvalid(field="name", max_length=MAX_NAME_LENGTH)
    if wanted.connector not in CONNECTORS:
        raise VehicleInvalid(field="connector", allowed=sorted(CONNECTORS))
    return Vehicle(
        vehicle_id=wanted.vehicle_id,
        name=Personal(name),
        connector=wanted.connector,
        battery_wh=_within("battery_wh", wanted.battery_wh, BATTERY_WH),
        max_ac_watts=_within("max_ac_watts", wanted.max_ac_watts, WATTS),
        max_dc_watts=_within("max_dc_watts", wanted.max_dc_watts, WATTS),
    )


def _within(field: str, value: int | None, bounds: tuple[int, int]) -> int | None:
    least, most = bounds
    if value is not None and not least <= value <= most:
        raise VehicleInvalid(field=field, least=least, most=most)
    return value
