"""What the user service tells."""

from evslot.services.user.messages.keys import OfOrganisation, OfUser
from evslot.services.user.messages.views import MemberRole
from evslot.spine.message import Event
from evslot.values import OrganisationId, SessionId, UserId


class UserRegistered(OfUser, Event, frozen=True, kw_only=True):
    """A person has an account with a proven address."""

    user_id: UserId
    language: str
    version: int


class UserChanged(OfUser, Event, frozen=True, kw_only=True):
    """A person changed the account; what it holds is asked for, never told."""

    user_id: UserId
    language: str
    zone: str
    version: int


class UserBlocked(OfUser, Event, frozen=True, kw_only=True):
    """A platform admin shut a person out; the sessions are over."""

    user_id: UserId
    version: int


class UserUnblocked(OfUser, Event, frozen=True, kw_only=True):
    """A person who was shut out may sign in again."""

    user_id: UserId
    version: int


class UserErased(OfUser, Event, frozen=True, kw_only=True):
    """A person is gone: whoever holds anything of them but numbers forgets it."""

    user_id: UserId
    version: int


class AdminGranted(OfUser, Event, frozen=True, kw_only=True):
    """A person became a platform admin (with the next access token)."""

    user_id: UserId
    version: int


class AdminRevoked(OfUser, Event, frozen=True, kw_only=True):
    """A person is no platform admin any more; the sessions are over."""

    user_id: UserId
    version: int


class PasswordReplaced(OfUser, Event, frozen=True, kw_only=True):
    """A person has a new password; the other sessions are over."""

    user_id: UserId
    version: int


class SessionEnded(OfUser, Event, frozen=True, kw_only=True):
    """A session is over: its access tokens are worth nothing at any edge from now on.

    reason: signed_out, ended_by_user, password_changed, email_changed, refresh_token_reused,
    membership_changed, api_key_revoked, blocked, erased. For an API key both ids are the key's.
    """

    user_id: UserId
    session_id: SessionId
    reason: str
    version: int = 1


class OrganisationCreated(OfOrganisation, Event, frozen=True, kw_only=True):
    """There is a new operator."""

    organisation_id: OrganisationId
    legal_name: str
    country: str
    owner_id: UserId
    approved: bool
    version: int


class OrganisationChanged(OfOrganisation, Event, frozen=True, kw_only=True):
    """The details of an operator are others, or it was approved."""

    organisation_id: OrganisationId
    legal_name: str
    country: str
    approved: bool
    version: int


class MembershipChanged(OfOrganisation, Event, frozen=True, kw_only=True):
    """Somebody joined an organisation, has another role in it, or left it."""

    organisation_id: OrganisationId
    user_id: UserId
    role: MemberRole | None
    """None = no longer a member."""
    version: int
    """Of the organisation."""
