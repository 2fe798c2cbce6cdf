"""What happens to a booking: one event for each of its versions."""

from evslot.services.reservation.messages.bookings import Reservation
from evslot.spine.message import Event
from evslot.values import Money


class ReservationEvent(Event, frozen=True, kw_only=True):
    """What all events of a booking carry: its state after the fact, and its version."""

    reservation: Reservation
    version: int

    def key(self) -> str:
        return self.reservation.bucket


class SlotHeld(ReservationEvent, frozen=True, kw_only=True):
    """A slot is taken until `held_until`, unpaid."""


class HoldProlonged(ReservationEvent, frozen=True, kw_only=True):
    """A hold lasts five minutes more, once."""


class HoldExpired(ReservationEvent, frozen=True, kw_only=True):
    """A hold was not paid in time; the slot is free."""


class HoldReleased(ReservationEvent, frozen=True, kw_only=True):
    """A hold was given up; no fee, the slot is free."""


class PaymentStarted(ReservationEvent, frozen=True, kw_only=True):
    """The provider was asked for the money of a hold."""


class PaymentChallenged(ReservationEvent, frozen=True, kw_only=True):
    """The provider wants the customer before it pays for a hold."""


class PaymentFailed(ReservationEvent, frozen=True, kw_only=True):
    """The payment of a hold was declined or came too late; the hold stands while it lasts."""

    reason: str


class ReservationConfirmed(ReservationEvent, frozen=True, kw_only=True):
    """A booking is paid (or costs nothing) and stands."""


class ReservationCancelled(ReservationEvent, frozen=True, kw_only=True):
    """A confirmed booking was given up; `reservation.fee` is what the terms keep."""

    by: str
    reason: str | None
    fee: Money
    refund: Money


class ReservationStarted(ReservationEvent, frozen=True, kw_only=True):
    """The driver is there: checked in, the booking is active."""

    by: str
    """driver or operator."""


class ReservationCompleted(ReservationEvent, frozen=True, kw_only=True):
    """A booking is over: the driver left, an operator says so, or its time has passed."""

    by: str
    """driver, operator, or system where the time has passed."""


class CaptureRefused(ReservationEvent, frozen=True, kw_only=True):
    """The promised money of a booking cannot be taken any more: its price is owed."""

    reason: str


class ReservationSettled(ReservationEvent, frozen=True, kw_only=True):
    """The money of a booking that was begun, cancelled or completed is where its terms want it."""
