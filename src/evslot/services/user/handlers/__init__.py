"""What the user service does: signing in, sessions, accounts, organisations, telling again."""

from evslot.services.user.handlers import (
    accounts,
    administering,
    api_keys,
    invitations,
    members,
    organisations,
    passwords,
    republishing,
    sessions,
    signing_in,
    vehicles,
)
from evslot.spine.handling import Handlers

handlers = Handlers()
for part in (
    signing_in,
    passwords,
    sessions,
    accounts,
    vehicles,
    organisations,
    invitations,
    members,
    api_keys,
    administering,
    republishing,
):
    handlers.include(part.handlers)
