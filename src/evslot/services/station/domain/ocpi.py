"""OCPI 2.2 and 2.3 Location objects read as stations."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Annotated, Any

import msgspec
from babel.core import get_global
from msgspec import Meta, Struct

from evslot.services.station.domain.details import MOST_CHARGERS, is_text
from evslot.services.station.domain.drafts import (
    FAILURES,
    LONGEST_SOURCE,
    Draft,
    Point,
    Skipped,
    Unfit,
    ZoneOf,
    failed,
    joined,
    noted,
    plugs_at_most,
    short,
    zone_at,
)
from evslot.services.station.domain.ocpi_hours import OcpiHours, read_hours
from evslot.services.station.domain.plugs import STANDARDS, most_watts
from evslot.services.station.messages import (
    Connector,
    Hours,
    ImportFormat,
    Position,
)

PROVIDER: ImportFormat = "ocpi"
PHASES = {"AC_2_PHASE": 2, "AC_2_PHASE_SPLIT": 2, "AC_3_PHASE": 3}
"""Voltage is line to neutral: power is that of all phases."""
NOT_THERE = ("REMOVED", "PLANNED")
FORMER = frozenset({"BUR", "ZAR", "DDR", "FXX", "TMP", "YMD"})
"""Three letters of countries that were; two letters stand for them too."""
LONGEST_LABEL = 3


class _Coordinates(Struct):
    latitude: float
    longitude: float


class _Text(Struct):
    text: str = ""


class _Party(Struct):
    name: str = ""


class _Connector(Struct):
    standard: str
    format: str = "SOCKET"
    power_type: str = "AC_1_PHASE"
    max_voltage: float = 0
    max_amperage: float = 0
    max_electric_power: float | None = None


class _ParkingOfEvse(Struct):
    parking_id: str = ""


class _Evse(Struct):
    uid: Annotated[str, Meta(min_length=1, max_length=100)]
    status: str = "UNKNOWN"
    connectors: list[_Connector] = []
    physical_reference: str | None = None
    parking_restrictions: list[str] | None = None
    parking: list[_ParkingOfEvse] | None = None


class _Parking(Struct):
    id: str = ""
    vehicle_types: list[str] = []


class _Location(Struct, kw_only=True):
    city: str
    country: str
    coordinates: _Coordinates
    publish: bool = True
    name: str | None = None
    address: str = ""
    postal_code: str | None = None
    evses: list[_Evse] | None = None
    parking_places: list[_Parking] | None = None
    directions: list[_Text] | None = None
    operator: _Party | None = None
    time_zone: str | None = None
    opening_times: OcpiHours | None = None
    evslot_district: str = ""
    """Not OCPI: what the sample says besides."""


class _Named(Struct):
    id: Annotated[str, Meta(min_length=1, max_length=100)]
    country_code: Annotated[str, Meta(max_length=10)] = ""
    party_id: Annotated[str, Meta(max_length=10)] = ""


class Origin(Struct, frozen=True):
    """Whose data these are, where a record does not say it."""

    source: str = ""
    licence: str = ""


def read_locations(
    records: list[Any], zone_of: ZoneOf, origin: Origin, now: datetime
) -> Iterator[Draft | Skipped]:
    """Each record on its own, in order: a bad one spoils no other, a second is skipped."""
    seen: set[str] = set()
    for place, record in enumerate(records, start=1):
        try:
            source_id = _source_id(msgspec.convert(record, _Named, strict=False))
        except ValueError as error:
            yield Skipped(source_id=f"record {place}", reason=f"no usable id: {error}")
            continue
        if source_id in seen:
            yield Skipped(source_id=f"{source_id} (record {place})", reason="was there before")
            continue
        seen.add(source_id)
        yield read_location(source_id, record, zone_of, origin, now)


def read_location(
    source_id: str, record: Any, zone_of: ZoneOf, origin: Origin, now: datetime
) -> Draft | Skipped:
    """The station of one record, or why it is none."""
    try:
        location = msgspec.convert(record, _Location, strict=False)
        evses = location.evses or []
        if evses and all(evse.status == "REMOVED" for evse in evses):
            return Skipped(source_id=source_id, reason="removed", gone=True)
        return _draft(source_id, location, zone_of, origin, now)
    except FAILURES as error:
        return failed(source_id, error)


@cache
def alpha_2() -> dict[str, str]:
    """ISO 3166-1: three letters -> two, of countries that are."""
    aliases: Mapping[str, Any] = get_global("territory_aliases")
    return {
        three: two[0]
        for three, two in aliases.items()
        if len(three) == 3 and three.isalpha() and len(two) == 1 and three not in FORMER
    }


def _source_id(named: _Named) -> str:
    """An id is one party's own: parties may use the same. Raises ValueError where it is no text."""
    party = (named.country_code.upper(), named.party_id.upper(), named.id)
    source_id = "*".join(filter(None, party))
    if not all(map(is_text, source_id)):
        raise ValueError("it holds characters that are no text")
    return source_id


