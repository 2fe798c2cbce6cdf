"""What the notification service can be asked, and what it tells."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

from evslot.spine.message import (
    Command,
    Conflict,
    Event,
    Forbidden,
    Invalid,
    NotFound,
    Personal,
    Query,
    Secret,
)
from evslot.values import NotificationId, ReservationId, UserId, bucket_key, bucket_of

Kind = Literal[
    "account_code",
    "account_reset_code",
    "account_email_code",
    "account_email_changed",
    "account_password_changed",
    "account_invited",
    "account_joined",
    "reservation_confirmed",
    "reservation_cancelled",
    "reservation_tomorrow",
    "reservation_soon",
    "reservation_completed",
    "payment_challenged",
    "payment_failed",
    "payment_owed",
    "payment_refunded",
]
"""What a person is told about; `reservation_tomorrow` and `reservation_soon` are the reminders."""
Channel = Literal["in_app", "email"]
CodePurpose = Literal["sign_in", "password_reset", "email_change"]
AccountFact = Literal[
    "email_changed", "password_changed", "organisation_invited", "organisation_joined"
]
OrganisationRole = Literal["owner", "manager", "viewer"]


class Notification(Struct, frozen=True, kw_only=True):
    """What a person was told, as the in-app list shows it."""

    notification_id: NotificationId
    kind: str
    """reservation_confirmed, payment_failed, …: see the choices for all of them."""
    title: str
    text: str
    reservation_id: UUID | None
    created_at: datetime
    mailed_at: datetime | None
    read_at: datetime | None = None


class Notifications(Struct, frozen=True, kw_only=True):
    """A page of the caller's notifications, newest first."""

    notifications: list[Notification]
    next_cursor: str | None = None
    unread: int = 0
    """Of all pages; counted up to 1,000."""


class Marked(Struct, frozen=True, kw_only=True):
    """How many notifications became read, and how many are still unread."""

    marked: int
    unread: int


class Choice(Struct, frozen=True, kw_only=True):
    """Whether one kind is told on one channel."""

    kind: Kind
    channel: Channel
    wanted: bool
    fixed: bool = False
    """Account mails cannot be switched off: they guard the account."""


class Choices(Struct, frozen=True, kw_only=True):
    """Every kind on every channel it can be told on."""

    choices: list[Choice]


class Wish(Struct, frozen=True, kw_only=True):
    """One kind on one channel, switched on or off."""

    kind: Kind
    channel: Channel
    wanted: bool


class CalendarFile(Struct, frozen=True, kw_only=True):
    """A booking as iCalendar text (RFC 5545), with the name to save it under."""

    name: str
    text: str


class MailAccepted(Struct, frozen=True, kw_only=True):
    """The mail will be sent."""

    notification_id: NotificationId


class SampleSilence(Struct, frozen=True, kw_only=True):
    """To how many of the drivers something would have been told before."""

    fresh: int


class SendSignInCode(Command[MailAccepted], frozen=True, kw_only=True):
    """Mail a code to an address; only services may ask."""

    email: Personal[str]
    code: Secret[str]
    language: str
    valid_until: datetime
    purpose: CodePurpose = "sign_in"
    """What the code is for: the mail says so, because who reads it must know what it opens."""

    def key(self) -> None:
        return None


class SendAccountNotice(Command[MailAccepted], frozen=True, kw_only=True):
    """Mail an address what was changed in its account; only services may ask."""

    email: Personal[str]
    """After a change of address the old one: the mail must reach who had the account."""
    fact: AccountFact
    language: str
    happened_at: datetime
    name: Personal[str] | None = None
    organisation: str = ""
    """The legal name of the one that invites; public."""
    role: OrganisationRole | None = None
    """In which they are wanted there."""
    until: datetime | None = None
    """How long an invitation waits."""

    def key(self) -> None:
        return None


class MarkRead(Command[Marked], frozen=True, kw_only=True):
    """The caller has read one notification, or all there are."""

    user_id: UserId
    notification_id: NotificationId | None = None
    """None = all."""

    def key(self) -> str:
        return str(self.user_id)


class SetChoices(Command[Choices], frozen=True, kw_only=True):
    """Switch kinds on or off, channel by channel; what is not named stays as it is."""

    user_id: UserId
    wishes: tuple[Wish, ...]

    def key(self) -> str:
        return str(self.user_id)


class EnsureSampleSilence(Command[SampleSilence], frozen=True, kw_only=True):
    """Tell these made-up drivers nothing; only the system may, in development only."""

    user_ids: tuple[UserId, ...]

    def key(self) -> None:
        return None


class ListNotifications(Query[Notifications], frozen=True, kw_only=True):
    """What the caller was told."""

    user_id: UserId
    limit: int = 20
    cursor: str | None = None
    unread_only: bool = False

    def key(self) -> str:
        return str(self.user_id)


class GetChoices(Query[Choices], frozen=True, kw_only=True):
    """What the caller wants to be told, and where."""

    user_id: UserId

    def key(self) -> str:
        return str(self.user_id)


class GetCalendarFile(Query[CalendarFile], frozen=True, kw_only=True):
    """A booking for the calendar of its driver."""

    reservation_id: ReservationId

    def key(self) -> str:
        return bucket_key(bucket_of(self.reservation_id))


class KnownVersion(Struct, frozen=True, kw_only=True):
    """How far a view has come with a booking; 0 where it has not heard of it."""

    version: int


class GetKnownVersion(Query[KnownVersion], frozen=True, kw_only=True):
    """Up to which version of a booking its events were heard here; only the edge asks."""

    reservation_id: ReservationId

    def key(self) -> str:
        return bucket_key(bucket_of(self.reservation_id))


class NotificationAdded(Event, frozen=True, kw_only=True):
    """Somebody's in-app list has a new line."""

    notification_id: NotificationId
    user_id: UserId
    kind: str
    reservation_id: UUID | None
    version: int = 1

    def key(self) -> str:
        return str(self.notification_id)


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


class ChoiceFixed(Conflict):
    """Account mails guard your account and cannot be switched off."""


class ChoiceUnknown(Invalid):
    """This kind is not told on this channel; see your choices for what there is."""


class NotificationNotFound(NotFound):
    """There is no such notification, or it is not yours."""


class CalendarFileNotFound(NotFound):
    """There is no booking for your calendar under this id: it is not confirmed, or not yours."""
