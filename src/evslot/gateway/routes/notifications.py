"""Notifications: what the caller was told."""

from typing import Annotated

from litestar import get
from msgspec import Meta

from evslot.gateway.description import described
from evslot.gateway.parsing import Parameters
from evslot.gateway.visitors import Driver, EdgeRequest
from evslot.services.notification import messages as notification
from evslot.services.notification.messages import Notifications


class NotificationsWish(Parameters, frozen=True, kw_only=True):
    """Which page."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None


@get(
    "/v1/notifications",
    opt=described(notification.CursorInvalid, parameters=NotificationsWish, tag="Booking"),
)
async def list_notifications(request: EdgeRequest, driver: Driver) -> Notifications:
    """What the caller was told, newest first."""
    wish = request.parameters(NotificationsWish)
    return await driver.ask(
        notification.ListNotifications(user_id=driver.user_id, limit=wish.limit, cursor=wish.cursor)
    )


ROUTES = [list_notifications]
