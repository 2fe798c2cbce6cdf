"""Removes what nobody looks for any more."""

from datetime import datetime

from evslot.spine.transaction import Transaction

OF_NOTIFICATIONS = (
    "delete from receipt_part where notification_id = any($1::uuid[])",
    "delete from delivery where notification_id = any($1::uuid[])",
    "delete from notification where notification_id = any($1::uuid[])",
)
"""In the order in which rows refer to each other."""
AT_ONCE = 1000
"""Rows of each kind in one transaction: it must not hold its locks for long."""


async def delete_old(tx: Transaction, before: datetime, account_before: datetime) -> bool:
    """What nobody looks for any more, AT_ONCE of each kind; whether there may be more."""
    rows = await tx.fetch(
        """select notification_id from notification
           where created_at < $1 or (user_id is null and created_at < $2)
           order by created_at limit $3""",
        before,
        account_before,
        AT_ONCE,
    )
    old = [row["notification_id"] for row in rows]
    for statement in OF_NOTIFICATIONS:
        await tx.execute(statement, old)
    bookings = await tx.execute(
        """delete from booking where reservation_id in (
             select reservation_id from booking where ends_at < $1 order by ends_at limit $2)""",
        before,
        AT_ONCE,
    )
    receipts = await tx.execute(
        """delete from receipt where payment_id in (
             select payment_id from receipt where heard_at < $1 order by heard_at limit $2)""",
        before,
        AT_ONCE,
    )
    return max(len(old), bookings, receipts) >= AT_ONCE
