"""Signed events of a provider, by Standard Webhooks 1.0: `<id>.<timestamp>.<body>`, HMAC-SHA256."""

import base64
import binascii
import hmac
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from msgspec import Struct

from evslot.services.payment.domain.record import ProviderAnswer
from evslot.services.payment.messages import EventUnreadable, SignatureInvalid

TOLERANCE = timedelta(minutes=5)
"""How old a signature may be, or how far its maker's clock ahead."""
SECRET_PREFIX = "whsec_"
SCHEME = "v1"
SIGNATURES = 8
"""During a change of secrets a sender signs with several."""


class ProviderEvent(Struct, frozen=True, kw_only=True):
    """What the simulated provider tells: what it answered to one call of ours."""

    type: str
    timestamp: datetime
    data: "EventData"


class EventData(Struct, frozen=True, kw_only=True):
    """The call, by its idempotency key, and the answer its repeats would get."""

    idempotency_key: UUID
    reference: str
    answer: ProviderAnswer


def secret_bytes(text: str) -> bytes:
    """The key inside `whsec_<base64>`; ValueError where it is none."""
    try:
        key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as broken:
        raise ValueError("a webhook secret is whsec_ and base64") from broken
    if len(key) < 16:
        raise ValueError("a webhook secret has at least 16 bytes")
    return key


def sign(key: bytes, event_id: str, timestamp: str, body: bytes) -> str:
    """`v1,<base64>`."""
    content = f"{event_id}.{timestamp}.".encode() + body
    return f"{SCHEME},{base64.b64encode(hmac.digest(key, content, 'sha256')).decode()}"


def verify(
    key: bytes, event_id: str, timestamp: str, body: bytes, signatures: str, now: datetime
) -> None:
    """Raises SignatureInvalid unless one signature is over exactly these bytes, and fresh."""
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 11):
        raise SignatureInvalid()
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
        raise SignatureInvalid()
    expected = sign(key, event_id, timestamp, body).encode()
    for signature in signatures.split(" ")[:SIGNATURES]:
        if hmac.compare_digest(signature.encode(), expected):
            return
    raise SignatureInvalid()


def read(body: bytes) -> ProviderEvent:
    """Raises EventUnreadable."""
    try:
        return msgspec.json.decode(body, type=ProviderEvent)
    except (msgspec.DecodeError, UnicodeDecodeError) as broken:
        raise EventUnreadable() from broken
