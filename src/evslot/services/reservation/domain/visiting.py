"""Being there: when a booking may be begun, and how it ends."""

from datetime import datetime, timedelta

from evslot.services.reservation.domain.booking import Booking
from evslot.services.reservation.messages import (
    CodeWrong,
    HoldOver,
    NotCheckedIn,
    NotConfirmed,
    ReservationOver,
    TooEarly,
    WrongCharger,
)
from evslot.values import Period


def check_in(booking: Booking, label: str | None, now: datetime) -> Booking:
    """A confirmed booking begins, from its early minutes on until its end.

    Before its start it occupies the charger from now on. One that was begun is answered as it is.
    Raises NotConfirmed, HoldOver, ReservationOver, TooEarly, WrongCharger.
    """
    reservation = booking.reservation
    if label is not None and not _same(label, reservation.charger_label):
        raise WrongCharger(label=reservation.charger_label)
    if reservation.state == "active":
        return booking
    _check_confirmed(booking, now)
    if now >= reservation.period.end:
        raise ReservationOver()
    earliest = early_start(booking)
    if now < earliest:
        raise TooEarly(earliest=earliest.isoformat())
    occupied = Period(min(now, reservation.occupied.start), reservation.occupied.end)
    return booking.next(now, state="active", checked_in_at=now, occupied=occupied)


def early_start(booking: Booking) -> datetime:
    """From when on the terms let a driver begin, if the charger is free."""
    return booking.starts - timedelta(minutes=booking.reservation.terms.early_minutes)


def complete(booking: Booking, now: datetime) -> Booking:
    """An active booking ends now; one that is completed is answered as it is.

    Raises NotCheckedIn, NotConfirmed, HoldOver, ReservationOver.
    """
    if booking.reservation.state == "completed":
        return booking
    if booking.reservation.state != "active":
        _check_confirmed(booking, now)
        raise NotCheckedIn()
    return booking.next(now, state="completed", completed_at=now)


def check_code(booking: Booking, code: str | None) -> None:
    """Raises CodeWrong unless an operator names the booking's code."""
    if code is None or not _same(code, booking.reservation.code):
        raise CodeWrong()


def owes(booking: Booking) -> bool:
    """Whether the price is still only promised, and is to be taken at the first sign of use.

    Without a check-in that is the end of the booking; with one it was taken then.
    """
    return booking.reservation.payment_state == "authorised"


def _check_confirmed(booking: Booking, now: datetime) -> None:
    if booking.reservation.state == "held":
        raise NotConfirmed() if booking.is_held(now) else HoldOver()
    if booking.reservation.state != "confirmed":
        raise ReservationOver()


def _same(said: str, wanted: str) -> bool:
    return said.strip().casefold() == wanted.strip().casefold()
