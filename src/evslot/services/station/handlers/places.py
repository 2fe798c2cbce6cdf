"""Keeping the list of places that one can search around."""

from evslot.services.station import store
from evslot.spine.handling import Handlers
from evslot.spine.transaction import Transaction

handlers = Handlers()


@handlers.every(seconds=5.0)
async def renew_places(tx: Transaction) -> None:
    """Where no station changed there is nothing to do."""
    if await store.places_are_old(tx):
        await store.replace_places(tx)
