"""What is heard of bookings: told to their drivers, kept for calendars, reminded of in time."""

from datetime import timedelta
from typing import get_args

import msgspec

from evslot.services.notification.domain import reminding, telling
from evslot.services.notification.domain.facts import BookingFacts
from evslot.services.notification.handlers.receipts import (
    stop_waiting_for_receipt,
    tell_with_receipt,
)
from evslot.services.notification.handlers.telling import take_back, tell
from evslot.services.notification.messages import Kind
from evslot.services.notification.store import bookings, deliveries
from evslot.services.reservation import messages as reservation
from evslot.spine.handling import Handlers
from evslot.spine.transaction import Transaction

handlers = Handlers()

BEHIND_CONFIRMATION = timedelta(hours=25)
"""Longer than a mail is tried: by then the confirmation has gone out or was given up."""
REMINDED_AT_ONCE = 200
"""Reminders of one transaction; more follow a second later."""


@handlers.heard(reservation.ReservationConfirmed)
async def reservation_confirmed(event: reservation.ReservationConfirmed, tx: Transaction) -> None:
    """Tell the driver that the slot is theirs, and remember to remind them."""
    booking = event.reservation
    await take_back(telling.WHILE_HELD, booking.driver_id, booking.reservation_id, tx)
    told = telling.told_confirmed(event)
    if await _keep(booking, told, tx):
        for reminder in reminding.reminders(booking.period.start, tx.now):
            await bookings.insert_reminder(tx, booking.reservation_id, reminder)
    await tell(told, tx)


@handlers.heard(reservation.ReservationCancelled)
async def reservation_cancelled(event: reservation.ReservationCancelled, tx: Transaction) -> None:
    """Tell the driver that the booking is given up, and what it cost.

    Never before the confirmation: its calendar file would put the booking back.
    """
    told = telling.told_cancelled(event)
    await _keep(event.reservation, told, tx)
    await _end_reminders(event.reservation, tx)
    driver_id, reservation_id = event.reservation.driver_id, event.reservation.reservation_id
    behind = await deliveries.lock_on_its_way(tx, driver_id, reservation_id)
    await tell(told, tx, tx.now + BEHIND_CONFIRMATION if behind else None)


@handlers.heard(reservation.ReservationStarted)
async def reservation_started(event: reservation.ReservationStarted, tx: Transaction) -> None:
    """Who is there needs no reminder."""
    await _follow(event.reservation, tx)


@handlers.heard(reservation.ReservationCompleted)
async def reservation_completed(event: reservation.ReservationCompleted, tx: Transaction) -> None:
    """Tell the driver that it is over, and what it cost; the receipt goes with the mail."""
    told = telling.told_completed(event)
    await _keep(event.reservation, told, tx)
    await _end_reminders(event.reservation, tx)
    await tell_with_receipt(told, event.reservation.driver_id, event.reservation.payment_id, tx)


@handlers.heard(reservation.PaymentFailed)
async def payment_failed(event: reservation.PaymentFailed, tx: Transaction) -> None:
    """Tell the driver to pay another way."""
    await tell(telling.told_payment_failed(event), tx)


@handlers.heard(reservation.CaptureRefused)
async def capture_refused(event: reservation.CaptureRefused, tx: Transaction) -> None:
    """Tell the driver that the bank did not pay what it had promised.

    Of a booking nobody came to that is known only after its end: no receipt will come then.
    """
    booking = event.reservation
    await _follow(booking, tx)
    await stop_waiting_for_receipt(booking.driver_id, booking.reservation_id, tx)
    await tell(telling.told_payment_owed(event), tx)


@handlers.heard(reservation.ReservationSettled)
async def reservation_settled(event: reservation.ReservationSettled, tx: Transaction) -> None:
    """Nothing to tell: of money that came back the payment service says it."""
    await _follow(event.reservation, tx)


@handlers.heard(reservation.PaymentChallenged)
async def payment_challenged(event: reservation.PaymentChallenged, tx: Transaction) -> None:
    """Tell the driver that the payment waits for them."""
    await tell(telling.told_payment_challenged(event), tx)


@handlers.every(seconds=1.0)
async def remind(tx: Transaction) -> None:
    """Tell what is due; what we come too late for is left out."""
    for row in await bookings.take_reminders(tx, REMINDED_AT_ONCE):
        facts = msgspec.json.decode(row["facts"], type=BookingFacts)
        kind: Kind = row["kind"]
        if kind in get_args(Kind) and reminding.is_timely(kind, facts.period.start, tx.now):
            await tell(telling.told_reminder(kind, row["driver_id"], facts, tx.now), tx)


async def _follow(booking: reservation.Reservation, tx: Transaction) -> None:
    """Know a version of a booking that was begun or is over, should what led there be unheard."""
    if booking.state in ("active", "completed", "cancelled"):
        await bookings.upsert_booking(tx, booking, telling.booking_facts(booking))
        await _end_reminders(booking, tx)


async def _end_reminders(booking: reservation.Reservation, tx: Transaction) -> None:
    """Those that are not due yet, then those on their way: one being told is waited for."""
    await bookings.delete_reminders(tx, booking.reservation_id)
    await take_back(tuple(reminding.BEFORE), booking.driver_id, booking.reservation_id, tx)


async def _keep(booking: reservation.Reservation, told: telling.Told, tx: Transaction) -> bool:
    """Whether this is news of the booking."""
    assert isinstance(told.facts, BookingFacts)
    return await bookings.upsert_booking(tx, booking, told.facts)
