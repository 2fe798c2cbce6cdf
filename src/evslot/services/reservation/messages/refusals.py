"""Every way in which the reservation service says no."""

from evslot.spine.message import Conflict, Forbidden, Gone, Invalid, NotFound


class SlotTaken(Conflict):
    """Another booking has this slot."""


class QuoteInvalid(Invalid):
    """This quote was not made by evslot or was altered; ask for a new one."""


class QuoteOutdated(Gone):
    """This quote is no longer valid; ask for a new one."""


class TooManyHolds(Conflict):
    """You hold three slots already; pay or release one first."""


class TooManyBookings(Conflict):
    """You have as many bookings as one driver may have at a time; use or cancel one first."""


class ChargerCrowded(Conflict):
    """A new driver holds this charger on that day, unpaid; take another, or wait some minutes."""


class HoldPaused(Conflict):
    """Two of your holds on this charger lapsed today; it can be held again after a pause."""


class VehicleBusy(Conflict):
    """This vehicle is booked elsewhere in this period."""


class ReservationNotFound(NotFound):
    """There is no such booking, or it is not yours."""


class HoldOver(Conflict):
    """The hold has lapsed; the slot may be gone. Hold it again."""


class NotPayable(Conflict):
    """This booking is not waiting for a payment."""


class PaymentRunning(Conflict):
    """A payment for this booking is running already."""


class PaymentRefused(Conflict):
    """The payment was declined; try another method while the hold lasts."""


class NotCancellable(Conflict):
    """This booking is over; there is nothing left to cancel."""


class CancelCostsMore(Conflict):
    """A cancel costs more by now than was agreed to; look at the booking again."""


class ReasonInvalid(Invalid):
    """A reason has at most 500 characters, none of them a control character."""


class DriversOnly(Forbidden):
    """Only signed-in drivers may do this."""


class CursorInvalid(Invalid):
    """This cursor was not made by this list."""


class NotProlongable(Conflict):
    """A hold gets five minutes more once, and never past the moment a late driver loses it."""


class NotConfirmed(Conflict):
    """This booking is not paid yet; pay it, then check in."""


class NotCheckedIn(Conflict):
    """Nobody has checked in to this booking; check in first, or cancel it."""


class ReservationOver(Conflict):
    """This booking is over."""


class TooEarly(Conflict):
    """It is too early to check in to this booking; come back at the time named here."""


class ChargerInUse(Conflict):
    """The charger is still taken by somebody else; you can start at the time you booked."""


class WrongCharger(Conflict):
    """This is not the charger of the booking; its label is named here."""


class CodeWrong(Conflict):
    """This is not the code of the booking; ask the driver for its six characters."""


class MembersOnly(Forbidden):
    """Only members of an organisation may see this."""


class PeriodInvalid(Invalid):
    """The end must come after the start, and the span must not be longer than is allowed here."""


class ClosureNotFound(NotFound):
    """There is no such closure, or it is not of a station of yours."""


class ClosureExists(Conflict):
    """This closure id is taken."""


class StationInMotion(Conflict):
    """Too many bookings come in at this station at this moment; try again."""
