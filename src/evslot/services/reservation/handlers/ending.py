"""Cancelling, beginning and completing bookings, and settling the money of it."""

from evslot.services.reservation import store
from evslot.services.reservation.domain import cancelling, telling, visiting
from evslot.services.reservation.domain.booking import Booking, Told
from evslot.services.reservation.handlers.lapsing import let_challenge_go, tell_expired
from evslot.services.reservation.handlers.parties import By, booking_and_party
from evslot.services.reservation.messages import (
    Cancellation,
    CancelReservation,
    ChargerInUse,
    CheckIn,
    CompleteReservation,
    Evidence,
    Reservation,
)
from evslot.services.reservation.saga import SETTLEMENT, Settling
from evslot.spine.handling import Handlers
from evslot.spine.transaction import Transaction
from evslot.values import Money, UserId, new_id

handlers = Handlers()

ENDED_AT_ONCE = 200
ENDED = Told(what="ended", by="system")


@handlers.on(CancelReservation)
async def cancel_reservation(command: CancelReservation, tx: Transaction) -> Cancellation:
    """Give a booking up: the slot is free at once, the money is settled behind it."""
    reason = command.reason.value if command.reason else None
    cancelling.check_reason(reason)
    booking, by = await booking_and_party(command.reservation_id, tx)
    cancelled = cancelling.cancel(booking, by, tx.now, command.max_fee)
    reservation = cancelled.booking.reservation
    told = Told(what=reservation.state, by=by, user_id=tx.caller.user_id, reason=reason)
    await _give_up(cancelled, told, tx)
    return Cancellation(reservation=reservation, fee=cancelled.fee, refund=cancelled.refund)


async def give_up_all(driver_id: UserId, tx: Transaction) -> None:
    """Nobody will come: as if the driver had cancelled each booking that still can be."""
    for booking in await store.lock_waiting(tx, driver_id):
        if cancelling.cancel_fee(booking, "driver", tx.now) is None:
            continue  # lapsed, or too late: it ends by itself, as it does where nobody comes
        cancelled = cancelling.cancel(booking, "driver", tx.now)
        what = cancelled.booking.reservation.state
        await _give_up(cancelled, Told(what=what, by="driver", user_id=driver_id), tx)


async def _give_up(cancelled: cancelling.Cancelled, told: Told, tx: Transaction) -> None:
    reservation = cancelled.booking.reservation
    await store.update_reservation(tx, cancelled.booking, told)
    await store.free_claims(tx, [reservation.reservation_id])
    tx.emit(telling.event(cancelled.booking, told))
    if reservation.state == "released":
        let_challenge_go(cancelled.booking, tx)
    else:
        how = cancelling.settling(reservation, cancelled.fee)
        await settle(reservation, how, cancelled.fee, cancelled.refund, tx)


@handlers.on(CheckIn)
async def check_in(command: CheckIn, tx: Transaction) -> Reservation:
    """The first sign of use: the booking is active, and what it costs is taken."""
    booking, by = await booking_and_party(command.reservation_id, tx)
    if by == "operator":
        visiting.check_code(booking, command.code)
    begun = visiting.check_in(booking, command.label, tx.now)
    if begun is booking:
        return booking.reservation
    if tx.now < booking.starts:
        await _claim_early(booking, tx)
    evidence = _evidence(by, command)
    told = Told(what="started", by=by, user_id=tx.caller.user_id, evidence=evidence)
    await store.update_reservation(tx, begun, told)
    tx.emit(telling.event(begun, told))
    await _take_price(begun, tx)
    return begun.reservation


async def _claim_early(booking: Booking, tx: Transaction) -> None:
    """Before the start a driver may begin only where the charger is free until then."""
    tell_expired(await store.expire_lapsed_on(tx, [booking.reservation.charger_id]), tx)
    obstacle = await store.claim_early(tx, booking)
    if obstacle is not None:
        raise ChargerInUse(by=obstacle.kind, until=obstacle.until.isoformat())


def _evidence(by: By, command: CheckIn) -> Evidence:
    return Evidence(
        kind="driver_act" if by == "driver" else "operator_entry",
        charger_label=command.label,
        code_shown=by == "operator",
    )


@handlers.on(CompleteReservation)
async def complete_reservation(command: CompleteReservation, tx: Transaction) -> Reservation:
    """The driver leaves: what is left of the slot, and its buffer, is free at once."""
    booking, by = await booking_and_party(command.reservation_id, tx)
    completed = visiting.complete(booking, tx.now)
    if completed is booking:
        return booking.reservation
    evidence = Evidence(kind="driver_act" if by == "driver" else "operator_entry")
    told = Told(what="completed", by=by, user_id=tx.caller.user_id, evidence=evidence)
    await store.update_reservation(tx, completed, told)
    await store.free_claims(tx, [booking.reservation.reservation_id])
    tx.emit(telling.event(completed, told))
    return completed.reservation


@handlers.every(seconds=1.0)
async def end_bookings(tx: Transaction) -> None:
    """What nobody completed ends with its time; unused, it costs what its terms keep then."""
    for booking in await store.end_due(tx, ENDED_AT_ONCE, cancelling.absence_fee):
        tx.emit(telling.event(booking, ENDED))
        reservation = booking.reservation
        fee = reservation.fee or reservation.total
        how = cancelling.settling(reservation, fee)
        if reservation.checked_in_at is None and how != "nothing":
            refund = Money(reservation.total.amount - fee.amount, fee.currency)
            await settle(reservation, how, fee, refund, tx)


async def _take_price(booking: Booking, tx: Transaction) -> None:
    reservation = booking.reservation
    if visiting.owes(booking):
        nothing = Money(0, reservation.total.currency)
        await settle(reservation, "capture", reservation.total, nothing, tx)


async def settle(
    reservation: Reservation,
    how: cancelling.Settling,
    fee: Money,
    refund: Money,
    tx: Transaction,
) -> None:
    """Have the payment service bring the money where the terms want it."""
    if reservation.payment_id is None:
        return
    await SETTLEMENT.start(
        tx,
        new_id(),
        subject=reservation.reservation_id,
        data=Settling(
            reservation_id=reservation.reservation_id,
            payment_id=reservation.payment_id,
            state=reservation.payment_state or "authorised",
            how=how,
            fee=fee,
            refund=refund,
        ),
    )
