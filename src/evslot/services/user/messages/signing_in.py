"""Codes, passwords, keys, and the sessions they open."""

from evslot.services.user.messages.events import PasswordReplaced, SessionEnded
from evslot.services.user.messages.keys import OfUser
from evslot.services.user.messages.views import (
    CodeRequested,
    SampleDrivers,
    SampleRole,
    Sessions,
    SessionsClosed,
    SignedIn,
)
from evslot.spine.message import Command, Personal, Query, Secret
from evslot.values import SessionId, UserId


class RequestSignInCode(Command[CodeRequested], frozen=True, kw_only=True):
    """Mail a 6-digit code to an address; it signs in and, if need be, makes the account."""

    email: Personal[str]
    language: str = "en"

    def key(self) -> None:
        return None  # an address must not become a record key


class RegisterUser(Command[CodeRequested], frozen=True, kw_only=True):
    """Make an account with a password; it can sign in once the mailed code was entered.

    Where codes of the address were asked for otherwise within two hours, with another password or
    none, the account is made without password and name: nobody can tell who asked for which code.
    """

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


class SignInWithApiKey(Command[SignedIn], frozen=True, kw_only=True):
    """Exchange an API key for an access token with the role its scopes give."""

    api_key: Secret[str]

    def key(self) -> None:
        return None


class OpenSampleSession(Command[SignedIn], frozen=True, kw_only=True):
    """Sign in as a sample person, who is made if need be; in development only."""

    role: SampleRole
    number: int | None = None
    """One of the drivers who fill the sample with bookings, from 1."""

    def key(self) -> None:
        return None


class EnsureSampleDrivers(Command[SampleDrivers], frozen=True, kw_only=True):
    """Have the drivers who fill the sample; only the system may, in development only."""

    def key(self) -> None:
        return None


class RefreshSession(Command[SignedIn], frozen=True, kw_only=True):
    """Trade a refresh token for the next pair; a token used twice ends the whole session."""

    refresh_token: Secret[str]

    def key(self) -> None:
        return None


class RequestPasswordCode(Command[CodeRequested], frozen=True, kw_only=True):
    """Mail a code that sets a new password; nothing is mailed where there is no account."""

    email: Personal[str]
    language: str = "en"

    def key(self) -> None:
        return None


class ResetPassword(Command[SignedIn], frozen=True, kw_only=True):
    """Set a new password with a mailed code: all sessions end, a new one opens."""

    email: Personal[str]
    code: Secret[str]
    password: Secret[str]

    def key(self) -> None:
        return None


class ChangePassword(OfUser, Command[PasswordReplaced], frozen=True, kw_only=True):
    """Set a new password; proven by the present one or by a mailed code, exactly one of them.

    All other sessions end.
    """

    user_id: UserId
    password: Secret[str]
    """The new one."""
    present: Secret[str] | None = None
    code: Secret[str] | None = None


class RequestEmailCode(OfUser, Command[CodeRequested], frozen=True, kw_only=True):
    """Mail a code to an address that is to become the account's."""

    user_id: UserId
    email: Personal[str]


class ListSessions(OfUser, Query[Sessions], frozen=True, kw_only=True):
    """Where the caller is signed in."""

    user_id: UserId


class EndSession(OfUser, Command[SessionEnded], frozen=True, kw_only=True):
    """End one session of the caller, which is dead at once at every edge.

    A service takes what an edge has let in: what was on its way when the session ended is done.
    """

    user_id: UserId
    session_id: SessionId | None = None
    """None = the one that asks: sign out."""


class EndOtherSessions(OfUser, Command[SessionsClosed], frozen=True, kw_only=True):
    """End all sessions of the caller but the one that asks."""

    user_id: UserId
