"""The cursor that continues an operator's list of stations."""

import base64
import hmac
from collections.abc import Callable

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from evslot.services.station.messages import CursorInvalid, ListStations
from evslot.values import StationId

SEAL_BYTES = 16

Mac = Callable[[bytes], bytes]


class Last(Struct, frozen=True):
    """Where a page ended."""

    name: str
    station_id: StationId


def pack_cursor(query: ListStations, last: Last, mac: Mac) -> str:
    """Continues this list after `last`, and no other list."""
    body = msgspec.json.encode(last)
    seal = mac(_signed(query, body))[:SEAL_BYTES]
    return base64.urlsafe_b64encode(seal + body).rstrip(b"=").decode()


def unpack_cursor(query: ListStations, mac: Mac) -> Last | None:
    """Where to go on; CursorInvalid unless `pack_cursor` made the cursor for the same list."""
    if query.cursor is None:
        return None
    try:
        padded = query.cursor + "=" * (-len(query.cursor) % 4)
        last = msgspec.json.decode(base64.urlsafe_b64decode(padded)[SEAL_BYTES:], type=Last)
    except (ValueError, msgspec.MsgspecError):
        raise CursorInvalid from None
    # Made again rather than taken apart: a cursor has one spelling.
    ours = pack_cursor(query, last, mac)
    if not hmac.compare_digest(ours.encode(), query.cursor.encode()):
        raise CursorInvalid
    return last


def _signed(query: ListStations, body: bytes) -> bytes:
    """A page may have another length, but it is of the same list."""
    same = replace(query, cursor=None, limit=1)
    return b"own stations:" + msgspec.json.encode(same) + b":" + body
