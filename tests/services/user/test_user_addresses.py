"""Addresses that are changed: by their owner alone, who proves more than being signed in."""

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
    ChangeEmail,
    GetMe,
    RefreshSession,
    RequestEmailCode,
    SessionEnded,
    SignedIn,
    UserChanged,
)
from evslot.spine.message import Personal, Secret

__all__ = ["h"]
pytestmark = pytest.mark.anyio


async def email_code(h: Harness, who: SignedIn, email: str) -> str:
    before = len(mailed(h))
    wish = RequestEmailCode(user_id=who.user_id, email=Personal(email))
    await h.send(wish, caller=caller_of(h, who))
    return "".join(mail.code.value for mail in mailed(h)[before:])


def to_email(
    who: SignedIn,
    email: str,
    code: str,
    present: str | None = None,
    present_code: str | None = None,
) -> ChangeEmail:
    return ChangeEmail(
        user_id=who.user_id,
        email=Personal(email),
        code=Secret(code),
        present=Secret(present) if present is not None else None,
        present_code=Secret(present_code) if present_code is not None else None,
    )


async def test_an_address_is_changed_by_a_code_to_the_new_one_and_the_old_one_is_told(
    h: Harness,
) -> None:
    old, new = new_address(), new_address()
    who = await enter(h, old, await register(h, old))
    code = await email_code(h, who, new.upper())
    assert (mailed(h)[-1].email.value, mailed(h)[-1].purpose) == (new, "email_change")
    me = await h.send(to_email(who, new, code, PASSWORD), caller=caller_of(h, who))
    assert (me.email.value, me.version) == (new, 2)
    assert isinstance(h.events[-1], UserChanged)
    assert [(n.email.value, n.fact) for n in notices(h)] == [(old, "email_changed")]
    assert await refusal(sign_in(h, old)) == "wrong_credentials"
    assert (await sign_in(h, new)).user_id == who.user_id


async def test_a_code_changes_only_the_account_and_address_it_was_asked_for(h: Harness) -> None:
    new = new_address()
    email, other = new_address(), new_address()
    anna = await enter(h, email, await register(h, email))
    bob = await enter(h, other, await register(h, other))
    code = await email_code(h, anna, new)
    stolen = to_email(bob, new, code, PASSWORD)
    assert await refusal(h.send(stolen, caller=caller_of(h, bob))) == "wrong_code"
    elsewhere = to_email(anna, new_address(), code, PASSWORD)
    assert await refusal(h.send(elsewhere, caller=caller_of(h, anna))) == "wrong_code"
    as_anna = to_email(anna, new, code, PASSWORD)
    assert await refusal(h.send(as_anna, caller=caller_of(h, bob))) == "user_not_found"
    assert await h.send(as_anna, caller=caller_of(h, anna))


async def test_an_address_that_has_an_account_is_not_taken_over(h: Harness) -> None:
    taken, free = new_address(), new_address()
    await account(h, taken)
    email = new_address()
    anna = await enter(h, email, await register(h, email))
    assert await email_code(h, anna, taken) == ""
    code = await email_code(h, anna, free)
    await account(h, free)
    wish = to_email(anna, free, code, PASSWORD)
    assert await refusal(h.send(wish, caller=caller_of(h, anna))) == "email_taken"


async def test_who_has_only_stolen_a_session_changes_no_address(h: Harness) -> None:
    email, new = new_address(), new_address()
    anna = await enter(h, email, await register(h, email))
    thief = caller_of(h, anna)
    code = await email_code(h, anna, new)
    unproven = to_email(anna, new, code)
    assert await refusal(h.send(unproven, caller=thief)) == "wrong_password"
    guessed = to_email(anna, new, code, OTHER_PASSWORD)
    assert await refusal(h.send(guessed, caller=thief)) == "wrong_password"
    assert await h.fetch_value("select wrong from password_try") == 1
    own_mailbox = to_email(anna, new, code, None, code)
    assert await refusal(h.send(own_mailbox, caller=thief)) == "wrong_code"
    both = to_email(anna, new, code, PASSWORD, code)
    assert await refusal(h.send(both, caller=thief)) == "wrong_password"
    assert (await h.ask(GetMe(user_id=anna.user_id), caller=thief)).email.value == email
    assert not notices(h)


async def test_too_many_wrong_passwords_leave_a_mailed_code(h: Harness) -> None:
    email, new = new_address(), new_address()
    anna = await enter(h, email, await register(h, email))
    caller = caller_of(h, anna)
    code = await email_code(h, anna, new)
    await refusal(h.send(to_email(anna, new, code, OTHER_PASSWORD), caller=caller))
    await h.execute("update password_try set wrong = 50")
    known = to_email(anna, new, code, PASSWORD)
    assert await refusal(h.send(known, caller=caller)) == "too_many_attempts"
    proof = await password_code(h, email)
    assert await h.send(to_email(anna, new, code, None, proof), caller=caller)


async def test_whoever_has_no_password_proves_it_by_a_code_to_the_old_address(
    h: Harness,
) -> None:
    email, new = new_address(), new_address()
    anna = await account(h, email)
    caller = caller_of(h, anna)
    code = await email_code(h, anna, new)
    no_password = to_email(anna, new, code, PASSWORD)
    assert await refusal(h.send(no_password, caller=caller)) == "wrong_password"
    proof = await password_code(h, email)
    mistyped = to_email(anna, new, code, None, wrong(proof))
    assert await refusal(h.send(mistyped, caller=caller)) == "wrong_code"
    typo = to_email(anna, new, wrong(code), None, proof)
    assert await refusal(h.send(typo, caller=caller)) == "wrong_code"
    me = await h.send(to_email(anna, new, code, None, proof), caller=caller)
    assert me.email.value == new
    again = to_email(anna, new, code, None, proof)
    assert await refusal(h.send(again, caller=caller)) == "wrong_code"


async def test_a_changed_address_ends_the_other_sessions(h: Harness) -> None:
    email, new = new_address(), new_address()
    first = await enter(h, email, await register(h, email))
    second = await sign_in(h, email)
    code = await email_code(h, second, new)
    await h.send(to_email(second, new, code, PASSWORD), caller=caller_of(h, second))
    assert [e for e in h.events if isinstance(e, SessionEnded)] == [
        SessionEnded(user_id=first.user_id, session_id=first.session_id, reason="email_changed")
    ]
    assert await h.send(RefreshSession(refresh_token=second.refresh_token))
    assert await refusal(h.send(RefreshSession(refresh_token=first.refresh_token))) == (
        "refresh_token_invalid"
    )
