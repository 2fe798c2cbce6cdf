"""Cursors: where a page ended, in a form that nobody else can make."""

import base64
from datetime import datetime
from itertools import accumulate
from typing import TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct

from evslot.services.reservation.messages import CursorInvalid
from evslot.spine.sealing import Keys

PART = "reservation"
LARGEST_PAGE = 100
PAGE_BYTES = 200_000
"""A record of a topic holds a little more."""
Entry = TypeVar("Entry")


class Place(Struct, frozen=True):
    """Where a page ended: a start, and the id of what starts then."""

    start: datetime
    id: UUID


def pack(place: Place, about: str, keys: Keys) -> str:
    """`<base64url of the place>.<mac>`; the mac also covers which list it is, and its filters."""
    payload = base64.urlsafe_b64encode(msgspec.json.encode(place)).decode()
    return f"{payload}.{keys.mac(PART, _signed(about, payload))}"


def unpack(cursor: str | None, about: str, keys: Keys) -> Place | None:
    """The place; raises CursorInvalid for a cursor of another list."""
    if cursor is None:
        return None
    payload, _, mac = cursor.partition(".")
    if not cursor.isascii() or not keys.check_mac(PART, _signed(about, payload), mac):
        raise CursorInvalid()
    return msgspec.json.decode(base64.urlsafe_b64decode(payload), type=Place)


def page_size(wanted: int) -> int:
    """Bounded, whatever was asked for."""
    return max(1, min(wanted, LARGEST_PAGE))


def fitting(entries: list[Entry]) -> list[Entry]:
    """As many of the first as one answer has room for, at least one."""
    sizes = accumulate(len(msgspec.json.encode(entry)) for entry in entries)
    return entries[: max(1, sum(size <= PAGE_BYTES for size in sizes))]


def _signed(about: str, payload: str) -> bytes:
    return f"{about}:{payload}".encode()
