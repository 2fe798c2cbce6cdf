"""What a person does with their own list: mark as read, choose what to be told."""

from evslot.services.notification.domain import choosing
from evslot.services.notification.messages import (
    Choices,
    Marked,
    MarkRead,
    NotificationNotFound,
    SetChoices,
)
from evslot.services.notification.store import notifications, people
from evslot.spine.handling import Handlers
from evslot.spine.message import NotFound
from evslot.spine.transaction import Transaction

handlers = Handlers()


@handlers.on(MarkRead)
async def mark_read(command: MarkRead, tx: Transaction) -> Marked:
    """One's own only; what is read stays read."""
    if tx.caller.require_user() != command.user_id:
        raise NotFound()
    number = command.notification_id
    if number is not None and not await notifications.is_listed(tx, command.user_id, number):
        raise NotificationNotFound()
    marked = await notifications.mark_read(tx, command.user_id, number)
    return Marked(marked=marked, unread=await notifications.count_unread(tx, command.user_id))


@handlers.on(SetChoices)
async def set_choices(command: SetChoices, tx: Transaction) -> Choices:
    """From now on; what is on its way already still comes."""
    if tx.caller.require_user() != command.user_id:
        raise NotFound()
    choosing.switch({}, command.wishes)  # refuses before anything is written
    before = await people.lock_switched(tx, command.user_id)
    after = choosing.switch(before, command.wishes)
    await people.update_switched(tx, command.user_id, after)
    return choosing.choices(after)
