"""Plugs: OCPI connector types, and what Open Charge Map's connection types are in them."""

from typing import Final

from msgspec import Struct

DC_ONLY: Final = frozenset(
    {
        "CHADEMO",
        "CHAOJI",
        "GBT_DC",
        "IEC_62196_T1_COMBO",
        "IEC_62196_T2_COMBO",
        "MCS",
        "PANTOGRAPH_BOTTOM_UP",
        "PANTOGRAPH_TOP_DOWN",
    }
)

STANDARDS: Final = (
    DC_ONLY
    | {f"DOMESTIC_{letter}" for letter in "ABCDEFGHIJKLMNO"}
    | {f"IEC_60309_2_{kind}" for kind in ("single_16", "three_16", "three_32", "three_64")}
    | {f"IEC_62196_{kind}" for kind in ("T1", "T2", "T3A", "T3C")}
    | {f"NEMA_{kind}" for kind in ("5_20", "6_30", "6_50", "10_30", "10_50", "14_30", "14_50")}
    | {"GBT_AC", "SAE_J3400", "TESLA_R", "TESLA_S"}
)
"""OCPI 2.3, mod_locations, ConnectorType."""

MOST_WATTS_AC: Final = 100_000
"""Three phases of 125 A give 86 kW; what claims more is a slip of the pen."""
MOST_WATTS_DC: Final = 3_750_000
"""The Megawatt Charging System's limit."""


class Plug(Struct, frozen=True):
    """What a connection type of Open Charge Map stands for."""

    standard: str
    cable: bool = False


OPEN_CHARGE_MAP: Final = {
    1: Plug("IEC_62196_T1", cable=True),
    2: Plug("CHADEMO", cable=True),
    3: Plug("DOMESTIC_G"),
    8: Plug("TESLA_R", cable=True),
    9: Plug("NEMA_5_20"),
    10: Plug("NEMA_14_30"),
    11: Plug("NEMA_14_50"),
    16: Plug("IEC_60309_2_single_16"),
    17: Plug("IEC_60309_2_three_16"),
    22: Plug("DOMESTIC_B"),
    23: Plug("DOMESTIC_E"),
    25: Plug("IEC_62196_T2"),
    27: Plug("TESLA_S", cable=True),
    28: Plug("DOMESTIC_F"),
    30: Plug("TESLA_S", cable=True),
    32: Plug("IEC_62196_T1_COMBO", cable=True),
    33: Plug("IEC_62196_T2_COMBO", cable=True),
    1036: Plug("IEC_62196_T2", cable=True),
}
"""By ConnectionTypeID; those that are not here are reported and left out of the charger."""

FIVE_PIN: Final = 17
"""CEE 5 pin: 16 A if the record does not say more."""


def open_charge_map_plug(type_id: int | None, amps: int | None) -> Plug | None:
    """The plug of a connection type, None where it is not one we know."""
    if type_id == FIVE_PIN and amps is not None and amps > 16:
        return Plug("IEC_60309_2_three_32" if amps <= 32 else "IEC_60309_2_three_64")
    return OPEN_CHARGE_MAP.get(type_id) if type_id is not None else None


def most_watts(standard: str) -> int:
    """More than this is no power that such a plug can have."""
    return MOST_WATTS_DC if standard in DC_ONLY or standard == "TESLA_S" else MOST_WATTS_AC
