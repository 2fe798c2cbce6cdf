"""Removes what nobody looks for any more."""

from datetime import datetime

from evslot.spine.transaction import Transaction

OF_NOTIFICATIONS = (
    "delete from receipt_part where notification_id = any($1::uuid[])",
    "delete from delivery where notification_id = any($1::uuid[])",
    "delete from notification where notification_id = any($1::uuid[])",
)
"""In the order in which rows refer to each other."""


async def delete_old(tx: Transaction, before: datetime, account_before: datetime) -> None:
    """What nobody looks for any more, at most 1,000 of each at a time."""
    rows = await tx.fetch(
        """select notification_id from notification
           where created_at < $1 or (user_id is null and created_at < $2)
           order by created_at limit 1000""",
        before,
        account_before,
    )
    old = [row["notification_id"] for row in rows]
    for statement in OF_NOTIFICATIONS:
        await tx.execute(statement, old)
    await tx.execute(
        """delete from booking where reservation_id in (
             select reservation_id from booking where ends_at < $1 order by ends_at limit 1000)""",
        before,
    )
    await tx.execute(
        """delete from receipt where payment_id in (
             select payment_id from receipt where heard_at < $1 order by heard_at limit 1000)""",
        before,
    )