def _draft(
    source_id: str, location: _Location, zone_of: ZoneOf, origin: Origin, now: datetime
) -> Draft:
    if not location.publish:
        raise Unfit("not published")
    position = Position(location.coordinates.latitude, location.coordinates.longitude)
    zone = zone_at(position, lambda place: location.time_zone or zone_of(place))
    notes: list[str] = []
    street = joined("", location.address)
    name = joined("", location.name) or street or f"Station {source_id}"
    lines = [line for told in location.directions or () for line in told.text.splitlines()]
    source = joined("", location.operator.name if location.operator else "")
    hours, obstacle = _hours(location, zone, now, notes)
    return Draft(
        source_id=source_id,
        provider=PROVIDER,
        name=short("name", name, notes),
        address=short("address", street, notes),
        city=short("city", joined("", location.city), notes),
        district=short("city", joined("", location.evslot_district), notes),
        postcode=short("postcode", joined("", location.postal_code), notes),
        country=_country(location.country),
        position=position,
        zone=zone,
        how_to_find=short("how_to_find", joined("\n", *lines), notes),
        points=_points(location, notes),
        source=(source or origin.source or PROVIDER)[:LONGEST_SOURCE],
        licence=origin.licence[:LONGEST_SOURCE] or None,
        obstacle=obstacle,
        hours=hours,
        hours_told=sha256(msgspec.json.encode(location.opening_times)).hexdigest(),
        notes=noted(notes),
    )


def _country(told: str) -> str:
    letters = told.strip().upper()
    country = alpha_2().get(letters, letters)
    if len(country) != 2 or country not in alpha_2().values():
        raise Unfit(f"country {told[:20]!r} is no ISO 3166 code")
    return country


def _hours(
    location: _Location, zone: str, now: datetime, notes: list[str]
) -> tuple[Hours | None, str | None]:
    """The hours, and why nobody can book where they are not understood: it may be closed."""
    if location.opening_times is None:
        return None, None
    try:
        return read_hours(location.opening_times, zone, now, notes), None
    except (ValueError, ArithmeticError) as error:
        obstacle = f"opening times are not understood: {error}"
        notes.append(f"shown only: {obstacle}")
        return None, obstacle


def _points(location: _Location, notes: list[str]) -> tuple[Point, ...]:
    """Its EVSEs; those that are gone or to come are none."""
    evses = {evse.uid: evse for evse in location.evses or () if evse.status not in NOT_THERE}
    if not evses:
        raise Unfit("no charger is there")
    if len(evses) > MOST_CHARGERS:
        raise Unfit(f"more than {MOST_CHARGERS} chargers")
    wide = {
        parking.id
        for parking in location.parking_places or ()
        if "DISABLED" in parking.vehicle_types
    }
    points = tuple(_point(evse, wide, notes) for evse in evses.values())
    if not all(point.connectors for point in points):
        notes.append("a charger without a known plug")
    return points


def _point(evse: _Evse, wide: set[str], notes: list[str]) -> Point:
    plugs = [plug for connector in evse.connectors if (plug := _plug(connector, notes))]
    label = joined("", evse.physical_reference)
    restricted = "DISABLED" in (evse.parking_restrictions or ())
    return Point(
        connectors=plugs_at_most(plugs, notes),
        current="DC" if any(c.power_type == "DC" for c in evse.connectors) else "AC",
        uid=evse.uid,
        label=label if len(label) <= LONGEST_LABEL else None,
        accessible=restricted or any(p.parking_id in wide for p in evse.parking or ()),
    )


def _plug(told: _Connector, notes: list[str]) -> Connector | None:
    if told.standard not in STANDARDS:
        notes.append(f"plug {told.standard[:60]} is not known")
        return None
    watts = told.max_electric_power
    if not watts:
        watts = told.max_voltage * told.max_amperage * PHASES.get(told.power_type, 1)
    known = 0 < watts <= most_watts(told.standard)
    if watts and not known:
        notes.append(f"{told.standard} with {watts:g} W cannot be: power not known")
    return Connector(
        standard=told.standard,
        cable=told.format == "CABLE",
        max_watts=round(watts) or None if known else None,
    )
