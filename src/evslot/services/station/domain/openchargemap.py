"""Open Charge Map records (`/v3/poi`) read as stations, whatever people have typed into them."""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from evslot.services.station.domain.details import MOST_CHARGERS
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
from evslot.services.station.domain.plugs import DC_ONLY, most_watts, open_charge_map_plug
from evslot.services.station.messages import Connector, ImportFormat, Position

PROVIDER: ImportFormat = "openchargemap"

REMOVED = (200, 210)
PLANNED = 150
RESTRICTED = 2
DIRECT_CURRENT = 30


class _Title(Struct, rename="pascal"):
    title: str | None = None


class _Country(Struct, rename="pascal"):
    iso: str | None = field(default=None, name="ISOCode")


class _Provider(Struct, rename="pascal"):
    title: str | None = None
    license: str | None = None
    is_open_data_licensed: bool | None = None


class _Status(Struct, rename="pascal"):
    is_operational: bool | None = None


class _Submission(Struct, rename="pascal"):
    is_live: bool | None = None


class _Address(Struct, rename="pascal"):
    latitude: float
    longitude: float
    title: str | None = None
    address_line1: str | None = None
    address_line2: str | None = None
    town: str | None = None
    postcode: str | None = None
    country: _Country | None = None
    access_comments: str | None = None


class _Connection(Struct, rename="pascal"):
    type_id: int | None = field(default=None, name="ConnectionTypeID")
    type: _Title | None = field(default=None, name="ConnectionType")
    status_type_id: int | None = field(default=None, name="StatusTypeID")
    current_type_id: int | None = field(default=None, name="CurrentTypeID")
    power: float | None = field(default=None, name="PowerKW")
    amps: int | None = None
    quantity: int | None = None


class _Record(Struct, rename="pascal"):
    address_info: _Address
    connections: list[_Connection] | None = None
    number_of_points: int | None = None
    status_type_id: int | None = field(default=None, name="StatusTypeID")
    status_type: _Status | None = None
    submission_status: _Submission | None = None
    usage_type_id: int | None = field(default=None, name="UsageTypeID")
    data_provider: _Provider | None = None
    general_comments: str | None = None


class _Numbered(Struct):
    number: Annotated[int, Meta(ge=1, le=2**53)] = field(name="ID")


class _Plug(Struct, frozen=True):
    connector: Connector | None
    direct: bool


def read_records(records: list[Any], zone_of: ZoneOf) -> Iterator[Draft | Skipped]:
    """Each record on its own, in order: a bad one spoils no other, a second of an id is skipped."""
    seen: set[str] = set()
    for place, record in enumerate(records, start=1):
        try:
            source_id = str(msgspec.convert(record, _Numbered).number)
        except msgspec.ValidationError as error:
            yield Skipped(source_id=f"record {place}", reason=f"no usable ID: {error}")
            continue
        if source_id in seen:
            yield Skipped(source_id=f"{source_id} (record {place})", reason="was there before")
            continue
        seen.add(source_id)
        yield read_record(source_id, record, zone_of)


def read_record(source_id: str, record: Any, zone_of: ZoneOf) -> Draft | Skipped:
    """The station of one record, or why it is none."""
    try:
        poi = msgspec.convert(record, _Record, strict=False)
        if poi.status_type_id in REMOVED:
            return Skipped(source_id=source_id, reason="removed", gone=True)
        return _draft(source_id, poi, zone_of)
    except FAILURES as error:
        return failed(source_id, error)


