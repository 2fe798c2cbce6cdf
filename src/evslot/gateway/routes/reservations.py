"""Reservations: hold a slot, pay it, check in, leave, read it, cancel it."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from evslot.gateway.answers import ReservationDetails, created
from evslot.gateway.description import described
from evslot.gateway.parsing import Body, Instant, Parameters
from evslot.gateway.people import opened
from evslot.gateway.problems import FieldError, FieldInvalid
from evslot.gateway.visitors import Driver, EdgeRequest
from evslot.services.reservation import messages as reservation
from evslot.services.reservation.messages import (
    Cancellation,
    PaymentOutcome,
    Reservation,
    Reservations,
)
from evslot.spine.message import Personal, Secret
from evslot.values import ReservationId, StationId, VehicleId

Cursor = Annotated[str, Meta(min_length=1, max_length=1000)]


class HoldBody(Body, frozen=True, kw_only=True):
    """The quote to hold, and the vehicle that will come."""

    quote: Annotated[str, Meta(min_length=1, max_length=16_000, description="Token of a quote")]
    vehicle_id: VehicleId | None = None


class PaymentBody(Body, frozen=True, kw_only=True):
    """How to pay: exactly one of `method` and `method_id`."""

    method: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=500,
                description="The provider's token of a payment method; the simulated provider "
                "knows sim_ok, sim_decline, sim_challenge, sim_flaky, sim_slow.",
            ),
        ]
        | None
    ) = None
    method_id: Annotated[UUID, Meta(description="A saved method of the caller")] | None = None
    save_method: Annotated[bool, Meta(description="Keep `method` for the next time")] = False

    def command(self, reservation_id: ReservationId) -> reservation.PayReservation:
        """What is sent; raises FieldInvalid where no method or two are named."""
        if (self.method is None) == (self.method_id is None):
            message = "name either `method` or `method_id`"
            raise FieldInvalid(errors=[FieldError(where="body", field="method", message=message)])
        return reservation.PayReservation(
            reservation_id=reservation_id,
            method=Secret(self.method or ""),
            method_id=self.method_id,
            save_method=self.save_method,
        )


class CheckInBody(Body, frozen=True, kw_only=True):
    """What was seen at the station."""

    label: (
        Annotated[str, Meta(min_length=1, max_length=20, description="As read off the charger")]
        | None
    ) = None
    code: (
        Annotated[
            str, Meta(min_length=1, max_length=20, description="Of the booking; operators need it")
        ]
        | None
    ) = None


class CancellationBody(Body, frozen=True, kw_only=True):
    """Why a booking is given up, for its story, and what that may cost."""

    reason: Annotated[str, Meta(max_length=500)] | None = None
    max_fee: (
        Annotated[int, Meta(ge=0, le=2**31 - 1, description="In minor units; refused where more")]
        | None
    ) = None


class ReservationsWish(Parameters, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Which bookings."""

    states: Annotated[str, Meta(max_length=200, description="State names, by commas")] | None = None
    station: StationId | None = None
    from_: Annotated[Instant, Meta(description="Those that end after this")] | None = None
    to: Annotated[Instant, Meta(description="Those that start before this")] | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Cursor | None = None

    def named_states(self) -> list[reservation.State] | None:
        """The states asked for; None = all."""
        if self.states is None:
            return None
        try:
            return msgspec.convert(self.states.split(","), list[reservation.State])
        except msgspec.ValidationError as error:
            wrong = FieldError(where="query", field="states", message=str(error))
            raise FieldInvalid(errors=[wrong]) from None


@post(
    "/v1/reservations",
    opt=described(
        reservation.SlotTaken,
        reservation.QuoteInvalid,
        reservation.QuoteOutdated,
        reservation.TooManyHolds,
        reservation.TooManyBookings,
        reservation.ChargerCrowded,
        reservation.HoldPaused,
        reservation.VehicleBusy,
        example={"quote": "018f4c1e-0000-8000-8000-000000000001.eyJ….9f86d081"},
        tag="Booking",
    ),
)
async def hold_slot(data: JSONBody[HoldBody], driver: Driver) -> Response[Reservation]:
    """Take the slot of a quote until it is paid (10 minutes; 5 if it starts within the hour)."""
    event = await driver.send(reservation.HoldSlot(quote=data.quote, vehicle_id=data.vehicle_id))
    held = event.reservation
    return created(held, f"/v1/reservations/{held.reservation_id}")


