"""Passwords that are forgotten or changed, addresses that are changed: by mailed codes."""

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
    refusal,
    register,
    sign_in,
    wrong,
)

from evslot.services.notification.messages import SendAccountNotice
from evslot.services.user.messages import (
    ChangeEmail,
    ChangePassword,
    GetMe,
    PasswordReplaced,
    RefreshSession,
    RequestEmailCode,
    RequestPasswordCode,
    ResetPassword,
    SessionEnded,
    SignedIn,
    UserChanged,
)
from evslot.spine.message import Personal, Secret

__all__ = ["h"]
pytestmark = pytest.mark.anyio


async def password_code(h: Harness, email: str) -> str:
    """The code that is mailed, "" where none is."""
    before = len(mailed(h))
    await h.send(RequestPasswordCode(email=Personal(email)))
    return "".join(mail.code.value for mail in mailed(h)[before:])


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


def notices(h: Harness) -> list[SendAccountNotice]:
    return [sent.command for sent in h.sent if isinstance(sent.command, SendAccountNotice)]


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


async def email_code(h: Harness, who: SignedIn, email: str) -> str:
    before = len(mailed(h))
    wish = RequestEmailCode(user_id=who.user_id, email=Personal(email))
    await h.send(wish, caller=caller_of(h, who))
    return "".join(mail.code.value for mail in mailed(h)[before:])


def to_email(who: SignedIn, email: str, code: str) -> ChangeEmail:
    return ChangeEmail(user_id=who.user_id, email=Personal(email), code=Secret(code))


async def test_an_address_is_changed_by_a_code_to_the_new_one_and_the_old_one_is_told(
    h: Harness,
) -> None:
    old, new = new_address(), new_address()
    who = await enter(h, old, await register(h, old))
    code = await email_code(h, who, new.upper())
    assert (mailed(h)[-1].email.value, mailed(h)[-1].purpose) == (new, "email_change")
    me = await h.send(to_email(who, new, code), caller=caller_of(h, who))
    assert (me.email.value, me.version) == (new, 2)
    assert isinstance(h.events[-1], UserChanged)
    assert [(n.email.value, n.fact) for n in notices(h)] == [(old, "email_changed")]
    assert await refusal(sign_in(h, old)) == "wrong_credentials"
    assert (await sign_in(h, new)).user_id == who.user_id


async def test_a_code_changes_only_the_account_and_address_it_was_asked_for(h: Harness) -> None:
    new = new_address()
    anna, bob = await account(h), await account(h)
    code = await email_code(h, anna, new)
    stolen = to_email(bob, new, code)
    assert await refusal(h.send(stolen, caller=caller_of(h, bob))) == "wrong_code"
    elsewhere = to_email(anna, new_address(), code)
    assert await refusal(h.send(elsewhere, caller=caller_of(h, anna))) == "wrong_code"
    as_anna = to_email(anna, new, code)
    assert await refusal(h.send(as_anna, caller=caller_of(h, bob))) == "user_not_found"
    assert await h.send(as_anna, caller=caller_of(h, anna))


async def test_an_address_that_has_an_account_is_not_taken_over(h: Harness) -> None:
    taken, free = new_address(), new_address()
    await account(h, taken)
    anna = await account(h)
    assert await email_code(h, anna, taken) == ""
    code = await email_code(h, anna, free)
    await account(h, free)
    wish = to_email(anna, free, code)
    assert await refusal(h.send(wish, caller=caller_of(h, anna))) == "email_taken"
