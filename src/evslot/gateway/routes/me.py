"""One's own account: profile, password, address, sessions, export, erasure."""

from typing import Annotated, Any, get_args

from litestar import delete, get, patch, post, put
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Meta, UnsetType

from evslot.gateway.description import described
from evslot.gateway.parsing import Body
from evslot.gateway.people import Account, AccountExport, opened
from evslot.gateway.routes.users import Code, Email, Language, Password
from evslot.gateway.visitors import Driver
from evslot.services.user import messages as user
from evslot.spine.message import Personal, Secret
from evslot.values import SessionId

EMPTIABLE: frozenset[str] = frozenset(get_args(user.ProfileField))


class ProfileChange(Body, frozen=True, kw_only=True):
    """What is left out stays; `null` empties a field."""

    name: Annotated[str, Meta(min_length=1, max_length=200)] | UnsetType | None = UNSET
    phone: (
        Annotated[str, Meta(min_length=3, max_length=32, description="E.164")] | UnsetType | None
    ) = UNSET
    company: Annotated[str, Meta(min_length=1, max_length=200)] | UnsetType | None = UNSET
    vat_id: Annotated[str, Meta(min_length=1, max_length=32)] | UnsetType | None = UNSET
    invoice_address: Annotated[str, Meta(min_length=1, max_length=500)] | UnsetType | None = UNSET
    language: Language | UnsetType = UNSET
    zone: Annotated[str, Meta(max_length=64, description="IANA time zone")] | UnsetType = UNSET
    units: user.Units | UnsetType = UNSET


class PasswordChange(Body, frozen=True, kw_only=True):
    """The new password, and exactly one proof: the present one, or a code of /v1/password-codes."""

    password: Password
    present: Password | None = None
    code: Code | None = None

    def __post_init__(self) -> None:
        if (self.present is None) == (self.code is None):
            raise ValueError("give either `present` or `code`")


class EmailWish(Body, frozen=True, kw_only=True):
    """The address that is to be the account's."""

    email: Email


class EmailChange(Body, frozen=True, kw_only=True):
    """The new address with the code that was mailed there, and exactly one proof besides.

    `present` is the password, `present_code` a code of /v1/password-codes for the old address.
    """

    email: Email
    code: Code
    present: Password | None = None
    present_code: Code | None = None


@get("/v1/me", opt=described(user.UserNotFound, user.NotForApiKeys, tag="Accounts"))
async def get_me(driver: Driver) -> Account:
    """The caller's own account with the organisations they act for."""
    return opened(await driver.ask(user.GetMe(user_id=driver.user_id)), Account)


@patch(
    "/v1/me",
    opt=described(
        user.ProfileInvalid,
        user.UserNotFound,
        user.NotForApiKeys,
        example={"name": "Ada", "phone": "+49301234567", "company": None, "units": "metric"},
        tag="Accounts",
    ),
)
async def change_profile(data: JSONBody[ProfileChange], driver: Driver) -> Account:
    """Change what one says of oneself; what is left out stays, `null` empties."""
    given = {
        name: value
        for name in data.__struct_fields__
        if (value := getattr(data, name)) is not UNSET
    }
    fields: dict[str, Any] = {
        name: Personal(value) if name in EMPTIABLE else value
        for name, value in given.items()
        if value is not None
    }
    emptied: Any = tuple(name for name, value in given.items() if value is None)
    command = user.ChangeProfile(user_id=driver.user_id, emptied=emptied, **fields)
    return opened(await driver.send(command), Account)


@delete(
    "/v1/me", opt=described(user.LastOwner, user.UserNotFound, user.NotForApiKeys, tag="Accounts")
)
async def erase_account(driver: Driver) -> None:
    """Erase the account for good: it is emptied, all sessions end, other services forget too.

    What is booked is cancelled by its terms. Receipts and the ledger keep their sums under a
    number, as the law demands.
    """
    await driver.send(user.EraseUser(user_id=driver.user_id))


