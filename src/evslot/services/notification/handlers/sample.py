"""Drivers who fill the sample with bookings: they exist in development only, and hear nothing."""

from evslot.services.notification.messages import EnsureSampleSilence, SampleSilence
from evslot.services.notification.store import people
from evslot.services.user import messages as user
from evslot.spine.config import SharedSettings
from evslot.spine.handling import Handlers
from evslot.spine.transaction import Transaction

handlers = Handlers()


@handlers.on(EnsureSampleSilence)
async def ensure_sample_silence(command: EnsureSampleSilence, tx: Transaction) -> SampleSilence:
    """Answered before anything of theirs is written, so that nothing of it is told."""
    tx.caller.require_system()
    if not tx.resource(SharedSettings).in_development:
        raise user.SampleAccountsOff()
    return SampleSilence(fresh=await people.note_made_up(tx, command.user_ids))
