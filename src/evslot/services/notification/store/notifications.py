"""Writes of what was told, and whether it was read."""

from uuid import UUID

from evslot.services.notification.domain.telling import Told
from evslot.spine.message import encode
from evslot.spine.transaction import Reader, Transaction
from evslot.values import UserId

UNREAD_LIMIT = 1000


async def insert_notification(tx: Transaction, told: Told, listed: bool = True) -> bool:
    """False where this was told already."""
    return bool(
        await tx.execute(
            """insert into notification (notification_id, user_id, kind, subject_id,
                                         subject_version, facts, language, listed, created_at)
               values ($1, $2, $3, $4, $5, $6::jsonb, $7, $8, $9)
               on conflict do nothing""",  # the id; notification_once means no other repeat
            told.notification_id,
            told.user_id,
            told.kind,
            told.subject_id,
            told.subject_version,
            encode(told.facts).decode(),
            told.language,
            listed,
            tx.now,
        )
    )


async def note_unpaid(tx: Transaction, notification_id: UUID) -> None:
    """No money was taken after all: its texts promise no receipt."""
    await tx.execute(
        """update notification set facts = jsonb_set(facts, '{paid}', 'false')
           where notification_id = $1""",
        notification_id,
    )


async def is_listed(tx: Transaction, user_id: UserId, notification_id: UUID) -> bool:
    """Whether it stands in this person's list."""
    return bool(
        await tx.fetch_value(
            """select exists (select from notification
                              where notification_id = $2 and user_id = $1 and listed)""",
            user_id,
            notification_id,
        )
    )


async def mark_read(tx: Transaction, user_id: UserId, notification_id: UUID | None) -> int:
    """One, or all where None is given; answers how many were unread."""
    return await tx.execute(
        """update notification set read_at = $3
           where user_id = $1 and listed and read_at is null
             and ($2::uuid is null or notification_id = $2)""",
        user_id,
        notification_id,
        tx.now,
    )


async def count_unread(reader: Reader, user_id: UserId) -> int:
    """Up to UNREAD_LIMIT: beyond, nobody counts."""
    unread: int = await reader.fetch_value(
        """select count(*) from (
             select from notification where user_id = $1 and listed and read_at is null limit $2
           ) as unread""",
        user_id,
        UNREAD_LIMIT,
    )
    return unread
