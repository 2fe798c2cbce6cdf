"""Pages of a person's list: how long one is, and where the next begins."""

import base64
import hashlib
import struct
from datetime import UTC, datetime, timedelta
from uuid import UUID

from evslot.services.notification.messages import CursorInvalid
from evslot.values import UserId

PAGE_LIMIT = 100


def page_size(wanted: int) -> int:
    """1 to 100, whatever was asked for."""
    return max(1, min(wanted, PAGE_LIMIT))


def cursor_after(user_id: UserId, created_at: datetime, notification_id: UUID) -> str:
    """Where the next page begins, for this person's list alone."""
    micros = int((created_at - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))
    place = struct.pack(">q", micros) + notification_id.bytes
    return base64.urlsafe_b64encode(place + _check(user_id, place)).decode()


def read_cursor(user_id: UserId, cursor: str) -> tuple[datetime, UUID]:
    """Raises CursorInvalid where this list did not make it.

    The check finds slips and other people's cursors; it is no secret, because a made-up cursor
    still reads nothing but the caller's own list.
    """
    try:
        raw = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True)
        place, check = raw[:24], raw[24:]
        if len(place) != 24 or check != _check(user_id, place):
            raise CursorInvalid()
        (micros,) = struct.unpack(">q", place[:8])
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    except (ValueError, OverflowError):
        raise CursorInvalid() from None
    return at, UUID(bytes=place[8:])


def _check(user_id: UserId, place: bytes) -> bytes:
    return hashlib.sha256(b"notifications" + user_id.bytes + place).digest()[:9]
