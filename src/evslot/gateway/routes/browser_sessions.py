"""Sessions of browsers: sign in and out with a cookie that no script can read."""

from typing import Annotated

from litestar import delete, get, post
from litestar.params import JSONBody
from msgspec import Meta, Struct

from evslot.gateway.backend import Accepted
from evslot.gateway.browser_sessions import (
    Browsers,
    ForeignPage,
    SessionTooLarge,
    require_own_page,
)
from evslot.gateway.description import described
from evslot.gateway.parsing import Body
from evslot.gateway.routes.users import Email
from evslot.gateway.visitors import EdgeRequest, Visitor
from evslot.services.user import messages as user
from evslot.spine.message import Command, Personal, Secret
from evslot.values import SessionId, UserId


class BrowserCredentials(Body, frozen=True, kw_only=True):
    """One of: email and code; email and password; sample_role (in development)."""

    email: Email | None = None
    code: Annotated[str, Meta(min_length=1, max_length=32)] | None = None
    password: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None
    sample_role: user.SampleRole | None = None

    def __post_init__(self) -> None:
        given = {name for name in self.__struct_fields__ if getattr(self, name) is not None}
        if given not in ({"email", "code"}, {"email", "password"}, {"sample_role"}):
            raise ValueError("give email and code, or email and password, or sample_role")

    def command(self) -> Command[user.SignedIn]:
        """The command for what was given."""
        if self.sample_role is not None:
            return user.OpenSampleSession(role=self.sample_role)
        email = Personal(self.email or "")
        if self.code is not None:
            return user.SignInWithCode(email=email, code=Secret(self.code))
        return user.SignInWithPassword(email=email, password=Secret(self.password or ""))


class BrowserSession(Struct, frozen=True, kw_only=True):
    """Who this browser is signed in as; the tokens are in the cookie."""

    signed_in: bool
    user_id: UserId | None = None
    session_id: SessionId | None = None


@post(
    "/v1/browser-sessions",
    opt=described(
        user.WrongCredentials,
        user.TooManyAttempts,
        user.SampleAccountsOff,
        ForeignPage,
        SessionTooLarge,
        example={"email": "ada@example.org", "code": "123456"},
        tag="Accounts",
    ),
)
async def open_browser_session(
    request: EdgeRequest, data: JSONBody[BrowserCredentials], visitor: Visitor, browsers: Browsers
) -> BrowserSession:
    """Sign this browser in: the answer sets a cookie that only pages of this origin send.

    Cookie and tokens are renewed by themselves for as long as the session lasts.
    """
    require_own_page(request)
    signed_in = await visitor.send(data.command())
    browsers.open(request, signed_in)
    return BrowserSession(
        signed_in=True, user_id=signed_in.user_id, session_id=signed_in.session_id
    )


@get("/v1/browser-sessions/current", opt=described(tag="Accounts"))
async def get_browser_session(visitor: Visitor) -> BrowserSession:
    """Whether this browser is signed in, and as whom."""
    caller = visitor.caller
    return BrowserSession(
        signed_in=caller.user_id is not None,
        user_id=caller.user_id,
        session_id=caller.session_id,
    )


@delete("/v1/browser-sessions/current", opt=described(ForeignPage, tag="Accounts"))
async def end_browser_session(request: EdgeRequest, visitor: Visitor, browsers: Browsers) -> None:
    """Sign this browser out; nothing happens where it is not signed in.

    The cookie stays until the session is over, so that a repeat can end it.
    """
    if visitor.caller.user_id is not None:
        try:
            await visitor.send(user.EndSession(user_id=visitor.caller.user_id))
        except Accepted:
            browsers.close(request)  # it was taken and will be done
            raise
    browsers.close(request)


ROUTES = [open_browser_session, get_browser_session, end_browser_session]
