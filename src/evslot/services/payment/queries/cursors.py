"""Cursors: where a page ended, with a mac that also covers whose list it is, and of what."""

import base64
from typing import TypeVar

import msgspec
from msgspec import Struct

from evslot.services.payment.messages import CursorInvalid
from evslot.spine.sealing import Keys

P = TypeVar("P", bound=Struct)


def cursor_of(keys: Keys, scope: str, place: Struct) -> str:
    """`<base64url of the place>.<mac>`."""
    payload = base64.urlsafe_b64encode(msgspec.json.encode(place)).decode()
    return f"{payload}.{keys.mac(keys.part, _signed(scope, payload))}"


def place_of(keys: Keys, scope: str, cursor: str | None, kind: type[P]) -> P | None:
    """Raises CursorInvalid where it was not made for this list."""
    if cursor is None:
        return None
    payload, _, mac = cursor.partition(".")
    if not cursor.isascii() or not keys.check_mac(keys.part, _signed(scope, payload), mac):
        raise CursorInvalid()
    return msgspec.json.decode(base64.urlsafe_b64decode(payload), type=kind)


def _signed(scope: str, payload: str) -> bytes:
    return f"{scope}:{payload}".encode()
