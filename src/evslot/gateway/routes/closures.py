"""Closures: an operator takes chargers out of use for some time, and puts them back."""

from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from evslot.gateway.answers import created
from evslot.gateway.description import described
from evslot.gateway.parsing import Body, Instant, Parameters
from evslot.gateway.visitors import Driver, EdgeRequest
from evslot.services.reservation import messages as reservation
from evslot.services.reservation.messages import Closure, ClosureDetails, Closures
from evslot.services.station import messages as station
from evslot.values import ChargerId, Period, StationId

TAG = "Operators"
WRITING = (station.NotAnOperator, station.StationNotFound)
READING = (reservation.MembersOnly, station.StationNotFound)


class SpanBody(Body, frozen=True, kw_only=True):
    """A span of time [start, end)."""

    start: Instant
    end: Instant


class ClosureBody(Body, frozen=True, kw_only=True):
    """What is closed, when, and why."""

    charger_ids: (
        Annotated[
            list[ChargerId],
            Meta(min_length=1, max_length=500, description="Left out: all of the station"),
        ]
        | None
    ) = None
    period: SpanBody
    reason: Annotated[str, Meta(max_length=500)] = ""


class ClosuresWish(Parameters, frozen=True, kw_only=True):
    """Which page."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None


@post(
    "/v1/stations/{station_id:uuid}/closures",
    opt=described(
        *WRITING,
        station.ChargerNotFound,
        reservation.PeriodInvalid,
        reservation.ReasonInvalid,
        reservation.StationInMotion,
        example={
            "period": {"start": "2026-11-24T22:00:00+01:00", "end": "2026-11-25T06:00:00+01:00"},
            "reason": "works on the cable",
        },
        tag=TAG,
    ),
)
async def set_closure(
    station_id: FromPath[StationId], data: JSONBody[ClosureBody], driver: Driver
) -> Response[ClosureDetails]:
    """Take chargers out of use: what is free is closed at once, and nothing new gets in.

    What is booked stays booked; the answer lists it. Each booking's time is closed as soon as it
    is given up or over.
    """
    closure_id = await driver.made_id("closure")
    details = await driver.send(
        reservation.SetClosure(
            closure_id=closure_id,
            station_id=station_id,
            charger_ids=tuple(data.charger_ids) if data.charger_ids is not None else None,
            period=Period(data.period.start, data.period.end),
            reason=data.reason,
        )
    )
    return created(details, f"/v1/stations/{station_id}/closures/{closure_id}")


@get(
    "/v1/stations/{station_id:uuid}/closures",
    opt=described(*READING, reservation.CursorInvalid, parameters=ClosuresWish, tag=TAG),
)
async def list_closures(
    station_id: FromPath[StationId], request: EdgeRequest, driver: Driver
) -> Closures:
    """The closures of a station, latest start first, for members of its organisation."""
    wish = request.parameters(ClosuresWish)
    return await driver.ask(
        reservation.ListClosures(station_id=station_id, limit=wish.limit, cursor=wish.cursor)
    )


@get(
    "/v1/stations/{station_id:uuid}/closures/{closure_id:uuid}",
    opt=described(*READING, reservation.ClosureNotFound, tag=TAG),
)
async def get_closure(
    station_id: FromPath[StationId], closure_id: FromPath[UUID], driver: Driver
) -> ClosureDetails:
    """A closure, with what has become of each booking that it touches."""
    return await driver.ask(reservation.GetClosure(station_id=station_id, closure_id=closure_id))


@post(
    "/v1/stations/{station_id:uuid}/closures/{closure_id:uuid}/lifting",
    opt=described(*WRITING, reservation.ClosureNotFound, tag=TAG),
)
async def lift_closure(
    station_id: FromPath[StationId], closure_id: FromPath[UUID], driver: Driver
) -> Closure:
    """End a closure before its time; all that it occupies is free at once."""
    return await driver.send(reservation.LiftClosure(station_id=station_id, closure_id=closure_id))


ROUTES = [set_closure, list_closures, get_closure, lift_closure]
