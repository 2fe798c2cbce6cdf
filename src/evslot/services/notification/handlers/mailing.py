"""Mails on their way: the address comes, a job hands them over, what came of it is noted."""

from uuid import UUID

import msgspec

from evslot.services.notification.adapters.mailing import MailCode, MailNotice
from evslot.services.notification.adapters.smtp import Mailed
from evslot.services.notification.domain import telling
from evslot.services.notification.domain.facts import Facts
from evslot.services.notification.domain.wording import language_for
from evslot.services.notification.handlers.telling import CONTACT, stop_waiting
from evslot.services.notification.messages import NotificationDelivered
from evslot.services.notification.store import deliveries, people
from evslot.services.user import messages as user
from evslot.spine.handling import Handlers, Reply
from evslot.spine.jobs import JobFailed
from evslot.spine.message import Refused
from evslot.spine.transaction import Transaction
from evslot.values import NotificationId

handlers = Handlers()


@handlers.answered(CONTACT)
async def contact_answered(reply: Reply, tx: Transaction) -> None:
    """The address is here (or there is none): mail, with the address sealed in the job.

    It may come late: what helps no more by then gets no job, and nothing of the address stays.
    """
    try:
        contact = reply.result(user.Contact)
    except Refused as refused:
        await deliveries.fail_delivery(tx, reply.about, f"no_contact: {refused.code}")
        await _go_on(reply.about, tx)
        return
    language = language_for(contact.language)
    row = await deliveries.start_sending(tx, reply.about, language)
    if row is None:
        return  # the same answer came twice
    await people.upsert_language(tx, contact.user_id, contact.language)
    facts: Facts = msgspec.json.decode(row["facts"], type=Facts)
    if telling.is_over(row["kind"], facts, tx.now):
        await deliveries.fail_delivery(tx, reply.about, "too_late")
        return
    tx.call(
        MailNotice(
            notification_id=NotificationId(reply.about),
            template=row["kind"],
            language=language,
            facts=facts,
            address=contact.email,
            name=contact.name,
            receipt=await deliveries.take_receipt(tx, reply.about),
        ),
        job_id=reply.about,
    )


@handlers.result(MailCode)
async def code_mailed(job: MailCode, result: Mailed | JobFailed, tx: Transaction) -> None:
    """The mail server took the code, or nobody ever will."""
    await _finish(job.notification_id, result, tx)


@handlers.result(MailNotice)
async def notice_mailed(job: MailNotice, result: Mailed | JobFailed, tx: Transaction) -> None:
    """The mail server took the notice, or nobody ever will."""
    await _finish(job.notification_id, result, tx)


async def _finish(notification_id: UUID, result: Mailed | JobFailed, tx: Transaction) -> None:
    failure = "given_up" if isinstance(result, JobFailed) else result.failure
    if failure is not None:
        await deliveries.fail_delivery(tx, notification_id, failure)
        await _go_on(notification_id, tx)
        return
    row = await deliveries.finish_delivery(tx, notification_id)
    if row is not None:
        tx.emit(
            NotificationDelivered(
                notification_id=NotificationId(notification_id),
                user_id=row["user_id"],
                kind=row["kind"],
                channel="email",
                version=row["version"],
            )
        )
    await _go_on(notification_id, tx)


async def _go_on(notification_id: UUID, tx: Transaction) -> None:
    """What waited behind this mail is next."""
    for later in await deliveries.find_behind(tx, notification_id):
        await stop_waiting(later, tx)
