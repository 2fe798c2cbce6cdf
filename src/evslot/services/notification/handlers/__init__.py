"""What the notification service does: accounts, bookings, money, mails, a person's own list."""

from evslot.services.notification.handlers import (
    accounts,
    bookings,
    mailing,
    money,
    people,
    reading,
    sample,
)
from evslot.spine.handling import Handlers

handlers = Handlers()
for part in (accounts, bookings, money, mailing, reading, people, sample):
    handlers.include(part.handlers)
