"""Registrations of one address by its owner and by a stranger: no stranger's password gets in."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from tests.harness import Harness
from tests.services.user.people import (
    OTHER_PASSWORD,
    PASSWORD,
    ask_code,
    caller_of,
    enter,
    h,
    mailed,
    new_address,
    refusal,
    register,
    sign_in,
)

from evslot.services.user.messages import GetMe
from evslot.spine.message import Personal

__all__ = ["h"]
pytestmark = pytest.mark.anyio

CAP = 5
"""Codes an hour that are mailed to one address."""

Asks = Callable[[Harness, str], Coroutine[Any, Any, str]]


async def stranger(h: Harness, email: str) -> str:
    return await register(h, email, OTHER_PASSWORD, name="Mallory")


async def owner(h: Harness, email: str) -> str:
    return await register(h, email, PASSWORD, name="Anna")


async def owner_by_code(h: Harness, email: str) -> str:
    return await ask_code(h, email)


async def has_taken_on_nothing(h: Harness, email: str) -> bool:
    """Whether the code mailed last makes an account without password and name."""
    signed_in = await enter(h, email, mailed(h)[-1].code.value)
    me = await h.ask(GetMe(user_id=signed_in.user_id), caller=caller_of(h, signed_in))
    for password in (PASSWORD, OTHER_PASSWORD):
        assert await refusal(sign_in(h, email, password)) == "wrong_credentials"
    return (me.has_password, me.name) == (False, None)


@pytest.mark.parametrize(
    "order",
    [
        pytest.param([stranger] * CAP + [owner], id="the owner registers too late to be mailed"),
        pytest.param([stranger] * CAP + [owner_by_code], id="the owner asks for a plain code"),
        pytest.param([stranger] * CAP + [owner, stranger], id="stranger, owner, stranger"),
        pytest.param(
            [stranger] * CAP + [owner_by_code, stranger], id="stranger, plain code, stranger"
        ),
        pytest.param([owner, *[stranger] * CAP], id="the owner first"),
        pytest.param([*[owner] * CAP, stranger], id="a stranger too late to be mailed"),
        pytest.param([owner, *[stranger] * CAP, owner, owner], id="the owner at both ends"),
        pytest.param([owner_by_code, *[stranger] * CAP], id="a plain code first"),
    ],
)
async def test_no_password_is_taken_on_beyond_the_codes_that_are_mailed(
    h: Harness, order: list[Asks]
) -> None:
    email = new_address()
    codes = [await ask(h, email) for ask in order]
    assert [bool(code) for code in codes] == [at < CAP for at in range(len(order))]
    assert await has_taken_on_nothing(h, email)


async def test_an_owner_who_keeps_asking_keeps_the_password(h: Harness) -> None:
    email = new_address()
    for _ in range(CAP + 2):
        await owner(h, email)
    signed_in = await enter(h, email, mailed(h)[-1].code.value)
    me = await h.ask(GetMe(user_id=signed_in.user_id), caller=caller_of(h, signed_in))
    assert (me.has_password, me.name) == (True, Personal("Anna"))
    assert await sign_in(h, email)


async def test_a_password_lasts_though_the_first_code_is_too_old(h: Harness) -> None:
    email = new_address()
    await owner(h, email)
    await h.execute("update sign_in_code set expires_at = now()")
    await enter(h, email, await owner(h, email))
    assert await sign_in(h, email)


async def test_a_stranger_who_waits_until_the_owners_code_is_too_old_gets_nothing_in(
    h: Harness,
) -> None:
    """The owner who reads mail late sees a fresh code, and cannot know who asked for it."""
    email = new_address()
    await owner_by_code(h, email)
    await h.execute("update sign_in_code set expires_at = now()")
    await stranger(h, email)
    assert await has_taken_on_nothing(h, email)


async def test_an_owner_who_was_mailed_nothing_counts_when_codes_are_mailed_again(
    h: Harness,
) -> None:
    """The owner waits for a mail, and the one that comes was asked for by the stranger."""
    email = new_address()
    for _ in range(CAP):
        await stranger(h, email)
    assert await owner_by_code(h, email) == ""
    await h.execute(
        """update sign_in_code set created_at = created_at - interval '61 minutes',
                                   expires_at = expires_at - interval '61 minutes'"""
    )
    assert await stranger(h, email)
    assert await has_taken_on_nothing(h, email)


async def test_a_stranger_who_asks_in_the_same_moment_gets_no_password_in(h: Harness) -> None:
    """Two open transactions: neither request sees the other, and the stranger's is newer."""
    email = new_address()
    await owner_by_code(h, email)
    (asked,) = await h.fetch("delete from sign_in_code returning *")
    async with h.database.transaction() as connection:
        await connection.execute(
            """insert into sign_in_code (purpose, address_mac, code_mac, created_at, expires_at,
                                         language, zone)
               values ($1, $2, $3, $4, $5, $6, $7)""",
            *(asked[name] for name in ("purpose", "address_mac", "code_mac", "created_at")),
            *(asked[name] for name in ("expires_at", "language", "zone")),
        )
        await stranger(h, email)
    assert await has_taken_on_nothing(h, email)


async def test_what_is_asked_for_beyond_the_cap_looks_the_same_with_and_without_an_account(
    h: Harness,
) -> None:
    known, unknown = new_address(), new_address()
    await enter(h, known, await owner(h, known))
    await h.execute("delete from sign_in_code")
    rows = []
    for email in (known, unknown):
        for ask in [*[stranger] * CAP, owner]:
            await ask(h, email)
        rows.append(
            await h.fetch("select tries, used_at, password_hash is null as empty from sign_in_code")
        )
        await h.execute("delete from sign_in_code")
    assert rows[0] == rows[1]
