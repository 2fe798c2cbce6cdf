"""What a search may ask, and the cursor that continues it."""

import base64
import hmac
from collections.abc import Callable
from datetime import timedelta
from math import asin, cos, isfinite, pi, radians, sin, sqrt
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from evslot.services.station.domain.details import is_text
from evslot.services.station.domain.plugs import STANDARDS
from evslot.services.station.domain.slots import check_period
from evslot.services.station.messages import (
    Box,
    CursorInvalid,
    FindPlaces,
    FindStations,
    ListLocations,
    Position,
    SearchInvalid,
)
from evslot.values import StationId

EARTH_METRES = 6_371_008.8
"""Mean radius (IUGG), as in the schema's `on_globe`."""
FURTHEST_METRES = 100_000
MOST_STATIONS = 100
LONGEST_TEXT = 100
MOST_PLACES = 20
LONGEST_WINDOW = timedelta(days=1)
MOST_WATTS = 10_000_000
MOST_MINOR_UNITS = 10**9
HALF_WAY_ROUND = pi * EARTH_METRES
SMALL_BOX = 5.0
"""Degrees up to which the furthest point from the middle is a corner, as good as."""
FURTHEST_AHEAD = timedelta(days=366)
"""The furthest notice a station can ask for."""
LONGEST_CLAIM = timedelta(days=2)
"""The longest slot with its buffer."""
SEAL_BYTES = 16

Mac = Callable[[bytes], bytes]


class Last(Struct, frozen=True, omit_defaults=True):
    """Where a page ended: metres of chord from the place, the station there, its rank."""

    chord: float
    station_id: StationId
    rank: float = 0.0
    """The price, or the start in seconds, where that sorts."""


START = Last(-1.0, StationId(UUID(int=0)), -1.0)
Paged = FindStations | ListLocations
Rank = tuple[float, float, UUID]


def check_search(search: FindStations) -> None:
    """Refuses with SearchInvalid or PeriodInvalid what no search can answer."""
    _check_on_globe(search.position)
    _demand(1 <= search.radius_metres <= FURTHEST_METRES, f"radius: 1 to {FURTHEST_METRES} metres")
    _demand(1 <= search.limit <= MOST_STATIONS, f"limit: 1 to {MOST_STATIONS} stations")
    _demand(
        search.connector is None or search.connector in STANDARDS,
        "connector: an OCPI ConnectorType",
    )
    _demand(
        search.min_watts is None or 0 <= search.min_watts <= MOST_WATTS,
        f"power: 0 to {MOST_WATTS} watts",
    )
    _demand(
        search.max_price is None or 0 <= search.max_price <= MOST_MINOR_UNITS,
        f"price: 0 to {MOST_MINOR_UNITS} minor units",
    )
    if search.box is not None:
        _check_box(search.box)
    if search.window is not None:
        check_period(search.window)
        _demand(search.window.length <= LONGEST_WINDOW, "window: a day at most")
    elif search.sort != "distance" or search.max_price is not None:
        raise SearchInvalid("to sort by price or start, or to name a price, name a window too")


def check_places(search: FindPlaces) -> None:
    """Refuses with SearchInvalid."""
    text = search.text.strip()
    _demand(1 <= len(text) <= LONGEST_TEXT, f"text: 1 to {LONGEST_TEXT} characters")
    _demand(all(map(is_text, text)), "text: it holds characters that are no text")
    _demand(1 <= search.limit <= MOST_PLACES, f"limit: 1 to {MOST_PLACES} places")
    if search.near is not None:
        _check_on_globe(search.near)


def _check_on_globe(place: Position) -> None:
    on_globe = isfinite(place.latitude) and isfinite(place.longitude)
    fine = on_globe and abs(place.latitude) <= 90 and abs(place.longitude) <= 180
    _demand(fine, "no place on the globe")


