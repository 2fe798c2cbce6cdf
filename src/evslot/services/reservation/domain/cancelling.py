"""Giving a booking up: what it costs by the frozen terms, and where the money goes."""

from datetime import datetime, timedelta
from typing import Literal
from unicodedata import category

from msgspec import Struct

from evslot.services.reservation.domain.booking import Booking
from evslot.services.reservation.messages import (
    CancelCostsMore,
    NotCancellable,
    ReasonInvalid,
    Reservation,
)
from evslot.values import Money, Terms

By = Literal["driver", "operator"]
Settling = Literal["void", "capture", "refund", "nothing"]

FREE_AFTER_CONFIRMING = timedelta(minutes=10)
"""Domain rule 2.9: a cancel this soon after confirming, and before the start, costs nothing."""

REASON_LIMIT = 500
"""Characters."""


class Cancelled(Struct, frozen=True, kw_only=True):
    """A booking given up, and its price split in two."""

    booking: Booking
    fee: Money
    refund: Money


def cancel(booking: Booking, by: By, now: datetime, max_fee: int | None = None) -> Cancelled:
    """Give a booking up: a hold is released, a confirmed one costs what its terms say.

    Raises NotCancellable where nothing is left to give up, CancelCostsMore than `max_fee`.
    """
    fee = cancel_fee(booking, by, now)
    if fee is None:
        raise NotCancellable()
    if max_fee is not None and fee.amount > max_fee:
        raise CancelCostsMore(fee=fee.amount)
    total = booking.reservation.total
    if booking.reservation.state == "held":
        return Cancelled(booking=booking.next(now, state="released"), fee=fee, refund=fee)
    return Cancelled(
        booking=booking.next(now, state="cancelled", fee=fee),
        fee=fee,
        refund=Money(total.amount - fee.amount, total.currency),
    )


def check_reason(reason: str | None) -> None:
    """Raises ReasonInvalid; line breaks are fine, a NUL the database would not even take."""
    text = reason or ""
    if len(text) > REASON_LIMIT or any(
        category(c) in ("Cc", "Cs") for c in text if c not in "\n\t"
    ):
        raise ReasonInvalid()


def cancel_fee(booking: Booking, by: By, now: datetime) -> Money | None:
    """What a cancel costs at this moment; None where nothing is left to cancel.

    A driver may cancel until the grace ends; an operator, whose fault it then is, until the
    booking does.
    """
    reservation = booking.reservation
    nothing = Money(0, reservation.total.currency)
    if reservation.state == "held":
        return nothing if booking.is_held(now) else None
    if reservation.state != "confirmed":
        return None
    if by == "operator":
        return nothing if now < reservation.period.end else None
    if now >= booking.grace_ends:
        return None
    if _just_confirmed(booking, now):
        return nothing
    return share(reservation.total, kept_percent(reservation.terms, booking.starts - now))


def absence_fee(booking: Booking) -> Money | None:
    """What is kept of a booking that ended and nobody came to; None where it is the whole price."""
    reservation = booking.reservation
    if reservation.checked_in_at is not None or reservation.terms.no_show_percent >= 100:
        return None
    return share(reservation.total, reservation.terms.no_show_percent)


def kept_percent(terms: Terms, before: timedelta) -> int:
    """Which share of the price is kept that long before the start (negative: after it).

    Exactly N minutes before is in time.
    """
    for step in terms.ladder:
        if before >= timedelta(minutes=step.until_minutes):
            return step.kept_percent
    return terms.last_percent


def share(total: Money, percent: int) -> Money:
    """A percentage of a price, rounded half-up to the minor unit, never more than the price."""
    return Money(min(total.amount, (total.amount * percent + 50) // 100), total.currency)


def settling(reservation: Reservation, fee: Money) -> Settling:
    """What is left to do with the money of a booking that was cancelled, or nobody came to."""
    if reservation.payment_state == "authorised":
        return "capture" if fee.amount else "void"
    if reservation.payment_state == "captured" and fee.amount < reservation.total.amount:
        return "refund"
    return "nothing"


def _just_confirmed(booking: Booking, now: datetime) -> bool:
    return (
        booking.confirmed_at is not None
        and now - booking.confirmed_at <= FREE_AFTER_CONFIRMING
        and now < booking.starts
    )
