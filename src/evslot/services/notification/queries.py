"""What the notification service answers: a person's own list, choices and calendar files."""

from datetime import UTC, datetime
from typing import cast
from uuid import UUID

import msgspec

from evslot.services.notification.adapters.calendars import Calendars
from evslot.services.notification.adapters.letters import Letters
from evslot.services.notification.domain import choosing, listing
from evslot.services.notification.domain.facts import BookingFacts, Facts
from evslot.services.notification.domain.wording import language_for
from evslot.services.notification.messages import (
    CalendarFile,
    CalendarFileNotFound,
    Choices,
    GetCalendarFile,
    GetChoices,
    GetKnownVersion,
    KnownVersion,
    ListNotifications,
    Notification,
    Notifications,
)
from evslot.services.notification.store import notifications
from evslot.spine.handling import Queries
from evslot.spine.message import NotFound
from evslot.spine.transaction import Reading, Row
from evslot.values import UserId

queries = Queries()

FIRST = datetime(9999, 1, 1, tzinfo=UTC)
LAST_ID = UUID(int=2**128 - 1)


@queries.on(ListNotifications)
async def list_notifications(query: ListNotifications, reading: Reading) -> Notifications:
    """Newest first; only one's own, so anybody else's list does not exist."""
    _only_own(query.user_id, reading)
    size = listing.page_size(query.limit)
    before, before_id = (
        listing.read_cursor(query.user_id, query.cursor) if query.cursor else (FIRST, LAST_ID)
    )
    rows = await reading.fetch(
        """select n.notification_id, n.kind, n.facts, n.language, n.subject_id, n.created_at,
                  n.read_at, d.delivered_at
           from notification n
           left join delivery d on d.notification_id = n.notification_id and d.channel = 'email'
           where n.user_id = $1 and n.listed and (n.created_at, n.notification_id) < ($2, $3)
             and (n.read_at is null or not $5)
           order by n.created_at desc, n.notification_id desc
           limit $4""",
        query.user_id,
        before,
        before_id,
        size + 1,
        query.unread_only,
    )
    letters = reading.resource(Letters)
    page = rows[:size]
    last = page[-1] if len(rows) > size else None
    return Notifications(
        notifications=[_notification(row, letters) for row in page],
        next_cursor=None
        if last is None
        else listing.cursor_after(query.user_id, last["created_at"], last["notification_id"]),
        unread=await notifications.count_unread(reading, query.user_id),
    )


@queries.on(GetKnownVersion)
async def get_known_version(query: GetKnownVersion, reading: Reading) -> KnownVersion:
    """As far as calendar files and the list of what was told go."""
    reading.caller.require_system()
    version = await reading.fetch_value(
        "select version from booking where reservation_id = $1", query.reservation_id
    )
    return KnownVersion(version=version or 0)


@queries.on(GetChoices)
async def get_choices(query: GetChoices, reading: Reading) -> Choices:
    """Everything is on until it is switched off."""
    _only_own(query.user_id, reading)
    switched = await reading.fetch_value(
        "select switched from person where user_id = $1", query.user_id
    )
    off = {} if switched is None else msgspec.json.decode(switched, type=dict[str, bool])
    return choosing.choices(off)


@queries.on(GetCalendarFile)
async def get_calendar_file(query: GetCalendarFile, reading: Reading) -> CalendarFile:
    """For its driver alone; the file of a cancelled booking takes it out of the calendar."""
    row = await reading.fetch_row(
        """select b.state, b.facts, p.language
           from booking b left join person p on p.user_id = b.driver_id
           where b.reservation_id = $1 and b.driver_id = $2""",
        query.reservation_id,
        reading.caller.require_user(),
    )
    if row is None:
        raise CalendarFileNotFound()
    facts = msgspec.json.decode(row["facts"], type=BookingFacts)
    calendars = reading.resource(Calendars)
    language = language_for(row["language"] or "en")
    text = calendars.published(facts, language, cancelled=row["state"] == "cancelled")
    return CalendarFile(name=calendars.name(facts), text=text)


def _only_own(user_id: UserId, reading: Reading) -> None:
    if reading.caller.require_user() != user_id:
        raise NotFound()


def _notification(row: Row, letters: Letters) -> Notification:
    facts = cast(Facts, msgspec.json.decode(row["facts"], type=Facts))
    title, text = letters.brief(row["kind"], row["language"], facts)
    return Notification(
        notification_id=row["notification_id"],
        kind=row["kind"],
        title=title,
        text=text,
        reservation_id=row["subject_id"],
        created_at=row["created_at"],
        mailed_at=row["delivered_at"],
        read_at=row["read_at"],
    )
