"""What the user service does: signing in, sessions, organisations, telling again."""

from evslot.services.user.handlers import organisations, republishing, sessions, signing_in
from evslot.spine.handling import Handlers

handlers = Handlers()
for part in (signing_in, sessions, organisations, republishing):
    handlers.include(part.handlers)
