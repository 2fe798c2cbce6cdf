"""Sessions: sign in by code or password, refresh, sign out."""

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
    """One of: email and code; email and password; refresh_token."""

    email: Email | None = None
    code: Annotated[str, Meta(min_length=1, max_length=32)] | None = None
    password: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None
    refresh_token: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None

    def __post_init__(self) -> None:
        given = {name for name in self.__struct_fields__ if getattr(self, name) is not None}
        if given not in ({"email", "code"}, {"email", "password"}, {"refresh_token"}):
            raise ValueError("give email and code, or email and password, or refresh_token")

    def command(self) -> Command[user.SignedIn]:
        """The command for what was given."""
        if self.refresh_token is not None:
            return user.RefreshSession(refresh_token=Secret(self.refresh_token))
        email = Personal(self.email or "")
        if self.code is not None:
            return user.SignInWithCode(email=email, code=Secret(self.code))
        return user.SignInWithPassword(email=email, password=Secret(self.password or ""))


@post(
    "/v1/sessions",
    opt=described(
        user.WrongCredentials,
        user.RefreshTokenInvalid,
        user.TooManyAttempts,
        example={"email": "ada@example.org", "code": "123456"},
        tag="Accounts",
    ),
)
async def open_session(data: JSONBody[Credentials], visitor: Visitor) -> Session:
    """Sign in, or trade a refresh token for the next pair of tokens.

    A refresh token can be used once; used again later, the whole session ends.
    """
    return session_of(await visitor.send(data.command()))


@delete("/v1/sessions/current", opt=described(tag="Accounts"))
async def end_session(driver: Driver) -> None:
    """Sign out: the session and its tokens are dead at once."""
    await driver.send(user.EndSession(user_id=driver.user_id))


ROUTES = [open_session, end_session]
