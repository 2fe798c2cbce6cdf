"""Notifications: what the caller was told, what they have read, and bookings for calendars."""

from typing import Annotated

from litestar import Response, get, put
from litestar.params import FromPath
from msgspec import Meta

from evslot.gateway import versions
from evslot.gateway.description import described
from evslot.gateway.parsing import Parameters
from evslot.gateway.visitors import Driver, EdgeRequest
from evslot.services.notification import messages as notification
from evslot.services.notification.messages import Marked, Notifications
from evslot.values import NotificationId, ReservationId


class NotificationsWish(Parameters, frozen=True, kw_only=True):
    """Which page, and of which."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None
    unread: Annotated[bool, Meta(description="Only what is unread.")] = False


@get(
    "/v1/notifications",
    opt=described(notification.CursorInvalid, parameters=NotificationsWish, tag="Notifications"),
)
async def list_notifications(request: EdgeRequest, driver: Driver) -> Notifications:
    """What the caller was told, newest first, and how much of it is unread."""
    wish = request.parameters(NotificationsWish)
    await driver.caught_up(versions.known_to_notification)
    return await driver.ask(
        notification.ListNotifications(
            user_id=driver.user_id,
            limit=wish.limit,
            cursor=wish.cursor,
            unread_only=wish.unread,
        )
    )


@put(
    "/v1/notifications/{notification_id:uuid}/read-mark",
    opt=described(notification.NotificationNotFound, tag="Notifications"),
)
async def mark_notification_read(
    notification_id: FromPath[NotificationId], driver: Driver
) -> Marked:
    """The caller has read this one."""
    return await driver.send(
        notification.MarkRead(user_id=driver.user_id, notification_id=notification_id)
    )


@put("/v1/notifications/read-mark", opt=described(tag="Notifications"))
async def mark_all_notifications_read(driver: Driver) -> Marked:
    """The caller has read all there are."""
    return await driver.send(notification.MarkRead(user_id=driver.user_id))


@get(
    "/v1/reservations/{reservation_id:uuid}/calendar.ics",
    opt=described(notification.CalendarFileNotFound, tag="Notifications", media=("text/calendar",)),
)
async def get_calendar_file(
    reservation_id: FromPath[ReservationId], driver: Driver
) -> Response[str]:
    """A booking as calendar file (RFC 5545), for its driver.

    There is one from the moment a booking is confirmed. Its UID stays the same and its SEQUENCE
    grows with each change; once the booking is cancelled the file takes it out of the calendar.
    """
    await driver.caught_up(versions.known_to_notification)
    file = await driver.ask(notification.GetCalendarFile(reservation_id=reservation_id))
    return Response(
        file.text,
        media_type="text/calendar",
        headers={"Content-Disposition": f'attachment; filename="{file.name}"'},
    )


ROUTES = [
    list_notifications,
    mark_notification_read,
    mark_all_notifications_read,
    get_calendar_file,
]