@get(
    "/v1/reservations",
    opt=described(reservation.CursorInvalid, parameters=ReservationsWish, tag="Booking"),
)
async def list_reservations(request: EdgeRequest, driver: Driver) -> Reservations:
    """The caller's bookings, newest start first."""
    wish = request.parameters(ReservationsWish)
    return await driver.ask(
        reservation.ListReservations(
            driver_id=driver.user_id,
            states=wish.named_states(),
            station_id=wish.station,
            since=wish.from_,
            until=wish.to,
            limit=wish.limit,
            cursor=wish.cursor,
        )
    )


@get(
    "/v1/reservations/{reservation_id:uuid}",
    opt=described(reservation.ReservationNotFound, tag="Booking"),
)
async def get_reservation(
    reservation_id: FromPath[ReservationId], driver: Driver
) -> ReservationDetails:
    """One booking with its story, and what a cancel would cost now."""
    found = await driver.ask(reservation.GetReservation(reservation_id=reservation_id))
    return opened(found, ReservationDetails)


@post(
    "/v1/reservations/{reservation_id:uuid}/payment",
    opt=described(
        reservation.ReservationNotFound,
        reservation.PaymentRefused,
        reservation.PaymentRunning,
        reservation.NotPayable,
        reservation.HoldOver,
        example={"method": "sim_ok"},
        tag="Booking",
    ),
)
async def pay(
    reservation_id: FromPath[ReservationId], data: JSONBody[PaymentBody], driver: Driver
) -> PaymentOutcome:
    """Pay a held booking; it is confirmed when the payment stands.

    Where the provider wants the customer, `challenge_url` says where to answer; the booking is
    confirmed after that, which the live stream tells.
    """
    return await driver.send(data.command(reservation_id))


@post(
    "/v1/reservations/{reservation_id:uuid}/cancellation",
    opt=described(
        reservation.ReservationNotFound,
        reservation.NotCancellable,
        reservation.CancelCostsMore,
        example={"reason": "plans changed", "max_fee": 320},
        tag="Booking",
    ),
)
async def cancel(
    reservation_id: FromPath[ReservationId],
    driver: Driver,
    data: JSONBody[CancellationBody | None] = None,
) -> Cancellation:
    """Give a booking up: a hold costs nothing, a confirmed booking what its terms keep."""
    return await driver.send(
        reservation.CancelReservation(
            reservation_id=reservation_id,
            reason=Personal(data.reason) if data and data.reason else None,
            max_fee=data.max_fee if data else None,
        )
    )


@post(
    "/v1/reservations/{reservation_id:uuid}/hold",
    opt=described(
        reservation.DriversOnly,
        reservation.ReservationNotFound,
        reservation.NotProlongable,
        reservation.HoldOver,
        tag="Booking",
    ),
)
async def prolong_hold(reservation_id: FromPath[ReservationId], driver: Driver) -> Reservation:
    """Hold a slot five minutes more, once; never past the moment a late driver would lose it."""
    return await driver.send(reservation.ProlongHold(reservation_id=reservation_id))


@post(
    "/v1/reservations/{reservation_id:uuid}/check-in",
    opt=described(
        reservation.ReservationNotFound,
        reservation.NotConfirmed,
        reservation.HoldOver,
        reservation.TooEarly,
        reservation.ChargerInUse,
        reservation.WrongCharger,
        reservation.CodeWrong,
        reservation.ReservationOver,
        example={"label": "A1"},
        tag="Booking",
    ),
)
async def check_in(
    reservation_id: FromPath[ReservationId],
    driver: Driver,
    data: JSONBody[CheckInBody | None] = None,
) -> Reservation:
    """Say that the driver is there; the price is taken now.

    From as many minutes before the start as the terms allow (if the charger is free) to the end.
    An operator names the booking's code. A second time changes nothing.
    """
    seen = data or CheckInBody()
    return await driver.send(
        reservation.CheckIn(reservation_id=reservation_id, label=seen.label, code=seen.code)
    )


@post(
    "/v1/reservations/{reservation_id:uuid}/completion",
    opt=described(
        reservation.ReservationNotFound,
        reservation.NotCheckedIn,
        reservation.NotConfirmed,
        reservation.HoldOver,
        reservation.ReservationOver,
        tag="Booking",
    ),
)
async def complete(reservation_id: FromPath[ReservationId], driver: Driver) -> Reservation:
    """Leave: what is left of the slot is free at once. Without this a booking ends by itself."""
    return await driver.send(reservation.CompleteReservation(reservation_id=reservation_id))


ROUTES = [
    hold_slot,
    list_reservations,
    get_reservation,
    prolong_hold,
    pay,
    check_in,
    complete,
    cancel,
]
