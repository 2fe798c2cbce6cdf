"""What the notification service answers: a person's own list."""

from datetime import UTC, datetime
from typing import cast
from uuid import UUID

import msgspec

from evslot.services.notification import domain
from evslot.services.notification.adapters.letters import Letters
from evslot.services.notification.messages import ListNotifications, Notification, Notifications
from evslot.spine.handling import Queries
from evslot.spine.message import NotFound
from evslot.spine.transaction import Reading, Row

queries = Queries()

FIRST = datetime(9999, 1, 1, tzinfo=UTC)
LAST_ID = UUID(int=2**128 - 1)


@queries.on(ListNotifications)
async def list_notifications(query: ListNotifications, reading: Reading) -> Notifications:
    """Newest first; only one's own, so anybody else's list does not exist."""
    if reading.caller.require_user() != query.user_id:
        raise NotFound()
    size = domain.page_size(query.limit)
    before, before_id = (
        domain.read_cursor(query.user_id, query.cursor) if query.cursor else (FIRST, LAST_ID)
    )
    rows = await reading.fetch(
        """select n.notification_id, n.kind, n.facts, n.language, n.subject_id, n.created_at,
                  d.delivered_at
           from notification n
           left join delivery d on d.notification_id = n.notification_id and d.channel = 'email'
           where n.user_id = $1 and (n.created_at, n.notification_id) < ($2, $3)
           order by n.created_at desc, n.notification_id desc
           limit $4""",
        query.user_id,
        before,
        before_id,
        size + 1,
    )
    letters = reading.resource(Letters)
    page = rows[:size]
    more = len(rows) > size
    return Notifications(
        notifications=[_notification(row, letters) for row in page],
        next_cursor=domain.cursor_after(
            query.user_id, page[-1]["created_at"], page[-1]["notification_id"]
        )
        if more
        else None,
    )


def _notification(row: Row, letters: Letters) -> Notification:
    facts = cast(domain.Facts, msgspec.json.decode(row["facts"], type=domain.Facts))
    title, text = letters.brief(row["kind"], row["language"], facts)
    return Notification(
        notification_id=row["notification_id"],
        kind=row["kind"],
        title=title,
        text=text,
        reservation_id=row["subject_id"],
        created_at=row["created_at"],
        mailed_at=row["delivered_at"],
    )
