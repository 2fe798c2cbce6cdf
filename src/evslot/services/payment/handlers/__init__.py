"""What the payment service does when it is told something."""

from evslot.services.payment.handlers import methods, papers, payments, provider_events
from evslot.spine.handling import Handlers

handlers = Handlers()
for part in (payments, papers, methods, provider_events):
    handlers.include(part.handlers)