def _draft(source_id: str, poi: _Record, zone_of: ZoneOf) -> Draft:
    address = poi.address_info
    country = ((address.country and address.country.iso) or "").strip().upper()
    position = Position(address.latitude, address.longitude)
    provider = poi.data_provider or _Provider()
    _check_fit(poi, country, provider)
    notes: list[str] = []
    obstacle = _obstacle(poi)
    if obstacle:
        notes.append(f"shown only: {obstacle}")
    street = joined(", ", address.address_line1, address.address_line2)
    return Draft(
        source_id=source_id,
        name=short("name", joined("", address.title) or street or f"Station {source_id}", notes),
        address=short("address", street, notes),
        city=short("city", joined("", address.town), notes),
        postcode=short("postcode", joined("", address.postcode), notes),
        country=country,
        position=position,
        zone=zone_at(position, zone_of),
        how_to_find=short(
            "how_to_find", joined("\n", address.access_comments, poi.general_comments), notes
        ),
        points=_points(poi, notes),
        source=joined("", provider.title)[:LONGEST_SOURCE] or PROVIDER,
        licence=joined("", provider.license)[:LONGEST_SOURCE] or None,
        obstacle=obstacle,
        notes=noted(notes),
    )


def _check_fit(poi: _Record, country: str, provider: _Provider) -> None:
    if poi.submission_status and poi.submission_status.is_live is False:
        raise Unfit("not published")
    if provider.is_open_data_licensed is False:
        raise Unfit("its provider gives no open licence")
    if poi.status_type_id == PLANNED:
        raise Unfit("planned, not there yet")
    if len(country) != 2 or not country.isalpha() or not country.isascii():
        raise Unfit("no country: ask Open Charge Map for verbose records")
    if (poi.number_of_points or 0) > MOST_CHARGERS:
        raise Unfit(f"more than {MOST_CHARGERS} points")


def _obstacle(poi: _Record) -> str | None:
    if poi.status_type and poi.status_type.is_operational is False:
        return "not in operation"
    if poi.usage_type_id == RESTRICTED:
        return "private, restricted access"
    return None


def _points(poi: _Record, notes: list[str]) -> tuple[Point, ...]:
    """Plugs dealt round, so that a DC and AC triple on one point stays one charger.

    Number of points, else the sum of the quantities, else 1; quantity 0 is not known and counts
    as one plug. With fewer plugs than points the round goes on from the first plug.
    """
    connections = [c for c in poi.connections or () if c.status_type_id not in REMOVED]
    quantities = [max(0, min(c.quantity or 0, MOST_CHARGERS)) for c in connections]
    count = poi.number_of_points or 0
    if count <= 0:
        count = min(sum(quantities), MOST_CHARGERS) or 1
    plugs = [
        plug
        for connection, quantity in zip(connections, quantities, strict=True)
        for plug in [_plug(connection, notes)] * (quantity or 1)
    ]
    hands: list[list[_Plug]] = [[] for _ in range(count)]
    for turn in range(max(count, len(plugs)) if plugs else 0):
        hands[turn % count].append(plugs[turn % len(plugs)])
    points = tuple(_point(hand, notes) for hand in hands)
    if not all(point.connectors for point in points):
        notes.append("a charger without a known plug")
    return points


def _point(hand: list[_Plug], notes: list[str]) -> Point:
    connectors = list(dict.fromkeys(plug.connector for plug in hand if plug.connector))
    direct = any(plug.direct for plug in hand)
    return Point(plugs_at_most(connectors, notes), "DC" if direct else "AC")


def _plug(connection: _Connection, notes: list[str]) -> _Plug:
    plug = open_charge_map_plug(connection.type_id, connection.amps)
    direct = connection.current_type_id == DIRECT_CURRENT
    if plug is None:
        title = joined("", connection.type.title if connection.type else None)[:60]
        notes.append(f"plug type {connection.type_id} ({title or 'no name'}) is not known")
        return _Plug(None, direct)
    watts = (connection.power or 0) * 1000
    known = 0 < watts <= most_watts(plug.standard)  # neither is so of what is no number
    if not known and not watts <= 0:
        notes.append(f"{plug.standard} with {connection.power} kW cannot be: power not known")
    connector = Connector(
        standard=plug.standard,
        cable=plug.cable,
        max_watts=round(watts) or None if known else None,
    )
    return _Plug(connector, direct or plug.standard in DC_ONLY)
