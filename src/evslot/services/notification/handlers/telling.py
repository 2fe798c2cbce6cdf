"""Puts a fact into a person's list and on its way into their mailbox, as they want it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from evslot.services.notification.domain import choosing, telling
from evslot.services.notification.domain.wording import language_for
from evslot.services.notification.messages import Kind, NotificationAdded
from evslot.services.notification.store import deliveries, notifications, people
from evslot.services.user import messages as user
from evslot.spine.transaction import Transaction
from evslot.values import UserId

CONTACT = "contact"
"""The step that hears a person's address."""
OVERTAKEN = "overtaken"
"""Why a mail was given up that says what is true no more."""


async def tell(told: telling.Told, tx: Transaction, wait_until: datetime | None = None) -> bool:
    """Whether it was new; with `wait_until` the mail waits for something until then."""
    user_id = told.user_id
    if user_id is None:
        return False
    person = await people.find_person(tx, user_id)
    if person.is_erased or person.is_made_up:
        return False
    if person.language is not None:
        told = replace(told, language=language_for(person.language))
    listed = choosing.wants(person.switched, told.kind, "in_app")
    if not await notifications.insert_notification(tx, told, listed):
        return False  # heard before
    if listed:
        tx.emit(
            NotificationAdded(
                notification_id=told.notification_id,
                user_id=user_id,
                kind=told.kind,
                reservation_id=told.subject_id,
            )
        )
    mailed = choosing.wants(person.switched, told.kind, "email")
    await _start_mail(told, mailed, wait_until, tx)
    return True


def ask_contact(notification_id: UUID, user_id: UserId, tx: Transaction) -> None:
    """The address is asked for when it is needed, and kept nowhere."""
    tx.ask(user.GetContact(user_id=user_id), then=CONTACT, about=notification_id)


async def stop_waiting(notification_id: UUID, tx: Transaction) -> None:
    """A mail that waited goes on its way."""
    user_id = await deliveries.start_asking(tx, notification_id)
    if user_id is not None:
        ask_contact(notification_id, user_id, tx)


async def take_back(
    kinds: Sequence[Kind], user_id: UserId, reservation_id: UUID, tx: Transaction
) -> None:
    """Mails about a booking that what happened since has overtaken; the list keeps its lines.

    An answer with an address locks the mail and then its job, the end of a job the job and then
    its mail: so first what has no job, then the jobs, then their mails.
    """
    numbers = await deliveries.find_on_their_way(tx, user_id, kinds, reservation_id)
    if numbers:
        await deliveries.fail_deliveries(tx, numbers, "asking", OVERTAKEN)
        await tx.call_off(numbers)
        await deliveries.fail_deliveries(tx, numbers, "sending", OVERTAKEN)


async def _start_mail(
    told: telling.Told, wanted: bool, wait_until: datetime | None, tx: Transaction
) -> None:
    state = "asking"
    if not wanted:
        state = "off"
    elif not telling.is_news(told, tx.now):
        state = "stale"
    elif wait_until is not None:
        state = "waiting"
    due_at = wait_until if state == "waiting" else None
    await deliveries.insert_delivery(tx, told.notification_id, "email", state, due_at)
    if state == "asking" and told.user_id is not None:
        ask_contact(told.notification_id, told.user_id, tx)
