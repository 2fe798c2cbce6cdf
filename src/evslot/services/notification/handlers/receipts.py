"""The receipt that a mail carries: waited for, asked for piece by piece, done without at last."""

from datetime import timedelta
from uuid import UUID

import msgspec
from msgspec import Struct

from evslot.services.notification.domain.facts import BookingFacts
from evslot.services.notification.domain.telling import Told
from evslot.services.notification.domain.wording import language_for
from evslot.services.notification.handlers.telling import stop_waiting, tell
from evslot.services.notification.store import deliveries, notifications
from evslot.services.payment import messages as payment
from evslot.spine.handling import Handlers, Reply
from evslot.spine.message import Refused
from evslot.spine.transaction import Transaction
from evslot.values import PaymentId, UserId

handlers = Handlers()

WAIT_FOR_RECEIPT = timedelta(minutes=10)
"""Money is taken at the end at the latest; a mail that late is better without its paper."""
WAIT_FOR_ANSWER = timedelta(minutes=1)
PARTS_LIMIT = 8
"""A receipt has some dozen kilobytes, a part has up to 128 KiB: more is no receipt."""
SENT_AT_ONCE = 100


class Wanted(Struct, frozen=True, kw_only=True):
    """Of which payment, in which language: the next piece is asked for alike."""

    payment_id: PaymentId
    language: str


async def tell_with_receipt(
    told: Told, driver_id: UserId, payment_id: PaymentId | None, tx: Transaction
) -> None:
    """Told at once in the list; the mail waits for the receipt where there will be one."""
    assert isinstance(told.facts, BookingFacts)
    if payment_id is None or not told.facts.paid:
        await tell(told, tx)
    elif await tell(told, tx, tx.now + WAIT_FOR_RECEIPT) and await deliveries.has_receipt(
        tx, payment_id
    ):
        await _ask_waiting(driver_id, told.facts.reservation_id, payment_id, tx)


async def stop_waiting_for_receipt(user_id: UserId, reservation_id: UUID, tx: Transaction) -> None:
    """Nothing was taken: the mail goes at once, and promises none."""
    for row in await deliveries.find_waiting(tx, user_id, reservation_id):
        await stop_waiting(row["notification_id"], tx)
        await notifications.note_unpaid(tx, row["notification_id"])


@handlers.heard(payment.ReceiptIssued)
async def receipt_issued(event: payment.ReceiptIssued, tx: Transaction) -> None:
    """The mail that waits for this receipt asks for it; one that comes later finds it known."""
    if event.kind == "receipt":
        await deliveries.insert_receipt(tx, event.payment_id)
        await _ask_waiting(event.payer_id, event.reservation_id, event.payment_id, tx)


@handlers.answered("receipt")
async def receipt_answered(reply: Reply, tx: Transaction) -> None:
    """A piece is here, or there is none: then the mail goes without."""
    wanted = msgspec.convert(reply.context, Wanted)
    try:
        piece = reply.result(payment.ReceiptPart)
    except Refused:
        await stop_waiting(reply.about, tx)
        return
    if await deliveries.lock_email(tx, reply.about) != "waiting":
        return  # went without, or the same answer came twice
    await deliveries.insert_receipt_part(tx, reply.about, piece.part, piece.parts, piece.content)
    if piece.part + 1 < piece.parts <= PARTS_LIMIT:
        await _ask(reply.about, wanted.payment_id, wanted.language, piece.part + 1, tx)
    else:
        await stop_waiting(reply.about, tx)


@handlers.every(seconds=2.0)
async def send_without_receipt(tx: Transaction) -> None:
    """Who waited long enough for a receipt asks once, should the news of it be lost; then mails."""
    for row in await deliveries.lock_waiting(tx, SENT_AT_ONCE):
        for_receipt = row["kind"] == "reservation_completed" and row["payment_id"] is not None
        if for_receipt and row["asked"] == 0:
            await _ask(row["notification_id"], row["payment_id"], row["language"], 0, tx)
        else:
            await stop_waiting(row["notification_id"], tx)


async def _ask_waiting(
    user_id: UserId, reservation_id: UUID, payment_id: PaymentId, tx: Transaction
) -> None:
    for row in await deliveries.find_waiting(tx, user_id, reservation_id):
        await _ask(row["notification_id"], payment_id, row["language"], 0, tx)


async def _ask(
    notification_id: UUID, payment_id: PaymentId, language: str, part: int, tx: Transaction
) -> None:
    attempt = await deliveries.note_asked(tx, notification_id, tx.now + WAIT_FOR_ANSWER)
    if attempt is None:
        return
    tx.ask(
        payment.GetReceiptPdf(payment_id=payment_id, language=language_for(language), part=part),
        then="receipt",
        about=notification_id,
        context=Wanted(payment_id=payment_id, language=language),
        attempt=attempt,
    )
