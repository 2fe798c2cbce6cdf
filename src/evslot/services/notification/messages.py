"""What the notification service can be asked, and what it tells."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from evslot.spine.message import Command, Event, Forbidden, Invalid, Personal, Query, Secret
from evslot.values import NotificationId, UserId


class Notification(Struct, frozen=True, kw_only=True):
    """What a person was told, as the in-app list shows it."""

    notification_id: NotificationId
    kind: str
    """account_code, reservation_confirmed, reservation_cancelled, …"""
    title: str
    text: str
    reservation_id: UUID | None
    created_at: datetime
    mailed_at: datetime | None


class Notifications(Struct, frozen=True, kw_only=True):
    """A page of the caller's notifications, newest first."""

    notifications: list[Notification]
    next_cursor: str | None = None


class MailAccepted(Struct, frozen=True, kw_only=True):
    """The mail will be sent."""

    notification_id: NotificationId


class SendSignInCode(Command[MailAccepted], frozen=True, kw_only=True):
    """Mail a sign-in code to an address; only services may ask."""

    email: Personal[str]
    code: Secret[str]
    language: str
    valid_until: datetime

    def key(self) -> None:
        return None


class ListNotifications(Query[Notifications], frozen=True, kw_only=True):
    """What the caller was told."""

    user_id: UserId
    limit: int = 20
    cursor: str | None = None

    def key(self) -> str:
        return str(self.user_id)


class NotificationDelivered(Event, frozen=True, kw_only=True):
    """A mail server took the mail of a notification."""

    notification_id: NotificationId
    user_id: UserId | None
    kind: str
    channel: str
    version: int

    def key(self) -> str:
        return str(self.notification_id)


class OnlyForServices(Forbidden):
    """Only services may ask this."""


class CursorInvalid(Invalid):
    """This cursor was not made by this list."""
