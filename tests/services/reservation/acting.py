"""What drivers, time and the payment service do to a reservation service under test."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from msgspec.structs import replace
from tests.harness import Harness, Sent, keys_of
from tests.services.reservation.made_up import ORGANISATION, quote

from evslot.services.payment import messages as payment
from evslot.services.reservation.messages import (
    Cancellation,
    CancelReservation,
    GetReservation,
    HoldSlot,
    PaymentOutcome,
    PayReservation,
    Reservation,
)
from evslot.services.station.messages import Quote, pack_quote
from evslot.spine.callers import Caller
from evslot.spine.message import Answer, Secret
from evslot.values import Money, ReservationId, UserId, VehicleId

METHOD = "sim_ok_planted_4711"
ZERO = Money(0, "EUR")


def soon(hours: float = 24) -> datetime:
    """A start some hours from now, on a full quarter of an hour."""
    start = datetime.now(UTC) + timedelta(hours=hours)
    return start.replace(minute=start.minute // 15 * 15, second=0, microsecond=0)


def token(made: Quote) -> str:
    return pack_quote(made, lambda signed: keys_of("station").mac("reservation", signed))


def wanting(start: datetime, vehicle_id: VehicleId | None = None, **more: Any) -> HoldSlot:
    """The command that holds a freshly quoted slot."""
    made = quote(start, now=datetime.now(UTC), **more)
    return HoldSlot(quote=token(made), vehicle_id=vehicle_id)


async def hold(h: Harness, start: datetime, caller: Caller, **more: Any) -> Reservation:
    event = await h.send(wanting(start, **more), caller=caller)
    return event.reservation


async def pay(h: Harness, held: Reservation, caller: Caller) -> UUID:
    """Starts a payment; answers the command's id, which stays open."""
    number = uuid4()
    command = PayReservation(reservation_id=held.reservation_id, method=Secret(METHOD))
    answer = await h.submit(command, caller=caller, command_id=number)
    assert answer is None, answer
    return number


async def confirmed(h: Harness, start: datetime, caller: Caller, **more: Any) -> Reservation:
    """A booking that was held, paid and confirmed."""
    held = await hold(h, start, caller, **more)
    number = await pay(h, held, caller)
    asked = h.sent[-1]
    assert isinstance(asked.command, payment.AuthorizePayment)
    await h.answer_asked(asked, paid(asked, "captured" if asked.command.capture else "authorised"))
    outcome: PaymentOutcome = await h.stored_answer(number, PaymentOutcome)
    return outcome.reservation


def paid(asked: Sent, state: payment.PaymentState, **more: Any) -> payment.Payment:
    """What the payment service says of the payment that was asked about."""
    command = asked.command
    amount = getattr(command, "amount", Money(640, "EUR"))
    made = payment.Payment(
        payment_id=command.payment_id,  # type: ignore[attr-defined]
        version=1,
        state=state,
        reservation_id=getattr(command, "reservation_id", ReservationId(uuid4())),
        organisation_id=ORGANISATION,
        payer_id=getattr(command, "payer_id", UserId(uuid4())),
        amount=amount,
        captured=amount if state == "captured" else ZERO,
        refunded=ZERO,
        challenge_url="/v1/payments/x/challenge" if state == "challenge" else None,
        valid_until=None,
    )
    return replace(made, **more)


async def cancel(h: Harness, booking: Reservation, caller: Caller) -> Cancellation:
    return await h.send(CancelReservation(reservation_id=booking.reservation_id), caller=caller)


async def now_of(h: Harness, booking: Reservation, caller: Caller) -> Reservation:
    """The booking as its driver sees it."""
    details = await h.ask(GetReservation(reservation_id=booking.reservation_id), caller=caller)
    return details.reservation


async def lapse(h: Harness, *bookings: Reservation) -> None:
    """Time passes: these holds are over, and nobody has swept."""
    ids = [booking.reservation_id for booking in bookings]
    past = "now() - interval '1 second'"
    await h.execute(
        f"update reservation set held_until = {past} where reservation_id = any($1)",  # noqa: S608
        ids,
    )
    await h.execute(
        f"update occupancy set held_until = {past} where ref = any($1)",  # noqa: S608
        ids,
    )


async def claims(h: Harness) -> list[tuple[datetime, datetime, str]]:
    """What is occupied, by time."""
    rows = await h.fetch("select during, kind from occupancy order by during")
    return [(row["during"].lower, row["during"].upper, row["kind"]) for row in rows]


async def stored(h: Harness, number: UUID) -> Answer:
    answer: Answer = await h.stored_answer(number)
    return answer


def names(things: list[Any]) -> list[str]:
    return [type(getattr(thing, "command", thing)).__name__ for thing in things]