@get("/v1/me/export", opt=described(user.UserNotFound, user.NotForApiKeys, tag="Accounts"))
async def export_account(driver: Driver) -> AccountExport:
    """Everything the user service holds about the caller, and where the rest is read."""
    return opened(await driver.ask(user.GetExport(user_id=driver.user_id)), AccountExport)


@put(
    "/v1/me/password",
    status_code=204,
    opt=described(
        user.WrongPassword,
        user.WrongCode,
        user.PasswordTooWeak,
        user.TooManyAttempts,
        user.UserNotFound,
        user.NotForApiKeys,
        example={
            "present": "correct horse battery staple",
            "password": "a kettle full of purple birds",
        },
        tag="Accounts",
    ),
)
async def change_password(data: JSONBody[PasswordChange], driver: Driver) -> None:
    """Set a new password; all other sessions end."""
    await driver.send(
        user.ChangePassword(
            user_id=driver.user_id,
            password=Secret(data.password),
            present=Secret(data.present) if data.present is not None else None,
            code=Secret(data.code) if data.code is not None else None,
        )
    )


@post(
    "/v1/me/email-codes",
    opt=described(
        user.EmailInvalid,
        user.UserNotFound,
        user.NotForApiKeys,
        example={"email": "ada.lovelace@example.org"},
        tag="Accounts",
    ),
)
async def request_email_code(data: JSONBody[EmailWish], driver: Driver) -> user.CodeRequested:
    """Mail a code to the address that is to be the account's."""
    return await driver.send(
        user.RequestEmailCode(user_id=driver.user_id, email=Personal(data.email))
    )


@put(
    "/v1/me/email",
    opt=described(
        user.WrongPassword,
        user.WrongCode,
        user.EmailInvalid,
        user.EmailTaken,
        user.TooManyAttempts,
        user.UserNotFound,
        user.NotForApiKeys,
        example={
            "email": "ada.lovelace@example.org",
            "code": "123456",
            "present": "correct horse battery staple",
        },
        tag="Accounts",
    ),
)
async def change_email(data: JSONBody[EmailChange], driver: Driver) -> Account:
    """Make the new address the account's: the old one is told, all other sessions end.

    Being signed in is not enough: the present password, or a code mailed to the old address, shows
    that it is the owner who asks.
    """
    command = user.ChangeEmail(
        user_id=driver.user_id,
        email=Personal(data.email),
        code=Secret(data.code),
        present=Secret(data.present) if data.present is not None else None,
        present_code=Secret(data.present_code) if data.present_code is not None else None,
    )
    return opened(await driver.send(command), Account)


@get("/v1/me/sessions", opt=described(user.UserNotFound, user.NotForApiKeys, tag="Accounts"))
async def list_sessions(driver: Driver) -> user.Sessions:
    """Where the caller is signed in, lately used first."""
    return await driver.ask(user.ListSessions(user_id=driver.user_id))


@delete("/v1/me/sessions", opt=described(user.UserNotFound, user.NotForApiKeys, tag="Accounts"))
async def end_other_sessions(driver: Driver) -> None:
    """Sign out everywhere else: all sessions but this one are dead at once."""
    await driver.send(user.EndOtherSessions(user_id=driver.user_id))


@delete(
    "/v1/me/sessions/{session_id:uuid}",
    opt=described(user.SessionNotFound, user.NotForApiKeys, tag="Accounts"),
)
async def end_one_session(session_id: FromPath[SessionId], driver: Driver) -> None:
    """Sign out somewhere: that session and its tokens are dead at once."""
    await driver.send(user.EndSession(user_id=driver.user_id, session_id=session_id))


ROUTES = [
    get_me,
    change_profile,
    erase_account,
    export_account,
    change_password,
    request_email_code,
    change_email,
    list_sessions,
    end_other_sessions,
    end_one_session,
]
