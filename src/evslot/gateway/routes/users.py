"""Accounts: register, have codes mailed, set a forgotten password; and what admins see of them."""

from typing import Annotated

from litestar import delete, get, post, put
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from evslot.gateway.answers import Session, session_of
from evslot.gateway.description import described
from evslot.gateway.parsing import Body, Parameters
from evslot.gateway.people import FoundUsers, opened
from evslot.gateway.visitors import Driver, EdgeRequest, Visitor
from evslot.services.user import messages as user
from evslot.spine.message import Personal, Secret
from evslot.values import UserId

Email = Annotated[str, Meta(min_length=3, max_length=254)]
Language = Annotated[str, Meta(pattern="^[a-z]{2}$", description="ISO 639-1")]
Password = Annotated[str, Meta(min_length=1, max_length=1000)]
Code = Annotated[str, Meta(min_length=1, max_length=32)]


class CodeWish(Body, frozen=True, kw_only=True):
    """Where to mail a 6-digit code."""

    email: Email
    language: Language = "en"


class NewUser(Body, frozen=True, kw_only=True):
    """An account with a password; it can sign in once the mailed code was entered."""

    email: Email
    password: Password
    name: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    language: Language = "en"
    zone: Annotated[str, Meta(max_length=64, description="IANA time zone")] = "UTC"


class NewPassword(Body, frozen=True, kw_only=True):
    """A password for an account whose owner reads its mail."""

    email: Email
    code: Code
    password: Password


class UsersWish(Parameters, frozen=True, kw_only=True):
    """All accounts, or the one of an address."""

    email: Email | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, Meta(min_length=1, max_length=100)] | None = None


@post(
    "/v1/sign-in-codes",
    opt=described(
        user.EmailInvalid,
        user.ProfileInvalid,
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
        user.ProfileInvalid,
        user.PasswordTooWeak,
        user.TooManyAttempts,
        example={"email": "ada@example.org", "password": "correct horse battery staple"},
        tag="Accounts",
    ),
)
async def register_user(data: JSONBody[NewUser], visitor: Visitor) -> user.CodeRequested:
    """Make an account with a password; a code is mailed to prove the address.

    Where somebody else asked for codes of the address within two hours, the account is made
    without password and name: set them after signing in.
    """
    return await visitor.send(
        user.RegisterUser(
            email=Personal(data.email),
            password=Secret(data.password),
            name=Personal(data.name) if data.name is not None else None,
            language=data.language,
            zone=data.zone,
        )
    )


@post(
    "/v1/password-codes",
    opt=described(
        user.EmailInvalid,
        user.ProfileInvalid,
        example={"email": "ada@example.org", "language": "en"},
        tag="Accounts",
    ),
)
async def request_password_code(data: JSONBody[CodeWish], visitor: Visitor) -> user.CodeRequested:
    """Mail a code that sets a new password.

    The answer is the same whether or not the address has an account.
    """
    return await visitor.send(
        user.RequestPasswordCode(email=Personal(data.email), language=data.language)
    )


@post(
    "/v1/password-resets",
    opt=described(
        user.WrongCredentials,
        user.PasswordTooWeak,
        user.EmailInvalid,
        user.TooManyAttempts,
        example={
            "email": "ada@example.org",
            "code": "123456",
            "password": "a kettle full of purple birds",
        },
        tag="Accounts",
    ),
)
async def reset_password(data: JSONBody[NewPassword], visitor: Visitor) -> Session:
    """Set a new password with a mailed code: every session ends, a new one opens."""
    return session_of(
        await visitor.send(
            user.ResetPassword(
                email=Personal(data.email),
                code=Secret(data.code),
                password=Secret(data.password),
            )
        )
    )


@get(
    "/v1/users",
    opt=described(user.OnlyForAdmins, user.CursorInvalid, parameters=UsersWish, tag="Platform"),
)
async def find_users(request: EdgeRequest, driver: Driver) -> FoundUsers:
    """Accounts, newest first, or the one of an address; for platform admins."""
    wish = request.parameters(UsersWish)
    found = await driver.ask(
        user.FindUsers(
            email=Personal(wish.email) if wish.email is not None else None,
            limit=wish.limit,
            cursor=wish.cursor,
        )
    )
    return opened(found, FoundUsers)


@put(
    "/v1/users/{user_id:uuid}/block",
    opt=described(user.OnlyForAdmins, user.UserNotFound, user.NotYourself, tag="Platform"),
)
async def block_user(user_id: FromPath[UserId], driver: Driver) -> user.UserBlocked:
    """Shut a person out: the sessions end, nobody signs in; for platform admins."""
    return await driver.send(user.BlockUser(user_id=user_id))


@delete(
    "/v1/users/{user_id:uuid}/block",
    opt=described(user.OnlyForAdmins, user.UserNotFound, tag="Platform"),
)
async def unblock_user(user_id: FromPath[UserId], driver: Driver) -> None:
    """Let a person who was shut out sign in again; for platform admins."""
    await driver.send(user.UnblockUser(user_id=user_id))


ROUTES = [
    request_sign_in_code,
    register_user,
    request_password_code,
    reset_password,
    find_users,
    block_user,
    unblock_user,
]
