"""Emits the present state of what a service owns, for views that missed events."""

from uuid import UUID, uuid4

from evslot.spine import db
from evslot.spine.callers import SYSTEM
from evslot.spine.effects import speaking
from evslot.spine.handling import Handlers
from evslot.spine.transaction import Transaction
from evslot.spine.wiring import Wiring


async def republish(wiring: Wiring, handlers: Handlers, database: db.Database) -> int:
    """Page by page, each a transaction; answers the number of events. Safe to repeat."""
    total = 0
    for page in handlers.republishing:
        after: UUID | None = None
        while True:
            async with speaking(database, wiring, _nobody_waits, _nobody_waits) as spoken:
                connection, now, effects = spoken
                tx = Transaction(
                    connection, now, wiring, effects, caller=SYSTEM, command_id=uuid4()
                )
                after = await page(tx, after)
            total += len(effects.outgoing)
            if after is None:
                break
    return total


def _nobody_waits(*_: object) -> None:
    """No command is answered here, and the relay of the running service finds the rows."""
