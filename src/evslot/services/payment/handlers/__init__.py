"""What the payment service does when it is told something."""

from evslot.services.payment.handlers import methods, papers, payments, provider_events, sample
from evslot.spine.handling import Handlers

handlers = Handlers()
for part in (payments, papers, methods, provider_events, sample):
    handlers.include(part.handlers)
