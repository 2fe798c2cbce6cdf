"""What is heard of people: in which language they read, that they are gone; and tidying."""

from datetime import timedelta

from evslot.services.notification.store import deliveries, people, tidying
from evslot.services.user import messages as user
from evslot.spine.handling import Handlers
from evslot.spine.transaction import Transaction

handlers = Handlers()

KEPT = timedelta(days=400)
"""A year and a month: what was told about last year's holidays can still be found."""
ACCOUNT_KEPT = timedelta(days=30)
"""Traces of mails about accounts, for support; they stand in nobody's list."""


@handlers.heard(user.UserRegistered)
async def user_registered(event: user.UserRegistered, tx: Transaction) -> None:
    """So that the list is in their language from the first line on."""
    await people.upsert_language(tx, event.user_id, event.language)


@handlers.heard(user.UserChanged)
async def user_changed(event: user.UserChanged, tx: Transaction) -> None:
    """They may read in another language now."""
    await people.upsert_language(tx, event.user_id, event.language)


@handlers.heard(user.UserErased)
async def user_erased(event: user.UserErased, tx: Transaction) -> None:
    """Nothing stays but that they are gone: what is heard later is told to nobody.

    Mails that wait for a mail server hold the address and the name: they end, in the order that
    `take_back` explains.
    """
    await deliveries.delete_unsent(tx, event.user_id)
    await tx.call_off(await deliveries.find_sending(tx, event.user_id))
    await people.forget_person(tx, event.user_id)


@handlers.every(seconds=600.0)
async def tidy(tx: Transaction) -> bool:
    """A bounded piece at a time; the next comes at once while there is more."""
    return await tidying.delete_old(tx, tx.now - KEPT, tx.now - ACCOUNT_KEPT)
