"""Sessions: sign in by code, password or API key, refresh, sign out; sample people."""

from typing import Annotated

from litestar import delete, post
from litestar.params import JSONBody
from msgspec import Meta

from evslot.gateway.answers import Session, session_of
from evslot.gateway.description import described
from evslot.gateway.parsing import Body
from evslot.gateway.routes.users import Email
from evslot.gateway.visitors import Driver, Visitor
from evslot.services.user import messages as user
from evslot.spine.message import Command, Personal, Secret


class Credentials(Body, frozen=True, kw_only=True):
    """One of: email and code; email and password; refresh_token; api_key."""

    email: Email | None = None
    code: Annotated[str, Meta(min_length=1, max_length=32)] | None = None
    password: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None
    refresh_token: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None
    api_key: Annotated[str, Meta(min_length=1, max_length=200)] | None = None

    def __post_init__(self) -> None:
        given = {name for name in self.__struct_fields__ if getattr(self, name) is not None}
        if given not in (
            {"email", "code"},
            {"email", "password"},
            {"refresh_token"},
            {"api_key"},
        ):
            raise ValueError("give email and code, email and password, refresh_token, or api_key")

    def command(self) -> Command[user.SignedIn]:
        """The command for what was given."""
        if self.refresh_token is not None:
            return user.RefreshSession(refresh_token=Secret(self.refresh_token))
        if self.api_key is not None:
            return user.SignInWithApiKey(api_key=Secret(self.api_key))
        email = Personal(self.email or "")
        if self.code is not None:
            return user.SignInWithCode(email=email, code=Secret(self.code))
        return user.SignInWithPassword(email=email, password=Secret(self.password or ""))


class SampleWish(Body, frozen=True, kw_only=True):
    """Which sample person to be."""

    role: user.SampleRole
    number: Annotated[int, Meta(ge=1, le=400)] | None = None
    """One of the made-up drivers who fill the sample with bookings."""


@post(
    "/v1/sessions",
    opt=described(
        user.WrongCredentials,
        user.RefreshTokenInvalid,
        user.ApiKeyInvalid,
        user.EmailInvalid,
        user.TooManyAttempts,
        example={"email": "ada@example.org", "code": "123456"},
        tag="Accounts",
    ),
)
async def open_session(data: JSONBody[Credentials], visitor: Visitor) -> Session:
    """Sign in, or trade a refresh token for the next pair of tokens.

    A refresh token can be used once; used again later, the whole session ends. An API key gives
    an access token alone.
    """
    return session_of(await visitor.send(data.command()))


@delete(
    "/v1/sessions/current", opt=described(user.UserNotFound, user.NotForApiKeys, tag="Accounts")
)
async def end_session(driver: Driver) -> None:
    """Sign out: the session and its tokens are dead at once."""
    await driver.send(user.EndSession(user_id=driver.user_id))


@post(
    "/v1/sample-sessions",
    opt=described(
        user.SampleAccountsOff,
        user.WrongCredentials,
        example={"role": "driver"},
        tag="Accounts",
        limit="open",
    ),
)
async def open_sample_session(data: JSONBody[SampleWish], visitor: Visitor) -> Session:
    """Sign in as a sample person; in development only, nowhere else is there one."""
    return session_of(
        await visitor.send(user.OpenSampleSession(role=data.role, number=data.number))
    )


ROUTES = [open_session, end_session, open_sample_session]
