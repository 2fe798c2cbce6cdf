"""What the user service can be asked, and what it tells."""

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
    TooMany,
    Unauthenticated,
)
from evslot.values import OrganisationId, SessionId, UserId


class CodeRequested(Struct, frozen=True, kw_only=True):
    """The same answer whether or not the address is known: nobody learns who has an account."""

    valid_seconds: int


class SignedIn(Struct, frozen=True, kw_only=True):
    """A new session, or the next pair of tokens of one."""

    user_id: UserId
    session_id: SessionId
    access_token: Secret[str]
    """`<JWT>.<secret>`, valid for `access_seconds`."""
    access_seconds: int
    refresh_token: Secret[str]


class OrganisationView(Struct, frozen=True, kw_only=True):
    """An operator, with the legal block that receipts name."""

    organisation_id: OrganisationId
    legal_name: str
    address: str
    country: str
    vat_id: str | None
    contact_email: str
    phone: str
    approved: bool
    role: str | None = None
    """The caller's own role in it: owner, manager or viewer."""
    version: int = 1


class Me(Struct, frozen=True, kw_only=True):
    """The caller's own account."""

    user_id: UserId
    email: Personal[str]
    name: Personal[str] | None
    language: str
    zone: str
    verified: bool
    has_password: bool
    organisations: list[OrganisationView]


class Contact(Struct, frozen=True, kw_only=True):
    """How to reach a person; asked for by the notification service when it sends."""

    user_id: UserId
    email: Personal[str]
    name: Personal[str] | None
    language: str
    zone: str


class RequestSignInCode(Command[CodeRequested], frozen=True, kw_only=True):
    """Mail a 6-digit code to an address; it signs in and, if need be, makes the account."""

    email: Personal[str]
    language: str = "en"

    def key(self) -> None:
        return None  # an address must not become a record key


class RegisterUser(Command[CodeRequested], frozen=True, kw_only=True):
    """Make an account with a password; it can sign in once the mailed code was entered."""

    email: Personal[str]
    password: Secret[str]
    name: Personal[str] | None = None
    language: str = "en"
    zone: str = "UTC"

    def key(self) -> None:
        return None


class SignInWithCode(Command[SignedIn], frozen=True, kw_only=True):
    """Enter the mailed code: verifies the address and opens a session."""

    email: Personal[str]
    code: Secret[str]

    def key(self) -> None:
        return None


class SignInWithPassword(Command[SignedIn], frozen=True, kw_only=True):
    """Open a session with e-mail and password."""

    email: Personal[str]
    password: Secret[str]

    def key(self) -> None:
        return None


class RefreshSession(Command[SignedIn], frozen=True, kw_only=True):
    """Trade a refresh token for the next pair; a token used twice ends the whole session."""

    refresh_token: Secret[str]

    def key(self) -> None:
        return None


class EndSession(Command["SessionEnded"], frozen=True, kw_only=True):
    """Sign out: the caller's session is dead at once."""

    user_id: UserId

    def key(self) -> str:
        return str(self.user_id)


class CreateOrganisation(Command["OrganisationCreated"], frozen=True, kw_only=True):
    """Register an operator; its maker becomes the owner (seen in the next access token)."""

    organisation_id: OrganisationId
    """Made by the edge from the command id, so that a repeat names the same one."""
    legal_name: str
    address: str
    country: str
    """ISO 3166-1 alpha-2."""
    contact_email: str
    phone: str
    vat_id: str | None = None
    register: str | None = None

    def key(self) -> str:
        return str(self.organisation_id)


class GetMe(Query[Me], frozen=True, kw_only=True):
    """The caller's own account."""

    user_id: UserId

    def key(self) -> str:
        return str(self.user_id)


class GetContact(Query[Contact], frozen=True, kw_only=True):
    """How to reach a person; only services may ask."""

    user_id: UserId

    def key(self) -> str:
        return str(self.user_id)


class GetOrganisation(Query[OrganisationView], frozen=True, kw_only=True):
    """One organisation, for its members; services may ask too (receipts)."""

    organisation_id: OrganisationId

    def key(self) -> str:
        return str(self.organisation_id)


class UserRegistered(Event, frozen=True, kw_only=True):
    """A person has an account with a proven address."""

    user_id: UserId
    language: str
    version: int

    def key(self) -> str:
        return str(self.user_id)


class SessionEnded(Event, frozen=True, kw_only=True):
    """A session is over (sign-out, refresh token reused, membership changed)."""

    user_id: UserId
    session_id: SessionId
    reason: str
    version: int = 1

    def key(self) -> str:
        return str(self.user_id)


class OrganisationCreated(Event, frozen=True, kw_only=True):
    """There is a new operator."""

    organisation_id: OrganisationId
    legal_name: str
    country: str
    owner_id: UserId
    approved: bool
    version: int

    def key(self) -> str:
        return str(self.organisation_id)


class WrongCredentials(Unauthenticated):
    """E-mail and password (or code) do not match; ask for a new code if you are unsure."""


class RefreshTokenInvalid(Unauthenticated):
    """This refresh token is unknown, used up or ended; sign in again."""


class TooManyAttempts(TooMany):
    """Too many wrong tries; ask for a new code."""


class PasswordTooWeak(Invalid):
    """Choose a password of at least 15 characters that is not a well-known one."""


class EmailInvalid(Invalid):
    """This is not an e-mail address."""


class ProfileInvalid(Invalid):
    """Name, language or time zone are not acceptable; `field` says which."""


class OrganisationInvalid(Invalid):
    """The details of the organisation are not acceptable."""


class OrganisationNotFound(NotFound):
    """There is no such organisation, or you are not a member."""


class UserNotFound(NotFound):
    """There is no such account."""


class TooManyOrganisations(Conflict):
    """You belong to as many organisations as one person can."""


class OrganisationExists(Conflict):
    """This organisation id is taken."""


class OnlyForServices(Forbidden):
    """Only services may ask this."""
