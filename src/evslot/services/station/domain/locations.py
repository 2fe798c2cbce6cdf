"""Stations written as OCPI 2.3 Location objects: open data."""

from datetime import UTC, datetime, timedelta
from functools import cache
from math import ceil
from typing import Any

import msgspec
from msgspec.structs import replace

from evslot.services.station.domain.ocpi import alpha_2
from evslot.services.station.domain.ocpi_hours import write_hours
from evslot.services.station.domain.plugs import DC_ONLY
from evslot.services.station.domain.states import NOT_KNOWN
from evslot.services.station.messages import Charger, Connector, Hours, StationView

PARTY = "EVS"
TEXT, DIRECTIONS = 45, 512
"""Characters of an address or a city, and of a DisplayText."""
POSTCODE = 10
ONE_PHASE_WATTS = 7_400
"""More than a single phase of 32 A gives."""
MAINS, DIRECT, DIRECT_HIGH = 230, 400, 920
"""Volts."""
MOST_BYTES = 200_000
"""Of one Location: an answer fits into a record of a topic."""
MOST_HOURS_BYTES = MOST_BYTES // 2
"""Of its hours: exceptions over midnight become many periods."""


def location_of(station: StationView, changed_at: datetime) -> dict[str, Any]:
    """A valid Location; `station` shows states as they may be shown.

    What OCPI cannot say is left out: slots, prices, terms. Longer texts are cut. A charger without
    a known plug is left out, for an EVSE needs one; so is what makes the object too large:
    exceptional hours, the furthest ahead first, then chargers.
    """
    updated = _instant(changed_at)
    chargers = [charger for charger in station.chargers if charger.connectors]
    station = replace(station, hours=_fitting(station.hours, station.zone, changed_at))
    location = _location(station, chargers, updated)
    while chargers and len(msgspec.json.encode(location)) > MOST_BYTES:
        chargers = chargers[: len(chargers) // 2]
        location = _location(station, chargers, updated)
    return location


def _fitting(hours: Hours, zone: str, changed_at: datetime) -> Hours:
    """As many exceptions as fit; where some do not, those that were past go, too."""
    if len(msgspec.json.encode(write_hours(hours, zone))) <= MOST_HOURS_BYTES:
        return hours
    since = (changed_at - timedelta(days=1)).date()
    ahead = sorted((one for one in hours.exceptions if one.day >= since), key=lambda one: one.day)
    fitting = replace(hours, exceptions=tuple(ahead))
    while ahead and len(msgspec.json.encode(write_hours(fitting, zone))) > MOST_HOURS_BYTES:
        last = ahead[len(ahead) // 2].day
        ahead = [one for one in ahead if one.day < last]  # whole days: a day's spans are one
        fitting = replace(hours, exceptions=tuple(ahead))
    return fitting


def _location(station: StationView, chargers: list[Charger], updated: str) -> dict[str, Any]:
    wide = [charger for charger in chargers if charger.accessible]
    return {
        "country_code": station.country,
        "party_id": PARTY,
        "id": str(station.station_id),
        "publish": True,
        "name": station.name,
        "address": station.address[:TEXT].strip(),
        "city": station.city[:TEXT].strip(),
        **({"postal_code": station.postcode} if 0 < len(station.postcode) <= POSTCODE else {}),
        "country": _alpha_3().get(station.country, station.country),
        "coordinates": {
            "latitude": f"{station.position.latitude:.7f}",
            "longitude": f"{station.position.longitude:.7f}",
        },
        "evses": [_evse(station, charger, updated) for charger in chargers],
        **({"parking_places": [_parking(charger) for charger in wide]} if wide else {}),
        **({"directions": _directions(station.how_to_find)} if station.how_to_find else {}),
        **({"operator": {"name": station.source[:100]}} if station.source else {}),
        "time_zone": station.zone,
        "opening_times": write_hours(station.hours, station.zone),
        "last_updated": updated,
    }


def _evse(station: StationView, charger: Charger, updated: str) -> dict[str, Any]:
    state = "UNKNOWN" if charger.state == NOT_KNOWN else charger.state
    bookable = {"capabilities": ["RESERVABLE"]} if station.status == "bookable" else {}
    parking = {"parking": [{"parking_id": str(charger.charger_id)}]} if charger.accessible else {}
    return {
        "uid": str(charger.charger_id),
        "status": "REMOVED" if station.status == "retired" else state,
        **bookable,
        "connectors": [
            _connector(str(number), plug, charger, updated)
            for number, plug in enumerate(charger.connectors, start=1)
        ],
        "physical_reference": charger.label,
        **parking,
        "last_updated": _instant(charger.state_at) if charger.state_at else updated,
    }


def _connector(number: str, plug: Connector, charger: Charger, updated: str) -> dict[str, Any]:
    """Unknown power is an amperage of 0, which OCPI demands and nothing can have."""
    watts = plug.max_watts or 0
    if _is_direct(plug, charger):
        power_type, phases = "DC", 1
        volts = DIRECT if watts <= 150_000 else DIRECT_HIGH
    else:
        power_type, phases = ("AC_3_PHASE", 3) if watts > ONE_PHASE_WATTS else ("AC_1_PHASE", 1)
        volts = MAINS
    return {
        "id": number,
        "standard": plug.standard,
        "format": "CABLE" if plug.cable else "SOCKET",
        "power_type": power_type,
        "max_voltage": volts,
        "max_amperage": ceil(watts / (volts * phases)),
        **({"max_electric_power": watts} if watts else {}),
        "last_updated": updated,
    }


def _is_direct(plug: Connector, charger: Charger) -> bool:
    """A fast charger's second plug may be for alternating current."""
    if charger.current == "AC":
        return False
    return plug.standard in DC_ONLY or all(k.standard not in DC_ONLY for k in charger.connectors)


def _parking(charger: Charger) -> dict[str, Any]:
    return {
        "id": str(charger.charger_id),
        "physical_reference": charger.label,
        "vehicle_types": ["PERSONAL_VEHICLE", "DISABLED"],
        "restricted_to_type": False,
        "reservation_required": False,
    }


def _directions(text: str) -> list[dict[str, str]]:
    """The language is not known; OCPI wants one."""
    return [{"language": "en", "text": text[:DIRECTIONS].strip()}]


@cache
def _alpha_3() -> dict[str, str]:
    return {two: three for three, two in alpha_2().items()}


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
