"""Paying a hold: what may be paid, and what a payment makes of the booking."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from evslot.services.reservation.domain.booking import Booking, Rules
from evslot.services.reservation.messages import HoldOver, NotPayable, PaymentRunning
from evslot.values import PaymentId

LATEST_USE = timedelta(hours=23)
"""After the days within which a start is not paid in advance; authorisations last a day longer."""


def check_payable(booking: Booking, now: datetime) -> None:
    """Raises HoldOver, NotPayable or PaymentRunning where no payment is waited for."""
    reservation = booking.reservation
    if booking.lapsed_at(now) is not None:
        raise HoldOver()
    if reservation.state != "held":
        raise NotPayable()
    if reservation.payment_state in ("authorising", "challenge"):
        raise PaymentRunning()


def is_prepaid(booking: Booking, rules: Rules, now: datetime) -> bool:
    """Whether the money is taken at once: an authorisation would lapse before it is used.

    That is at the start, or at the end of a long slot that nobody comes to (a day later at most).
    """
    ahead = timedelta(days=rules.prepay_days)
    unused_until = booking.reservation.occupied.end - now
    return booking.starts - now > ahead or unused_until > ahead + LATEST_USE


def start(booking: Booking, payment_id: PaymentId, now: datetime) -> Booking:
    """The provider is being asked."""
    return booking.next(now, payment_id=payment_id, payment_state="authorising")


def confirm(booking: Booking, payment_state: str | None, now: datetime) -> Booking:
    """What stands if the hold still does (the database's clock decides that)."""
    confirmed = booking.next(now, state="confirmed", payment_state=payment_state)
    return replace(confirmed, confirmed_at=now)


def note(booking: Booking, payment_state: str, now: datetime) -> Booking:
    """Where the money is now; the booking's own state is not touched."""
    return booking.next(now, payment_state=payment_state)
