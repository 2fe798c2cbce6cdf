"""Holds that nobody paid in time: they are told, and a challenge that is left open is let go."""

from collections.abc import Sequence

from evslot.services.payment import messages as payment
from evslot.services.reservation.domain import telling
from evslot.services.reservation.domain.booking import Booking, Told
from evslot.spine.transaction import Transaction

EXPIRED = Told(what="expired", by="system")


def tell_expired(bookings: Sequence[Booking], tx: Transaction) -> None:
    """Those that the store has just expired."""
    for booking in bookings:
        tx.emit(telling.event(booking, EXPIRED))
        let_challenge_go(booking, tx)


def let_challenge_go(over: Booking, tx: Transaction) -> None:
    """The customer need not confirm any more: a hold that is over is never confirmed.

    Nobody waits for the answer: the saga hears what became of the payment, money that was taken
    meanwhile included.
    """
    reservation = over.reservation
    if reservation.payment_state == "challenge" and reservation.payment_id is not None:
        tx.send(payment.VoidPayment(payment_id=reservation.payment_id))
