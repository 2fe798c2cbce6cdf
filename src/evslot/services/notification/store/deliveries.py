"""Writes of how mails go out, and of the receipts they wait for."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from evslot.services.notification.messages import Kind
from evslot.spine.transaction import Row, Transaction
from evslot.values import UserId


async def insert_delivery(
    tx: Transaction,
    notification_id: UUID,
    channel: str,
    state: str,
    due_at: datetime | None = None,
) -> None:
    await tx.execute(
        """insert into delivery (notification_id, channel, state, changed_at, due_at)
           values ($1, $2, $3, $4, $5)""",
        notification_id,
        channel,
        state,
        tx.now,
        due_at,
    )


async def lock_email(tx: Transaction, notification_id: UUID) -> str | None:
    """The state of a mail, locked; None where there is none (any more)."""
    state: str | None = await tx.fetch_value(
        """select state from delivery where notification_id = $1 and channel = 'email'
           for update""",
        notification_id,
    )
    return state


async def lock_on_its_way(tx: Transaction, user_id: UserId, reservation_id: UUID) -> bool:
    """Whether a booking's confirmation is not mailed yet; locked, so that its end is not missed."""
    return bool(
        await tx.fetch(
            """select d.state from notification n join delivery d using (notification_id)
               where n.user_id = $1 and n.kind = 'reservation_confirmed' and n.subject_id = $2
                 and d.state in ('asking', 'sending')
               for update of d""",
            user_id,
            reservation_id,
        )
    )


async def find_behind(tx: Transaction, notification_id: UUID) -> list[UUID]:
    """Cancellations that wait until this confirmation was mailed, or given up."""
    rows = await tx.fetch(
        """select later.notification_id
           from notification n
           join notification later on later.subject_id = n.subject_id
             and later.user_id = n.user_id and later.kind = 'reservation_cancelled'
           join delivery d on d.notification_id = later.notification_id and d.state = 'waiting'
           where n.notification_id = $1 and n.kind = 'reservation_confirmed'""",
        notification_id,
    )
    return [row["notification_id"] for row in rows]


async def lock_waiting(tx: Transaction, limit: int) -> list[Row]:
    """Mails that have waited long enough."""
    return await tx.fetch(
        """select d.notification_id, d.asked, n.kind, n.language, b.payment_id
           from delivery d
           join notification n using (notification_id)
           left join booking b on b.reservation_id = n.subject_id
           where d.state = 'waiting' and d.due_at <= $1
           order by d.due_at limit $2 for update of d skip locked""",
        tx.now,
        limit,
    )


async def find_waiting(tx: Transaction, user_id: UserId, reservation_id: UUID) -> list[Row]:
    """Mails about a booking that wait for its receipt and have not asked for it."""
    return await tx.fetch(
        """select n.notification_id, n.language
           from notification n join delivery d using (notification_id)
           where n.user_id = $1 and n.kind = 'reservation_completed' and n.subject_id = $2
             and d.state = 'waiting' and d.asked = 0""",
        user_id,
        reservation_id,
    )


async def note_asked(tx: Transaction, notification_id: UUID, due_at: datetime) -> int | None:
    """How often the receipt was asked for before; None where the mail waits no longer."""
    asked: int | None = await tx.fetch_value(
        """update delivery set asked = asked + 1, due_at = $2
           where notification_id = $1 and channel = 'email' and state = 'waiting'
           returning asked - 1""",
        notification_id,
        due_at,
    )
    return asked


async def start_asking(tx: Transaction, notification_id: UUID) -> UserId | None:
    """Who a mail goes to that waits no longer; None where it did not wait."""
    user_id: UserId | None = await tx.fetch_value(
        """update delivery d set state = 'asking', due_at = null, changed_at = $2
           from notification n
           where d.notification_id = $1 and d.channel = 'email' and d.state = 'waiting'
             and n.notification_id = d.notification_id
           returning n.user_id""",
        notification_id,
        tx.now,
    )
    return user_id


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
           returning user_id, kind, facts""",
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


async def find_on_their_way(
    tx: Transaction, user_id: UserId, kinds: Sequence[Kind], reservation_id: UUID
) -> list[UUID]:
    """Mails of these kinds about a booking that were not handed over, and not given up."""
    rows = await tx.fetch(
        """select n.notification_id from notification n join delivery d using (notification_id)
           where n.user_id = $1 and n.kind = any($2::text[]) and n.subject_id = $3
             and d.state in ('asking', 'sending')""",
        user_id,
        list(kinds),
        reservation_id,
    )
    return [row["notification_id"] for row in rows]


async def fail_deliveries(
    tx: Transaction, notification_ids: Sequence[UUID], state: str, failure: str
) -> None:
    """Gives those of these mails up that are in a state."""
    await tx.execute(
        """update delivery set state = 'failed', failure = $3, changed_at = $4
           where notification_id = any($1::uuid[]) and channel = 'email' and state = $2""",
        list(notification_ids),
        state,
        failure,
        tx.now,
    )


async def delete_unsent(tx: Transaction, user_id: UserId) -> None:
    """A person's mails that are in no job, and now get into none."""
    await tx.execute(
        """delete from delivery where state in ('waiting', 'asking') and notification_id in (
             select notification_id from notification where user_id = $1)""",
        user_id,
    )


async def find_sending(tx: Transaction, user_id: UserId) -> list[UUID]:
    """A person's mails that are in jobs."""
    rows = await tx.fetch(
        """select n.notification_id from notification n join delivery d using (notification_id)
           where n.user_id = $1 and d.state = 'sending'""",
        user_id,
    )
    return [row["notification_id"] for row in rows]


async def insert_receipt(tx: Transaction, payment_id: UUID) -> None:
    await tx.execute(
        """insert into receipt (payment_id, heard_at) values ($1, $2)
           on conflict (payment_id) do nothing""",
        payment_id,
        tx.now,
    )


async def has_receipt(tx: Transaction, payment_id: UUID) -> bool:
    return bool(
        await tx.fetch_value(
            "select exists (select from receipt where payment_id = $1)", payment_id
        )
    )


async def insert_receipt_part(
    tx: Transaction, notification_id: UUID, part: int, parts: int, content: bytes
) -> None:
    await tx.execute(
        """insert into receipt_part (notification_id, part, parts, content)
           values ($1, $2, $3, $4) on conflict (notification_id, part) do nothing""",
        notification_id,
        part,
        parts,
        content,
    )


async def take_receipt(tx: Transaction, notification_id: UUID) -> bytes | None:
    """The whole PDF, which is then no longer kept here; None where a piece is missing."""
    rows = await tx.fetch(
        """with taken as (delete from receipt_part where notification_id = $1
                          returning part, parts, content)
           select part, parts, content from taken order by part""",
        notification_id,
    )
    if not rows or len(rows) != rows[0]["parts"]:
        return None
    return b"".join(bytes(row["content"]) for row in rows)
