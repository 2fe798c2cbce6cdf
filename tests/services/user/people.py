"""People of the user service's tests: they ask for codes, register, sign in."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from tests.harness import Harness

from evslot.embedded.throwaway import PostgresServer
from evslot.services.notification.messages import SendAccountNotice, SendSignInCode
from evslot.services.user.messages import (
    RegisterUser,
    RequestPasswordCode,
    RequestSignInCode,
    SignedIn,
    SignInWithCode,
    SignInWithPassword,
)
from evslot.services.user.service import SERVICE
from evslot.spine.callers import AccessTokens, Caller
from evslot.spine.message import Personal, Refused, Secret

PASSWORD = "otter lantern copper weather"
OTHER_PASSWORD = "a kettle full of purple birds"


@pytest.fixture
async def h(postgres_server: PostgresServer) -> AsyncIterator[Harness]:
    async with Harness(SERVICE, postgres_server) as harness:
        yield harness


def new_address() -> str:
    return f"anna-{uuid4().hex[:8]}@example.org"


def mailed(h: Harness) -> list[SendSignInCode]:
    """All codes that were sent to be mailed, in order."""
    return [sent.command for sent in h.sent if isinstance(sent.command, SendSignInCode)]


def notices(h: Harness) -> list[SendAccountNotice]:
    """What owners of accounts were told by mail, in order."""
    return [sent.command for sent in h.sent if isinstance(sent.command, SendAccountNotice)]


async def ask_code(h: Harness, email: str) -> str:
    """The code that goes out, "" where none does."""
    before = len(mailed(h))
    await h.send(RequestSignInCode(email=Personal(email)))
    return "".join(mail.code.value for mail in mailed(h)[before:])


async def password_code(h: Harness, email: str) -> str:
    """The code that sets a new password, "" where none is mailed."""
    before = len(mailed(h))
    await h.send(RequestPasswordCode(email=Personal(email)))
    return "".join(mail.code.value for mail in mailed(h)[before:])


async def register(
    h: Harness, email: str, password: str = PASSWORD, name: str | None = "Anna"
) -> str:
    """The code that finishes the registration."""
    before = len(mailed(h))
    wanted = RegisterUser(
        email=Personal(email),
        password=Secret(password),
        name=Personal(name) if name else None,
        language="de",
        zone="Europe/Berlin",
    )
    await h.send(wanted)
    return "".join(mail.code.value for mail in mailed(h)[before:])


async def enter(h: Harness, email: str, code: str) -> SignedIn:
    return await h.send(SignInWithCode(email=Personal(email), code=Secret(code)))


async def sign_in(h: Harness, email: str, password: str = PASSWORD) -> SignedIn:
    return await h.send(SignInWithPassword(email=Personal(email), password=Secret(password)))


async def account(h: Harness, email: str | None = None) -> SignedIn:
    """A new person, signed in by a mailed code."""
    address = email or new_address()
    return await enter(h, address, await ask_code(h, address))


def caller_of(h: Harness, signed_in: SignedIn) -> Caller:
    """Who the edge sees with this access token."""
    token = signed_in.access_token.value
    return AccessTokens(h.keys).verify_edge(token, datetime.now(UTC))[0]


async def refusal(waiting: object) -> str:
    """The code of the refusal that must come."""
    with pytest.raises(Refused) as refused:
        await waiting  # type: ignore[misc]
    return refused.value.code


def wrong(code: str) -> str:
    """Another code."""
    return f"{(int(code) + 1) % 1_000_000:06d}"
