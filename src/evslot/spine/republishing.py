"""Emits the present state of what a service owns, for views that missed events."""

from uuid import UUID, uuid4

from evslot.spine import db
from evslot.spine.callers import SYSTEM
from evslot.spine.handling import Handlers
from evslot.spine.transaction import Closing, Effects, Transaction, Wiring, write_effects


async def republish(wiring: Wiring, handlers: Handlers, database: db.Database) -> int:
    """Page by page, each a transaction; answers the number of events. Safe to repeat."""
    total = 0
    for page in handlers.republishing:
        after: UUID | None = None
        while True:
            effects = Effects()
            async with database.transaction() as connection:
                now = await connection.fetchval("select now()")
                tx = Transaction(
                    connection, now, wiring, effects, caller=SYSTEM, command_id=uuid4()
                )
                after = await page(tx, after)
                await write_effects(connection, wiring, effects, Closing())
            total += len(effects.outgoing)
            if after is None:
                break
    return total
