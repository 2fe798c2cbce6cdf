"""Writes of the notification service: notifications and their deliveries."""

from uuid import UUID

from evslot.services.notification.domain import Told
from evslot.spine.message import encode
from evslot.spine.transaction import Row, Transaction


async def insert_notification(tx: Transaction, told: Told) -> bool:
    """False where this was told already."""
    return bool(
        await tx.execute(
            """insert into notification (notification_id, user_id, kind, subject_id,
                                         subject_version, facts, language, created_at)
               values ($1, $2, $3, $4, $5, $6::jsonb, $7, $8)
               on conflict do nothing""",  # both the id and notification_once mean the same repeat
            told.notification_id,
            told.user_id,
            told.kind,
            told.subject_id,
            told.subject_version,
            encode(told.facts).decode(),
            told.language,
            tx.now,
        )
    )


async def insert_delivery(tx: Transaction, notification_id: UUID, channel: str, state: str) -> None:
    await tx.execute(
        """insert into delivery (notification_id, channel, state, changed_at)
           values ($1, $2, $3, $4)""",
        notification_id,
        channel,
        state,
        tx.now,
    )


async def start_sending(tx: Transaction, notification_id: UUID, language: str) -> Row | None:
    """The notification that was waiting for its address; None where it no longer does."""
    started = await tx.execute(
        """update delivery set state = 'sending', changed_at = $2
           where notification_id = $1 and channel = 'email' and state = 'asking'""",
        notification_id,
        tx.now,
    )
    if not started:
        return None
    return await tx.fetch_row(
        """update notification set language = $2 where notification_id = $1
           returning kind, facts""",
        notification_id,
        language,
    )


async def finish_delivery(tx: Transaction, notification_id: UUID) -> Row | None:
    """Marks the mail as taken; None where that is known already."""
    finished = await tx.execute(
        """update delivery set state = 'delivered', delivered_at = $2, changed_at = $2,
                               failure = null
           where notification_id = $1 and channel = 'email' and state <> 'delivered'""",
        notification_id,
        tx.now,
    )
    if not finished:
        return None
    return await tx.fetch_row(
        """update notification set version = version + 1 where notification_id = $1
           returning user_id, kind, version""",
        notification_id,
    )


async def fail_delivery(tx: Transaction, notification_id: UUID, failure: str) -> bool:
    """Gives a mail up; a delivered one stays delivered."""
    return bool(
        await tx.execute(
            """update delivery set state = 'failed', failure = $2, changed_at = $3
               where notification_id = $1 and channel = 'email'
                 and state in ('asking', 'sending')""",
            notification_id,
            failure,
            tx.now,
        )
    )
