"""Accounts: register with a password, ask for a sign-in code, read one's own."""

from typing import Annotated

from litestar import get, post
from litestar.params import JSONBody
from msgspec import Meta

from evslot.gateway.answers import Account, account_of
from evslot.gateway.description import described
from evslot.gateway.parsing import Body
from evslot.gateway.visitors import Driver, Visitor
from evslot.services.user import messages as user
from evslot.spine.message import Personal, Secret

Email = Annotated[str, Meta(min_length=3, max_length=254)]
Language = Annotated[str, Meta(pattern="^[a-z]{2}$", description="ISO 639-1")]


class CodeWish(Body, frozen=True, kw_only=True):
    """Where to mail a 6-digit code."""

    email: Email
    language: Language = "en"


class NewUser(Body, frozen=True, kw_only=True):
    """An account with a password; it can sign in once the mailed code was entered."""

    email: Email
    password: Annotated[str, Meta(min_length=1, max_length=1000)]
    name: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    language: Language = "en"
    zone: Annotated[str, Meta(max_length=64, description="IANA time zone")] = "UTC"


@post(
    "/v1/sign-in-codes",
    opt=described(
        user.EmailInvalid,
        user.TooManyAttempts,
        example={"email": "ada@example.org", "language": "en"},
        tag="Accounts",
    ),
)
async def request_sign_in_code(data: JSONBody[CodeWish], visitor: Visitor) -> user.CodeRequested:
    """Mail a sign-in code: it signs in and, if need be, makes the account.

    The answer is the same whether or not the address is known.
    """
    return await visitor.send(
        user.RequestSignInCode(email=Personal(data.email), language=data.language)
    )


@post(
    "/v1/users",
    opt=described(
        user.EmailInvalid,
        user.PasswordTooWeak,
        user.TooManyAttempts,
        example={"email": "ada@example.org", "password": "correct horse battery staple"},
        tag="Accounts",
    ),
)
async def register_user(data: JSONBody[NewUser], visitor: Visitor) -> user.CodeRequested:
    """Make an account with a password; a code is mailed to prove the address."""
    return await visitor.send(
        user.RegisterUser(
            email=Personal(data.email),
            password=Secret(data.password),
            name=Personal(data.name) if data.name is not None else None,
            language=data.language,
            zone=data.zone,
        )
    )


@get("/v1/me", opt=described(user.UserNotFound, tag="Accounts"))
async def get_me(driver: Driver) -> Account:
    """The caller's own account with the organisations they act for."""
    return account_of(await driver.ask(user.GetMe(user_id=driver.user_id)))


ROUTES = [request_sign_in_code, register_user, get_me]
