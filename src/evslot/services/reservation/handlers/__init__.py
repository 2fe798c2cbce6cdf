"""What the reservation service does: holds, payments, visits, closures, housekeeping."""

from evslot.services.reservation.handlers import closing, ending, holding, keeping, paying, sample
from evslot.services.reservation.handlers.holding import hold_slots
from evslot.spine.handling import Handlers

__all__ = ["handlers", "hold_slots"]

handlers = Handlers()
for part in (holding, paying, ending, closing, keeping, sample):
    handlers.include(part.handlers)
