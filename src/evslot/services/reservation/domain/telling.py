"""What a booking's versions are told as: each is one line of its story and one event."""

from evslot.services.reservation.domain.booking import Booking, Told
from evslot.services.reservation.messages import (
    CaptureRefused,
    HoldExpired,
    HoldProlonged,
    HoldReleased,
    PaymentChallenged,
    PaymentFailed,
    PaymentStarted,
    ReservationCancelled,
    ReservationCompleted,
    ReservationConfirmed,
    ReservationEvent,
    ReservationSettled,
    ReservationStarted,
    SlotHeld,
)
from evslot.values import Money

EVENTS: dict[str, type[ReservationEvent]] = {
    "held": SlotHeld,
    "hold_prolonged": HoldProlonged,
    "payment_started": PaymentStarted,
    "payment_challenged": PaymentChallenged,
    "payment_failed": PaymentFailed,
    "confirmed": ReservationConfirmed,
    "expired": HoldExpired,
    "released": HoldReleased,
    "cancelled": ReservationCancelled,
    "settled": ReservationSettled,
}


def event(booking: Booking, told: Told) -> ReservationEvent:
    """The event of this version; made again from the stored booking, it is the same."""
    reservation = booking.reservation
    version, reason = reservation.version, told.reason
    if told.what == "payment_failed":
        return PaymentFailed(reservation=reservation, version=version, reason=reason or "")
    if told.what == "capture_refused":
        return CaptureRefused(reservation=reservation, version=version, reason=reason or "")
    if told.what == "started":
        return ReservationStarted(reservation=reservation, version=version, by=told.by)
    if told.what in ("completed", "ended"):
        return ReservationCompleted(reservation=reservation, version=version, by=told.by)
    if told.what == "cancelled":
        total, fee = reservation.total, reservation.fee or Money(0, reservation.total.currency)
        return ReservationCancelled(
            reservation=reservation,
            version=version,
            by=told.by,
            reason=None if told.user_id else reason,  # a person's words stay in the story
            fee=fee,
            refund=Money(total.amount - fee.amount, total.currency),
        )
    return EVENTS[told.what](reservation=reservation, version=version)
