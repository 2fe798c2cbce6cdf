"""Passwords that are forgotten or changed: by mailed codes, or by the present one."""

import pytest
from tests.harness import Harness
from tests.services.user.people import (
    OTHER_PASSWORD,
    PASSWORD,
    account,
    caller_of,
    enter,
    h,
    mailed,
    new_address,
    notices,
    password_code,
    refusal,
    register,
    sign_in,
    wrong,
)

from evslot.services.user.messages import (
    ChangePassword,
    GetMe,
    PasswordReplaced,
    RefreshSession,
    ResetPassword,
    SessionEnded,
    SignedIn,
)
from evslot.spine.message import Personal, Secret

__all__ = ["h"]
pytestmark = pytest.mark.anyio


def reset(email: str, code: str, password: str = OTHER_PASSWORD) -> ResetPassword:
    return ResetPassword(email=Personal(email), code=Secret(code), password=Secret(password))


def change(
    who: SignedIn, present: str | None = PASSWORD, code: str | None = None
) -> ChangePassword:
    return ChangePassword(
        user_id=who.user_id,
        password=Secret(OTHER_PASSWORD),
        present=Secret(present) if present else None,
        code=Secret(code) if code else None,
    )


def ended(h: Harness) -> list[tuple[object, str]]:
    return [(e.session_id, e.reason) for e in h.events if isinstance(e, SessionEnded)]


async def test_a_mailed_code_sets_a_new_password_and_ends_all_sessions(h: Harness) -> None:
    email = new_address()
    first = await enter(h, email, await register(h, email))
    second = await sign_in(h, email)
    code = await password_code(h, email)
    assert mailed(h)[-1].purpose == "password_reset"
    fresh = await h.send(reset(email, code))
    assert fresh.user_id == first.user_id
    assert set(ended(h)) == {
        (first.session_id, "password_changed"),
        (second.session_id, "password_changed"),
    }
    assert await refusal(sign_in(h, email, PASSWORD)) == "wrong_credentials"
    assert await sign_in(h, email, OTHER_PASSWORD)
    assert [(n.email.value, n.fact, n.language) for n in notices(h)] == [
        (email, "password_changed", "de")
    ]
    assert await refusal(h.send(reset(email, code))) == "wrong_credentials"


async def test_who_has_no_account_is_mailed_nothing_and_resets_nothing(h: Harness) -> None:
    email = new_address()
    assert await password_code(h, email) == ""
    assert await refusal(h.send(reset(email, "123456"))) == "wrong_credentials"
    assert await h.fetch_value("select count(*) from account") == 0


async def test_a_code_of_one_purpose_opens_nothing_else(h: Harness) -> None:
    email = new_address()
    await account(h, email)
    code = await password_code(h, email)
    assert await refusal(enter(h, email, code)) == "wrong_credentials"
    assert await h.send(reset(email, code))


async def test_wrong_reset_codes_are_counted_and_weak_passwords_are_not(h: Harness) -> None:
    email = new_address()
    await account(h, email)
    code = await password_code(h, email)
    assert await refusal(h.send(reset(email, code, "password123"))) == "password_too_weak"
    for _ in range(5):
        assert await refusal(h.send(reset(email, wrong(code)))) == "wrong_credentials"
    assert await refusal(h.send(reset(email, code))) == "too_many_attempts"


async def test_the_present_password_sets_another_and_ends_the_other_sessions(h: Harness) -> None:
    email = new_address()
    first = await enter(h, email, await register(h, email))
    second = await sign_in(h, email)
    replaced = await h.send(change(second), caller=caller_of(h, second))
    assert replaced in h.events
    assert isinstance(replaced, PasswordReplaced)
    assert ended(h) == [(first.session_id, "password_changed")]
    assert await h.send(RefreshSession(refresh_token=second.refresh_token))
    assert await refusal(sign_in(h, email, PASSWORD)) == "wrong_credentials"
    assert await sign_in(h, email, OTHER_PASSWORD)


async def test_a_wrong_present_password_is_refused_and_counted(h: Harness) -> None:
    email = new_address()
    who = await enter(h, email, await register(h, email))
    caller = caller_of(h, who)
    wish = change(who, "a wrong one that is long")
    assert await refusal(h.send(wish, caller=caller)) == "wrong_password"
    assert await h.fetch_value("select wrong from password_try") == 1
    await h.execute("update password_try set wrong = 50")
    assert await refusal(h.send(change(who), caller=caller)) == "too_many_attempts"
    code = await password_code(h, email)
    wrong_code = change(who, None, wrong(code))
    assert await refusal(h.send(wrong_code, caller=caller)) == "wrong_code"
    assert await h.send(change(who, None, code), caller=caller)


async def test_whoever_has_no_password_gets_one_by_code(h: Harness) -> None:
    email = new_address()
    who = await account(h, email)
    caller = caller_of(h, who)
    assert await refusal(h.send(change(who), caller=caller)) == "wrong_password"
    assert await h.send(change(who, None, await password_code(h, email)), caller=caller)
    assert (await h.ask(GetMe(user_id=who.user_id), caller=caller)).has_password
    assert await sign_in(h, email, OTHER_PASSWORD)


async def test_nobody_changes_anothers_password(h: Harness) -> None:
    email = new_address()
    who = await enter(h, email, await register(h, email))
    stranger = caller_of(h, await account(h))
    assert await refusal(h.send(change(who), caller=stranger)) == "user_not_found"
    assert await refusal(h.send(change(who))) == "unauthenticated"
    both = change(who, PASSWORD, "123456")
    assert await refusal(h.send(both, caller=caller_of(h, who))) == "wrong_password"
