"""The chatty peer: FastAPI and asyncpg, one transaction of several statements a request."""

from typing import Annotated, Any

import asyncpg
from fastapi import Depends, FastAPI, Header, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from benchmarks.peers import store
from benchmarks.peers.booking import Asked, Desk, No
from evslot.values import UserId, VehicleId


class HoldBody(BaseModel):
    """The quote to hold."""

    model_config = ConfigDict(extra="forbid")
    quote: Annotated[str, Field(min_length=1, max_length=16_000)]
    vehicle_id: VehicleId | None = None


def create_app(desk: Desk, pool: asyncpg.Pool) -> FastAPI:
    """The application, on an open pool."""
    app = FastAPI()

    async def driver(authorization: Annotated[str | None, Header()] = None) -> UserId:
        return desk.caller(authorization)

    @app.exception_handler(No)
    async def refused(_: Request, no: No) -> Response:
        return Response(no.body, no.status, media_type="application/problem+json")

    @app.post("/v1/reservations", status_code=201)
    async def hold_slot(
        body: HoldBody,
        request: Request,
        driver: Annotated[Any, Depends(driver)],
        idempotency_key: Annotated[str | None, Header()] = None,
    ) -> Response:
        asked = desk.ask(driver, idempotency_key, body.quote, await request.body())
        async with pool.acquire() as connection, connection.transaction():
            answer = await _hold(connection, asked)
        if isinstance(answer, No):
            raise answer
        place = f"/v1/reservations/{asked.reservation.reservation_id}"
        return Response(answer, 201, {"location": place}, media_type="application/json")

    return app


async def _hold(connection: store.Connection, asked: Asked) -> bytes | No:
    """The stored answer, or why not; a repeat gets what is stored."""
    if not await store.insert_request(connection, asked):
        fingerprint, answer = await store.known_request(connection, asked.command_id)
        if fingerprint != asked.fingerprint or answer is None:
            return No(422, "idempotency_key_reused")
        return answer
    no = await _try(connection, asked)
    await store.answer_request(connection, asked.command_id, no.body if no else asked.answer)
    return no or asked.answer


async def _try(connection: store.Connection, asked: Asked) -> No | None:
    reservation = asked.reservation
    await store.lock_driver(connection, reservation.driver_id)
    if not await store.has_room(connection, reservation.driver_id):
        return No(409, "too_many_holds")
    await store.expire_lapsed(connection, reservation.charger_id)
    if not await store.claim(connection, asked):
        return No(409, "slot_taken")
    await store.insert_reservation(connection, asked)
    await store.insert_story(connection, asked)
    await store.insert_event(connection, asked)
    return None
