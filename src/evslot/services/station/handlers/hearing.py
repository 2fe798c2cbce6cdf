"""A view of what occupies chargers, as the reservation service tells it."""

from datetime import timedelta

from evslot.services.reservation import messages as reservation
from evslot.services.station import store
from evslot.spine.handling import Handlers
from evslot.spine.transaction import Transaction

BUSY_KEPT = timedelta(days=8)
"""Longer than the topic of the events that made them."""
BUSY_SWEPT = 2000

BOOKING_EVENTS: tuple[type[reservation.ReservationEvent], ...] = (
    reservation.SlotHeld,
    reservation.HoldProlonged,
    reservation.HoldExpired,
    reservation.HoldReleased,
    reservation.PaymentStarted,
    reservation.PaymentChallenged,
    reservation.PaymentFailed,
    reservation.ReservationConfirmed,
    reservation.ReservationCancelled,
    reservation.ReservationSettled,
    reservation.ReservationStarted,
    reservation.ReservationCompleted,
    reservation.CaptureRefused,
)

handlers = Handlers()


async def booking_changed(event: reservation.ReservationEvent, tx: Transaction) -> None:
    """Each event carries the whole booking: the newest version says what it occupies."""
    await store.upsert_busy(tx, event.reservation, event.version)


for kind in BOOKING_EVENTS:
    handlers.heard(kind)(booking_changed)


@handlers.heard(reservation.ClosureChanged)
async def closure_changed(event: reservation.ClosureChanged, tx: Transaction) -> None:
    """A closure takes its whole period here, whoever still has a booking in it."""
    await store.upsert_closure(tx, event.closure)


@handlers.every(seconds=60.0)
async def forget_old_busy(tx: Transaction) -> None:
    await store.delete_old_busy(tx, BUSY_KEPT, BUSY_SWEPT)
