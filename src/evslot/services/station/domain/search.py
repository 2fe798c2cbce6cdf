"""What a search may ask, and the cursor that continues it."""

import base64
import hmac
from collections.abc import Callable
from datetime import timedelta
from math import asin, isfinite, pi, sin
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from evslot.services.station.domain.plugs import STANDARDS
from evslot.services.station.domain.slots import check_period
from evslot.services.station.messages import Charger, CursorInvalid, FindStations, SearchInvalid
from evslot.values import StationId

EARTH_METRES = 6_371_008.8
"""Mean radius (IUGG), as in the schema's `on_globe`."""
FURTHEST_METRES = 100_000
MOST_STATIONS = 100
LONGEST_WINDOW = timedelta(days=1)
MOST_WATTS = 10_000_000
SEAL_BYTES = 16

Mac = Callable[[bytes], bytes]


class Last(Struct, frozen=True):
    """Where a page ended: metres of chord from the place, and the station there."""

    chord: float
    station_id: StationId


START = Last(-1.0, StationId(UUID(int=0)))


def check_search(search: FindStations) -> None:
    """Refuses with SearchInvalid or PeriodInvalid what no search can answer."""
    latitude, longitude = search.position.latitude, search.position.longitude
    on_globe = isfinite(latitude) and isfinite(longitude)
    _demand(on_globe and abs(latitude) <= 90 and abs(longitude) <= 180, "no place on the globe")
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
    if search.window is not None:
        check_period(search.window)
        _demand(search.window.length <= LONGEST_WINDOW, "window: a day at most")


def chord_of(metres: float) -> float:
    """The straight way through the earth for a way of `metres` over it."""
    return 2 * EARTH_METRES * sin(min(metres / (2 * EARTH_METRES), pi / 2))


def metres_of(chord: float) -> float:
    """The way over the earth between two places that far apart through it."""
    return 2 * EARTH_METRES * asin(min(chord / (2 * EARTH_METRES), 1.0))


def fits(search: FindStations, charger: Charger) -> bool:
    """Whether one of the charger's plugs is wanted and strong enough; unknown power is not."""
    if search.connector is None and search.min_watts is None:
        return True
    return any(
        search.connector in (None, plug.standard)
        and (search.min_watts is None or (plug.max_watts or -1) >= search.min_watts)
        for plug in charger.connectors
    )


def pack_cursor(search: FindStations, last: Last, mac: Mac) -> str:
    """Continues this search after `last`, and no other search."""
    body = msgspec.json.encode(last)
    seal = mac(_signed(search, body))[:SEAL_BYTES]
    return base64.urlsafe_b64encode(seal + body).rstrip(b"=").decode()


def unpack_cursor(search: FindStations, mac: Mac) -> Last:
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


def _signed(search: FindStations, body: bytes) -> bytes:
    """A page may have another length, but it is of the same search."""
    same = replace(search, cursor=None, limit=1)
    return b"cursor:" + msgspec.json.encode(same) + b":" + body


def _demand(fine: bool, wish: str) -> None:
    if not fine:
        raise SearchInvalid(wish)
