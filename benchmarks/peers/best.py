"""The best peer: a bare ASGI application and one statement a request."""

from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from benchmarks.peers.booking import TOPIC, Asked, Desk, No
from benchmarks.peers.store import range_of

HOLD = """
select * from hold($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"""


class HoldBody(Struct, forbid_unknown_fields=True):
    """The quote to hold."""

    quote: str
    vehicle_id: UUID | None = None


class BestPeer:
    """Knows one route; no lifespan."""

    def __init__(self, desk: Desk, pool: asyncpg.Pool) -> None:
        self._desk = desk
        self._pool = pool
        self._decode = msgspec.json.Decoder(HoldBody).decode

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            status, body = await self._answer(scope, receive)
        except No as no:
            status, body = no.status, no.body
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Any, receive: Any) -> tuple[int, bytes]:
        if (scope["method"], scope["path"]) != ("POST", "/v1/reservations"):
            raise No(404, "not_found")
        headers = dict(scope["headers"])
        driver = self._desk.caller(headers.get(b"authorization", b"").decode())
        body = await _body(receive)
        try:
            wish = self._decode(body)
        except msgspec.MsgspecError as broken:
            raise No(422, "invalid") from broken
        key = headers.get(b"idempotency-key", b"").decode()
        return await self._hold(self._desk.ask(driver, key, wish.quote, body))

    async def _hold(self, asked: Asked) -> tuple[int, bytes]:
        reservation = asked.reservation
        row = await self._pool.fetchrow(
            HOLD,
            asked.command_id,
            asked.fingerprint,
            msgspec.json.encode(reservation).decode(),
            range_of(reservation.period),
            range_of(reservation.occupied),
            range_of(asked.hold.claim),
            asked.hold.booking.quote_id,
            reservation.total.amount,
            reservation.total.currency,
            reservation.terms.version,
            f"{TOPIC}/{reservation.bucket}",
            asked.event_envelope,
            asked.event,
        )
        if row["code"] is not None:
            raise No(row["status"], row["code"])
        stored: bytes | None = row["answer"]
        return int(row["status"]), asked.answer if stored is None else stored


async def _body(receive: Any) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body
