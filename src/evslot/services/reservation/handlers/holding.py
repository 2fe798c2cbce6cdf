"""Holding slots, for many at once, and holding one a little longer."""

import secrets
from collections.abc import Sequence
from uuid import UUID

import msgspec

from evslot.services.reservation import store
from evslot.services.reservation.domain import holding, telling
from evslot.services.reservation.domain.booking import Booking, Rules, Told
from evslot.services.reservation.domain.holding import Hold, Wish
from evslot.services.reservation.handlers.lapsing import tell_expired
from evslot.services.reservation.handlers.parties import driver_of, own_booking
from evslot.services.reservation.messages import (
    HoldOver,
    HoldSlot,
    NotProlongable,
    ProlongHold,
    QuoteInvalid,
    Reservation,
    SlotHeld,
    SlotTaken,
)
from evslot.services.station import messages as station
from evslot.spine.handling import Handlers, Received
from evslot.spine.message import Refusal
from evslot.spine.sealing import Keys
from evslot.spine.transaction import Transaction
from evslot.values import ReservationId, new_id, station_bucket

handlers = Handlers()

CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""32, without those that are taken for one another on the phone or a sign."""


@handlers.on_many(
    HoldSlot, touches=lambda received: {received.caller.user_id or received.command_id}
)
async def hold_slots(
    commands: list[Received[HoldSlot]], tx: Transaction
) -> list[SlotHeld | Refusal]:
    """Take slots for drivers, three statements for a whole batch; first come is first served.

    The rules of a driver are judged under the driver's lock; whose slot it is, the exclusion
    constraint decides. Who booked a kind and lost tries the next charger that fits.
    """
    answers: dict[UUID, SlotHeld | Refusal] = {}
    wishes = await _allowed(commands, tx, answers)
    for attempt in range(max(map(len, wishes), default=0)):
        trying = [
            choices[attempt]
            for choices in wishes
            if attempt < len(choices) and not _has_slot(answers.get(choices[0].command_id))
        ]
        for group in holding.groups(trying):
            answers |= await _claim(group, tx)
    for received in commands:
        answer = answers[received.command_id]
        if isinstance(answer, SlotHeld):
            tx.emit(answer, trace=received.trace)
    return [answers[received.command_id] for received in commands]


def _has_slot(answer: SlotHeld | Refusal | None) -> bool:
    return isinstance(answer, SlotHeld)


async def _allowed(
    commands: list[Received[HoldSlot]], tx: Transaction, answers: dict[UUID, SlotHeld | Refusal]
) -> list[list[Hold]]:
    """What each may try, where the rules allow it; what they refuse goes to `answers`.

    Lapsed holds on the wanted chargers end here: they never block the next driver.
    """
    wishes = []
    for received in commands:
        try:
            wishes.append(_wish(received, tx))
        except Refusal as no:
            answers[received.command_id] = no
    if not wishes:
        return []
    drivers = {wish.driver_id for wish in wishes}
    chargers = {charger for wish in wishes for charger in holding.chargers(wish.quote)}
    await store.lock_drivers(tx, drivers)
    around = await store.look_around(tx, drivers, chargers)
    tell_expired(await store.expire(tx, around.lapsed), tx)
    rules = tx.resource(Rules)
    crowd = await store.crowd(tx, drivers, chargers) if rules.newcomer_holds else None
    allowed = []
    for wish in wishes:
        try:
            bookings = around.own.get(wish.driver_id, [])
            choices = holding.choices(wish, bookings, rules, tx.now)
            allowed.append(crowd.admit(choices, rules) if crowd else choices)
        except Refusal as no:
            answers[wish.command_id] = no
    return allowed


def _wish(received: Received[HoldSlot], tx: Transaction) -> Wish:
    driver_id = driver_of(received.caller)
    quote = _quote(received.command.quote, tx.resource(Keys))
    return Wish(
        command_id=received.command_id,
        quote=quote,
        driver_id=driver_id,
        vehicle_id=received.command.vehicle_id,
        reservation_id=ReservationId(new_id(station_bucket(quote.station_id))),
        code="".join(CODE_LETTERS[byte % 32] for byte in secrets.token_bytes(6)),
    )


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
            answers[hold.command_id] = SlotHeld(
                reservation=reservation, version=reservation.version
            )
        else:
            lost.extend(hold.adjoins)
            answers[hold.command_id] = SlotTaken()
    if lost:
        await store.give_back_buffers(tx, earlier=lost)
    return answers


@handlers.on(ProlongHold)
async def prolong_hold(command: ProlongHold, tx: Transaction) -> Reservation:
    booking = await own_booking(command.reservation_id, tx)
    if booking.lapsed_at(tx.now) is not None:
        raise HoldOver()
    told = Told(what="hold_prolonged", by="driver", user_id=tx.caller.user_id)
    longer = await prolong(booking, told, tx)
    if longer is None:
        raise NotProlongable()
    return longer.reservation


async def prolong(booking: Booking, told: Told, tx: Transaction) -> Booking | None:
    """Five minutes more, once; None where a hold cannot get them."""
    if not booking.is_held(tx.now):
        return None
    longer = holding.prolong(booking, tx.resource(Rules), tx.now)
    if longer is None:
        return None
    await store.update_reservation(tx, longer, told)
    await store.prolong_occupancy(tx, longer)
    tx.emit(telling.event(longer, told))
    return longer
