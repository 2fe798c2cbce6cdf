"""Mails about an account: codes and notices, to an address that came with the command."""

from evslot.services.notification.adapters.mailing import MailCode, MailNotice
from evslot.services.notification.domain import telling
from evslot.services.notification.messages import MailAccepted, SendAccountNotice, SendSignInCode
from evslot.services.notification.store import deliveries, notifications
from evslot.spine.handling import Handlers
from evslot.spine.transaction import Transaction

handlers = Handlers()


@handlers.on(SendSignInCode)
async def send_sign_in_code(command: SendSignInCode, tx: Transaction) -> MailAccepted:
    """Answers at once; the address and the code live only in the sealed job."""
    tx.caller.require_system()
    told = telling.told_code(tx.command_id, command, tx.now)
    if await _begin(told, tx):
        tx.call(
            MailCode(
                notification_id=told.notification_id,
                template=told.kind,
                language=told.language,
                facts=telling.code_facts(command.valid_until, tx.now),
                address=command.email,
                code=command.code,
            ),
            job_id=told.notification_id,
        )
    return MailAccepted(notification_id=told.notification_id)


@handlers.on(SendAccountNotice)
async def send_account_notice(command: SendAccountNotice, tx: Transaction) -> MailAccepted:
    """To the address in the command: after a change it is no longer the account's."""
    tx.caller.require_system()
    told = telling.told_account(tx.command_id, command)
    if await _begin(told, tx):
        tx.call(
            MailNotice(
                notification_id=told.notification_id,
                template=told.kind,
                language=told.language,
                facts=told.facts,
                address=command.email,
                name=command.name,
            ),
            job_id=told.notification_id,
        )
    return MailAccepted(notification_id=told.notification_id)


async def _begin(told: telling.Told, tx: Transaction) -> bool:
    """False where the command came before."""
    if not await notifications.insert_notification(tx, told, listed=False):
        return False
    await deliveries.insert_delivery(tx, told.notification_id, "email", "sending")
    return True
