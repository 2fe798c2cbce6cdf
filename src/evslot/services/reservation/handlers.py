"""What the reservation service does when it is told something."""

import secrets
from collections.abc import Sequence
from uuid import UUID

import msgspec

from evslot.services.payment import messages as payment
from evslot.services.reservation import store
from evslot.services.reservation.domain import cancelling, holding, paying, telling
from evslot.services.reservation.domain.booking import Booking, Rules, Told
from evslot.services.reservation.domain.holding import Hold, Wish
from evslot.services.reservation.messages import (
    Cancellation,
    CancelReservation,
    DriversOnly,
    HoldOver,
    HoldSlot,
    PaymentOutcome,
    PayReservation,
    QuoteInvalid,
    ReservationNotFound,
    SlotHeld,
    SlotTaken,
)
from evslot.services.reservation.saga import BOOKING, SETTLEMENT, Paying, Settling
from evslot.services.station import messages as station
from evslot.spine.callers import Caller
from evslot.spine.handling import Handlers, Received
from evslot.spine.message import Refusal
from evslot.spine.sealing import Keys
from evslot.spine.transaction import LATER, Later, Transaction
from evslot.values import PaymentId, ReservationId, UserId, new_id, station_bucket

handlers = Handlers()

SWEPT_AT_ONCE = 500
REPUBLISHED_AT_ONCE = 500
EXPIRED = Told(what="expired", by="system")
CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""32, without those that are taken for one another on the phone or a sign."""


@handlers.on_many(
    HoldSlot, touches=lambda received: {received.caller.user_id or received.command_id}
)
async def hold_slots(
    commands: list[Received[HoldSlot]], tx: Transaction
) -> list[SlotHeld | Refusal]:
    """Take slots for drivers, four statements for a whole batch; first come is first served.

    The rules of a driver are judged under the driver's lock; whose slot it is, the exclusion
    constraint decides.
    """
    answers: dict[UUID, SlotHeld | Refusal] = {}
    holds = await _allowed(commands, tx, answers)
    if holds:
        await _expire_lapsed_on(holds, tx)
    for group in holding.groups(holds):
        answers |= await _claim(group, tx)
    return [answers[received.command_id] for received in commands]


async def _allowed(
    commands: list[Received[HoldSlot]], tx: Transaction, answers: dict[UUID, SlotHeld | Refusal]
) -> list[Hold]:
    """The holds that the rules allow; what they refuse goes to `answers`."""
    wishes = []
    for received in commands:
        try:
            wishes.append(_wish(received, tx))
        except Refusal as no:
            answers[received.command_id] = no
    if not wishes:
        return []
    drivers = {wish.driver_id for wish in wishes}
    await store.lock_drivers(tx, drivers)
    own = await store.find_own_bookings(tx, drivers)
    holds = []
    for wish in wishes:
        try:
            bookings = own.get(wish.driver_id, [])
            holds.append(holding.hold(wish, bookings, tx.resource(Rules), tx.now))
        except Refusal as no:
            answers[wish.command_id] = no
    return holds


def _wish(received: Received[HoldSlot], tx: Transaction) -> Wish:
    driver_id = _driver(received.caller)
    quote = _quote(received.command.quote, tx.resource(Keys))
    return Wish(
        command_id=received.command_id,
        quote=quote,
        driver_id=driver_id,
        vehicle_id=received.command.vehicle_id,
        reservation_id=ReservationId(new_id(station_bucket(quote.station_id))),
        code="".join(CODE_LETTERS[byte % 32] for byte in secrets.token_bytes(6)),
    )


def _driver(caller: Caller) -> UserId:
    user_id = caller.require_user()
    if "driver" not in caller.roles:
        raise DriversOnly()
    return user_id


def _quote(token: str, keys: Keys) -> station.Quote:
    """What the station service signed; nothing else is believed."""
    try:
        quote = station.unpack_quote(
            token, lambda signed, mac: keys.check_mac("station", signed, mac)
        )
    except (ValueError, msgspec.MsgspecError):
        raise QuoteInvalid() from None
    if not holding.is_sound(quote):
        raise QuoteInvalid()
    return quote


async def _expire_lapsed_on(holds: Sequence[Hold], tx: Transaction) -> None:
    """A lapsed hold never blocks the next driver, swept or not."""
    wanted = {hold.booking.reservation.charger_id for hold in holds}
    for booking in await store.expire_lapsed_on(tx, wanted):
        tx.emit(telling.event(booking, EXPIRED))


async def _claim(group: Sequence[Hold], tx: Transaction) -> dict[UUID, SlotHeld | Refusal]:
    """Each gets the slot or not; a buffer cut for one that did not is given back."""
    adjoined = [earlier for hold in group for earlier in hold.adjoins]
    if adjoined:
        await store.cut_buffers(tx, adjoined)
    held = await store.insert_holds(tx, group)
    answers: dict[UUID, SlotHeld | Refusal] = {}
    lost: list[ReservationId] = []
    for hold in group:
        reservation = hold.booking.reservation
        if reservation.reservation_id in held:
            event = SlotHeld(reservation=reservation, version=reservation.version)
            tx.emit(event)
            answers[hold.command_id] = event
        else:
            lost.extend(hold.adjoins)
            answers[hold.command_id] = SlotTaken()
    if lost:
        await store.give_back_buffers(tx, earlier=lost)
    return answers


@handlers.on(PayReservation)
async def pay_reservation(command: PayReservation, tx: Transaction) -> PaymentOutcome | Later:
    """Start the payment of a hold; the booking saga answers. What costs nothing stands at once."""
    booking = await _own_booking(command.reservation_id, tx)
    paying.check_payable(booking, tx.now)
    if booking.reservation.total.amount == 0:
        return await _confirm_free(booking, tx)
    booking = await _prolong(booking, tx)
    payment_id = PaymentId(new_id())
    booking = paying.start(booking, payment_id, tx.now)
    told = Told(what="payment_started", by="driver", user_id=tx.caller.user_id)
    await store.update_reservation(tx, booking, told)
    tx.emit(telling.event(booking, told))
    reservation = booking.reservation
    await BOOKING.start(
        tx,
        payment_id,
        subject=reservation.reservation_id,
        data=Paying(
            reservation_id=reservation.reservation_id,
            payment_id=payment_id,
            pay_command=tx.command_id,
            amount=reservation.total,
        ),
        first=payment.AuthorizePayment(
            payment_id=payment_id,
            reservation_id=reservation.reservation_id,
            organisation_id=reservation.organisation_id,
            payer_id=booking.payer_id,
            amount=reservation.total,
            method=command.method,
            capture=paying.is_prepaid(booking, tx.resource(Rules), tx.now),
        ),
    )
    return LATER


async def _confirm_free(booking: Booking, tx: Transaction) -> PaymentOutcome:
    confirmed = paying.confirm(booking, None, tx.now)
    told = Told(what="confirmed", by="driver", user_id=tx.caller.user_id)
    if not await store.confirm_reservation(tx, confirmed, told):
        raise HoldOver()
    tx.emit(telling.event(confirmed, told))
    return PaymentOutcome(reservation=confirmed.reservation)


async def _prolong(booking: Booking, tx: Transaction) -> Booking:
    """Once, a payment gives a hold five minutes more."""
    longer = holding.prolong(booking, tx.resource(Rules), tx.now)
    if longer is None:
        return booking
    told = Told(what="hold_prolonged", by="system")
    await store.update_reservation(tx, longer, told)
    await store.prolong_occupancy(tx, longer)
    tx.emit(telling.event(longer, told))
    return longer


async def _own_booking(reservation_id: ReservationId, tx: Transaction) -> Booking:
    driver_id = _driver(tx.caller)
    booking = await store.lock_reservation(tx, reservation_id)
    if booking is None or booking.reservation.driver_id != driver_id:
        raise ReservationNotFound()
    return booking


@handlers.on(CancelReservation)
async def cancel_reservation(command: CancelReservation, tx: Transaction) -> Cancellation:
    """Give a booking up: the slot is free at once, the money is settled behind it."""
    cancelling.check_reason(command.reason)
    booking, by = await _cancellable(command.reservation_id, tx)
    cancelled = cancelling.cancel(booking, by, tx.now)
    reservation = cancelled.booking.reservation
    told = Told(what=reservation.state, by=by, user_id=tx.caller.user_id, reason=command.reason)
    await store.update_reservation(tx, cancelled.booking, told)
    await store.delete_occupancy(tx, reservation.reservation_id)
    tx.emit(telling.event(cancelled.booking, told))
    if reservation.state == "cancelled" and reservation.payment_id is not None:
        await _settle(cancelled, reservation.payment_id, tx)
    return Cancellation(reservation=reservation, fee=cancelled.fee, refund=cancelled.refund)


async def _cancellable(
    reservation_id: ReservationId, tx: Transaction
) -> tuple[Booking, cancelling.By]:
    """The booking and as whom the caller cancels it: its driver, or its station's operator."""
    user_id = tx.caller.require_user()
    booking = await store.lock_reservation(tx, reservation_id)
    if booking is None:
        raise ReservationNotFound()
    if booking.reservation.driver_id == user_id:
        return booking, "driver"
    if tx.caller.role_in(booking.reservation.organisation_id) in ("owner", "manager"):
        return booking, "operator"
    raise ReservationNotFound()


async def _settle(cancelled: cancelling.Cancelled, payment_id: PaymentId, tx: Transaction) -> None:
    reservation = cancelled.booking.reservation
    await SETTLEMENT.start(
        tx,
        new_id(),
        subject=reservation.reservation_id,
        data=Settling(
            reservation_id=reservation.reservation_id,
            payment_id=payment_id,
            state=reservation.payment_state or "authorised",
            how=cancelling.settling(reservation, cancelled.fee),
            fee=cancelled.fee,
            refund=cancelled.refund,
        ),
    )


@handlers.every(seconds=1.0)
async def sweep(tx: Transaction) -> None:
    """Free what nobody paid; a full sweep goes on a second later."""
    for booking in await store.expire_lapsed(tx, SWEPT_AT_ONCE):
        tx.emit(telling.event(booking, EXPIRED))


@handlers.republish
async def republish_bookings(tx: Transaction, after: UUID | None) -> UUID | None:
    """The last event of each booking that is not over, as it was: views compare versions."""
    page = await store.find_last_told(tx, after, REPUBLISHED_AT_ONCE)
    for booking, told in page:
        tx.emit(telling.event(booking, told))
    return page[-1][0].reservation.reservation_id if page else None
