"""What the notification service does: codes asked for, facts heard, addresses got, mails sent."""

from uuid import UUID

import msgspec

from evslot.services.notification import domain, store
from evslot.services.notification.adapters.mailing import MailCode, MailNotice
from evslot.services.notification.adapters.smtp import Mailed
from evslot.services.notification.messages import (
    MailAccepted,
    NotificationDelivered,
    SendSignInCode,
)
from evslot.services.reservation import messages as reservation
from evslot.services.user import messages as user
from evslot.spine.handling import Handlers, Reply
from evslot.spine.jobs import JobFailed
from evslot.spine.message import Refused
from evslot.spine.transaction import Transaction
from evslot.values import NotificationId

handlers = Handlers()


@handlers.on(SendSignInCode)
async def send_sign_in_code(command: SendSignInCode, tx: Transaction) -> MailAccepted:
    """Answers at once; the address and the code live only in the sealed job."""
    tx.caller.require_system()
    told = domain.told_code(tx.command_id, command.language, command.valid_until, tx.now)
    if await store.insert_notification(tx, told):
        await store.insert_delivery(tx, told.notification_id, "email", "sending")
        tx.call(
            MailCode(
                notification_id=told.notification_id,
                template=told.kind,
                language=told.language,
                facts=domain.code_facts(command.valid_until, tx.now),
                address=command.email,
                code=command.code,
            ),
            job_id=told.notification_id,
        )
    return MailAccepted(notification_id=told.notification_id)


@handlers.heard(reservation.ReservationConfirmed)
async def reservation_confirmed(event: reservation.ReservationConfirmed, tx: Transaction) -> None:
    """Tell the driver that the slot is theirs."""
    await _tell(domain.told_confirmed(event), tx)


@handlers.heard(reservation.ReservationCancelled)
async def reservation_cancelled(event: reservation.ReservationCancelled, tx: Transaction) -> None:
    """Tell the driver that the booking is given up, and what it cost."""
    await _tell(domain.told_cancelled(event), tx)


@handlers.heard(reservation.PaymentFailed)
async def payment_failed(event: reservation.PaymentFailed, tx: Transaction) -> None:
    """Tell the driver to pay another way."""
    await _tell(domain.told_payment_failed(event), tx)


@handlers.answered("contact")
async def contact_answered(reply: Reply, tx: Transaction) -> None:
    """The address is here (or there is none): mail, with the address sealed in the job."""
    try:
        contact = reply.result(user.Contact)
    except Refused as refused:
        await store.fail_delivery(tx, reply.about, f"no_contact: {refused.code}")
        return
    language = domain.language_for(contact.language)
    row = await store.start_sending(tx, reply.about, language)
    if row is None:
        return  # the same answer came twice
    tx.call(
        MailNotice(
            notification_id=NotificationId(reply.about),
            template=row["kind"],
            language=language,
            facts=msgspec.json.decode(row["facts"], type=domain.BookingFacts),
            address=contact.email,
            name=contact.name,
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


async def _tell(told: domain.Told, tx: Transaction) -> None:
    if told.user_id is None or not await store.insert_notification(tx, told):
        return  # heard before
    news = domain.is_news(told, tx.now)
    await store.insert_delivery(tx, told.notification_id, "email", "asking" if news else "stale")
    if news:
        tx.ask(
            user.GetContact(user_id=told.user_id),
            then="contact",
            about=told.notification_id,
        )


async def _finish(notification_id: UUID, result: Mailed | JobFailed, tx: Transaction) -> None:
    failure = "given_up" if isinstance(result, JobFailed) else result.failure
    if failure is not None:
        await store.fail_delivery(tx, notification_id, failure)
        return
    row = await store.finish_delivery(tx, notification_id)
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