def _check_box(box: Box) -> None:
    sides = (box.south, box.west, box.north, box.east)
    _demand(all(map(isfinite, sides)), "box: degrees, please")
    _demand(-90 <= box.south <= box.north <= 90, "box: south below north, -90 to 90")
    _demand(abs(box.west) <= 180 and abs(box.east) <= 180, "box: west and east: -180 to 180")


class Around(Struct, frozen=True):
    """A ball that holds all that is searched; distances may be from elsewhere."""

    middle: Position
    metres: float


def around(search: FindStations) -> Around:
    """The radius about the place, or all of the box."""
    box = search.box
    if box is None:
        return Around(search.position, search.radius_metres)
    width = box.east - box.west
    if width < 0 or max(width, box.north - box.south) > SMALL_BOX:
        return Around(search.position, HALF_WAY_ROUND)
    middle = Position((box.south + box.north) / 2, (box.west + box.east) / 2)
    corners = [
        Position(latitude, longitude)
        for latitude in (box.south, box.north)
        for longitude in (box.west, box.east)
    ]
    return Around(middle, 1.01 * max(_metres(middle, corner) for corner in corners) + 1.0)


def judges(search: FindStations) -> bool:
    """Whether some stations will not fit that a statement cannot tell."""
    return search.open_now or search.free or search.max_price is not None


def picks_chargers(search: FindStations) -> bool:
    """Whether it is about some chargers of a station and not all of them."""
    kinds = (search.connector, search.min_watts, search.current)
    return search.accessible or any(kind is not None for kind in kinds)


def rank_after(last: Last) -> Rank:
    """Pages go on behind this."""
    return (last.rank, last.chord, last.station_id)


def last_of(rank: Rank) -> Last:
    """For the cursor."""
    return Last(rank[1], StationId(rank[2]), rank[0])


def _metres(here: Position, there: Position) -> float:
    """Over the earth (haversine)."""
    phi, theta = radians(here.latitude), radians(there.latitude)
    turn = radians(there.longitude - here.longitude)
    half = sin((theta - phi) / 2) ** 2 + cos(phi) * cos(theta) * sin(turn / 2) ** 2
    return 2 * EARTH_METRES * asin(min(1.0, sqrt(half)))


def chord_of(metres: float) -> float:
    """The straight way through the earth for a way of `metres` over it."""
    return 2 * EARTH_METRES * sin(min(metres / (2 * EARTH_METRES), pi / 2))


def metres_of(chord: float) -> float:
    """The way over the earth between two places that far apart through it."""
    return 2 * EARTH_METRES * asin(min(chord / (2 * EARTH_METRES), 1.0))


def pack_cursor(search: Paged, last: Last, mac: Mac) -> str:
    """Continues this search after `last`, and no other search."""
    body = msgspec.json.encode(last)
    seal = mac(_signed(search, body))[:SEAL_BYTES]
    return base64.urlsafe_b64encode(seal + body).rstrip(b"=").decode()


def unpack_cursor(search: Paged, mac: Mac) -> Last:
    """Where to go on; CursorInvalid unless `pack_cursor` made the cursor for the same search."""
    if search.cursor is None:
        return START
    try:
        padded = search.cursor + "=" * (-len(search.cursor) % 4)
        last = msgspec.json.decode(base64.urlsafe_b64decode(padded)[SEAL_BYTES:], type=Last)
    except (ValueError, msgspec.MsgspecError):
        raise CursorInvalid from None
    # Made again rather than taken apart: a cursor has one spelling.
    ours = pack_cursor(search, last, mac)
    if not hmac.compare_digest(ours.encode(), search.cursor.encode()):
        raise CursorInvalid
    return last


def _signed(search: Paged, body: bytes) -> bytes:
    """A page may have another length, but it is of the same search."""
    same = replace(search, cursor=None, limit=1)
    return type(search).__name__.encode() + b":" + msgspec.json.encode(same) + b":" + body


def _demand(fine: bool, wish: str) -> None:
    if not fine:
        raise SearchInvalid(wish)
