"""Signing in: by mailed code and by password, tried, retried, guessed and raced."""

import asyncio
import time
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.harness import Harness, driver
from tests.services.user.people import (
    OTHER_PASSWORD,
    PASSWORD,
    account,
    ask_code,
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

from evslot.services.user.messages import (
    GetMe,
    RegisterUser,
    RequestSignInCode,
    SignInWithCode,
    SignInWithPassword,
    UserRegistered,
)
from evslot.spine.callers import ANONYMOUS, Caller
from evslot.spine.message import Answer, Command, Personal, Refused, Secret

__all__ = ["h"]
pytestmark = pytest.mark.anyio

Batches = list[list[tuple[Command[Any], Caller, UUID]]]


async def test_a_mailed_code_makes_the_account_and_signs_in(h: Harness) -> None:
    email = new_address()
    signed_in = await enter(h, email.upper(), await ask_code(h, email))
    me = await h.ask(GetMe(user_id=signed_in.user_id), caller=caller_of(h, signed_in))
    assert me.email == Personal(email)
    assert me.verified
    assert not me.has_password
    assert h.events == [UserRegistered(user_id=signed_in.user_id, language="en", version=1)]
    assert caller_of(h, signed_in).roles == {"driver"}


async def test_signing_in_again_finds_the_same_account(h: Harness) -> None:
    email = new_address()
    first = await account(h, email)
    second = await account(h, email.title())
    assert second.user_id == first.user_id
    assert second.session_id != first.session_id
    assert len(h.events) == 1


async def test_a_code_works_once(h: Harness) -> None:
    email = new_address()
    code = await ask_code(h, email)
    await enter(h, email, code)
    assert await refusal(enter(h, email, code)) == "wrong_credentials"


async def test_a_code_works_once_even_in_one_batch(h: Harness) -> None:
    email = new_address()
    command = SignInWithCode(email=Personal(email), code=Secret(await ask_code(h, email)))
    answers = await h.submit_many([(command, ANONYMOUS, uuid4()) for _ in range(5)])
    assert [answer.status for answer in answers if answer] == [200, 401, 401, 401, 401]


async def test_the_same_attempt_repeated_gets_the_same_session(h: Harness) -> None:
    email, attempt = new_address(), uuid4()
    command = SignInWithCode(email=Personal(email), code=Secret(await ask_code(h, email)))
    first = await h.send(command, command_id=attempt)
    assert await h.send(command, command_id=attempt) == first


async def test_only_the_newest_code_counts(h: Harness) -> None:
    email = new_address()
    old, new = await ask_code(h, email), await ask_code(h, email)
    if old != new:
        assert await refusal(enter(h, email, old)) == "wrong_credentials"
    assert await enter(h, email, new)


async def test_used_up_newest_code_does_not_revive_the_one_before(h: Harness) -> None:
    email = new_address()
    old, new = await ask_code(h, email), await ask_code(h, email)
    await enter(h, email, new)
    assert await refusal(enter(h, email, old)) == "wrong_credentials"


async def test_five_wrong_tries_kill_a_code(h: Harness) -> None:
    email = new_address()
    code = await ask_code(h, email)
    for _ in range(5):
        assert await refusal(enter(h, email, wrong(code))) == "wrong_credentials"
    assert await refusal(enter(h, email, code)) == "too_many_attempts"
    assert await enter(h, email, await ask_code(h, email))


async def test_fifty_guesses_at_once_are_still_five_tries(h: Harness) -> None:
    email = new_address()
    code = await ask_code(h, email)
    guess = SignInWithCode(email=Personal(email), code=Secret(wrong(code)))
    batches: Batches = [[(guess, ANONYMOUS, uuid4()) for _ in range(10)] for _ in range(5)]
    answers = await asyncio.gather(*(h.submit_many(batch) for batch in batches))
    statuses = sorted(answer.status for batch in answers for answer in batch if answer)
    assert statuses == [401] * 5 + [429] * 45
    assert await refusal(enter(h, email, code)) == "too_many_attempts"


async def test_a_code_dies_after_ten_minutes(h: Harness) -> None:
    email = new_address()
    code = await ask_code(h, email)
    assert mailed(h)[-1].valid_until
    await h.execute("update sign_in_code set expires_at = now()")
    assert await refusal(enter(h, email, code)) == "wrong_credentials"


async def test_more_than_five_codes_an_hour_are_silently_not_sent(h: Harness) -> None:
    email = new_address()
    codes = [await ask_code(h, email) for _ in range(8)]
    assert [bool(code) for code in codes] == [True] * 5 + [False] * 3
    assert await ask_code(h, new_address())
    assert await enter(h, email, codes[4])
    await h.execute("update sign_in_code set created_at = now() - interval '61 minutes'")
    assert await ask_code(h, email)


async def test_neither_code_nor_address_nor_name_is_stored_in_clear_before_the_proof(
    h: Harness,
) -> None:
    email = new_address()
    code = await register(h, email, name="Annabella Unverwechselbar")
    for table in ("sign_in_code", "inbox", "outbox"):
        rows = await h.fetch(f"select t::text as line from {table} t")  # noqa: S608 - our own names
        text = "".join(row["line"] for row in rows)
        assert email not in text
        assert PASSWORD not in text
        assert "Unverwechselbar" not in text
        if table != "inbox":  # ids hold six digits in a row now and then
            assert f'"{code}"' not in text


async def test_a_registration_is_finished_by_the_mailed_code(h: Harness) -> None:
    email = new_address()
    code = await register(h, email)
    assert await refusal(sign_in(h, email)) == "wrong_credentials"
    signed_in = await enter(h, email, code)
    me = await h.ask(GetMe(user_id=signed_in.user_id), caller=caller_of(h, signed_in))
    assert (me.name, me.language, me.zone) == (Personal("Anna"), "de", "Europe/Berlin")
    assert me.has_password
    by_password = await sign_in(h, email.upper())
    assert by_password.user_id == signed_in.user_id
    assert await refusal(sign_in(h, email, PASSWORD + "!")) == "wrong_credentials"


async def test_registering_again_with_the_same_password_keeps_it(h: Harness) -> None:
    email = new_address()
    await register(h, email)
    await enter(h, email, await register(h, email))
    assert await sign_in(h, email)


@pytest.mark.parametrize("attacker_first", [True, False])
async def test_a_stranger_who_registers_the_address_too_gets_no_password_in(
    h: Harness, attacker_first: bool
) -> None:
    email = new_address()
    first, second = (OTHER_PASSWORD, PASSWORD) if attacker_first else (PASSWORD, OTHER_PASSWORD)
    await register(h, email, first, name="First")
    signed_in = await enter(h, email, await register(h, email, second, name="Second"))
    me = await h.ask(GetMe(user_id=signed_in.user_id), caller=caller_of(h, signed_in))
    assert (me.has_password, me.name) == (False, None)
    assert await refusal(sign_in(h, email, OTHER_PASSWORD)) == "wrong_credentials"


@pytest.mark.parametrize("attacker_first", [True, False])
async def test_a_stranger_who_registers_beside_a_plain_code_gets_no_password_in(
    h: Harness, attacker_first: bool
) -> None:
    email = new_address()
    if attacker_first:
        await register(h, email, OTHER_PASSWORD)
        code = await ask_code(h, email)
    else:
        await ask_code(h, email)
        code = await register(h, email, OTHER_PASSWORD)
    await enter(h, email, code)
    assert await refusal(sign_in(h, email, OTHER_PASSWORD)) == "wrong_credentials"


async def test_registering_a_known_address_changes_nothing_and_says_nothing(h: Harness) -> None:
    email = new_address()
    await enter(h, email, await register(h, email))
    code = await register(h, email, OTHER_PASSWORD, name="Mallory")
    assert await sign_in(h, email)
    signed_in = await enter(h, email, code)
    me = await h.ask(GetMe(user_id=signed_in.user_id), caller=caller_of(h, signed_in))
    assert me.name == Personal("Anna")
    assert await refusal(sign_in(h, email, OTHER_PASSWORD)) == "wrong_credentials"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (RequestSignInCode(email=Personal("nobody")), "email_invalid"),
        (RequestSignInCode(email=Personal("a@b.example"), language="xx"), "profile_invalid"),
        (SignInWithCode(email=Personal("x" * 9999), code=Secret("123456")), "email_invalid"),
        (SignInWithCode(email=Personal("a@b.example"), code=Secret("")), "wrong_credentials"),
        (SignInWithCode(email=Personal("a@b.example"), code=Secret("٣" * 6)), "wrong_credentials"),
        (
            SignInWithPassword(email=Personal("a@b.example\x00"), password=Secret("x")),
            "email_invalid",
        ),
        (
            SignInWithPassword(email=Personal("a@b.example"), password=Secret("\x00" * 99_999)),
            "wrong_credentials",
        ),
        (
            RegisterUser(email=Personal("a@b.example"), password=Secret("too short")),
            "password_too_weak",
        ),
        (RegisterUser(email=Personal("a@@b"), password=Secret(PASSWORD)), "email_invalid"),
        (
            RegisterUser(
                email=Personal("a@b.example"), password=Secret(PASSWORD), name=Personal("\x00")
            ),
            "profile_invalid",
        ),
        (
            RegisterUser(email=Personal("a@b.example"), password=Secret(PASSWORD), zone="Moon"),
            "profile_invalid",
        ),
    ],
)
async def test_bad_input_is_refused_and_changes_nothing(
    h: Harness, command: Command[Any], code: str
) -> None:
    assert await refusal(h.send(command)) == code
    assert not h.sent
    assert not h.events
    assert await h.fetch_value("select count(*) from account") == 0
    assert await h.fetch_value("select count(*) from sign_in_code") == 0


async def test_answers_do_not_tell_whether_an_address_has_an_account(h: Harness) -> None:
    known, unknown = new_address(), new_address()
    await enter(h, known, await register(h, known))
    answers: dict[str, list[Answer | None]] = {known: [], unknown: []}
    for email, given in answers.items():
        given.append(await h.submit(RequestSignInCode(email=Personal(email))))
        given.append(
            await h.submit(RegisterUser(email=Personal(email), password=Secret(OTHER_PASSWORD)))
        )
        given.append(
            await h.submit(
                SignInWithPassword(email=Personal(email), password=Secret(OTHER_PASSWORD))
            )
        )
    assert answers[known] == answers[unknown]


async def test_time_does_not_tell_whether_an_address_has_an_account(h: Harness) -> None:
    """The least of 15 each, to which other work only adds: hashing is in both, and the same."""
    known = new_address()
    await enter(h, known, await register(h, known))
    taken: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(15):
        for is_known in (True, False):
            started = time.perf_counter()
            with pytest.raises(Refused):
                await sign_in(h, known if is_known else new_address(), OTHER_PASSWORD)
            taken[is_known].append(time.perf_counter() - started)
    known_one, unknown_one = min(taken[True]), min(taken[False])
    assert abs(known_one - unknown_one) < 0.5 * min(known_one, unknown_one)


async def test_after_fifty_wrong_passwords_an_hour_only_a_mailed_code_signs_in(
    h: Harness,
) -> None:
    email = new_address()
    await enter(h, email, await register(h, email))
    await sign_in(h, email)
    await refusal(sign_in(h, email, OTHER_PASSWORD))
    assert await h.fetch_value("select wrong from password_try") == 1
    await h.execute("update password_try set wrong = 50")
    assert await refusal(sign_in(h, email)) == "too_many_attempts"
    assert await enter(h, email, await ask_code(h, email))
    await h.execute("update password_try set hour = hour - interval '1 hour'")
    assert await sign_in(h, email)


async def test_passwords_guessed_at_once_are_told_right_or_wrong_fifty_times_an_hour(
    h: Harness,
) -> None:
    """All of a batch are compared before the first one counts."""
    email = new_address()
    await enter(h, email, await register(h, email))
    await refusal(sign_in(h, email, OTHER_PASSWORD))
    await h.execute("update password_try set wrong = 45")
    passwords = [f"{OTHER_PASSWORD} {number}" for number in range(9)] + [PASSWORD]
    guesses = [SignInWithPassword(email=Personal(email), password=Secret(p)) for p in passwords]
    answers = await h.submit_many([(guess, ANONYMOUS, uuid4()) for guess in guesses])
    assert [answer.status for answer in answers if answer] == [401] * 5 + [429] * 5


async def test_wrong_passwords_of_unknown_addresses_count_alike(h: Harness) -> None:
    email = new_address()
    await refusal(sign_in(h, email))
    await h.execute("update password_try set wrong = 50")
    assert await refusal(sign_in(h, email)) == "too_many_attempts"


async def test_a_blocked_account_does_not_sign_in(h: Harness) -> None:
    email = new_address()
    await enter(h, email, await register(h, email))
    await h.execute("update account set state = 'blocked'")
    assert await refusal(sign_in(h, email)) == "wrong_credentials"
    assert await refusal(enter(h, email, await ask_code(h, email))) == "wrong_credentials"


async def test_a_hash_of_older_parameters_is_renewed_at_sign_in(h: Harness) -> None:
    from argon2 import PasswordHasher

    email = new_address()
    await enter(h, email, await register(h, email))
    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    await h.execute("update account_password set hash = $1", weak)
    await sign_in(h, email)
    renewed = str(await h.fetch_value("select hash from account_password"))
    assert renewed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await sign_in(h, email)


async def test_a_code_entered_six_times_at_once_opens_one_session(h: Harness) -> None:
    email = new_address()
    command = SignInWithCode(email=Personal(email), code=Secret(await ask_code(h, email)))
    answers = await asyncio.gather(*(h.submit(command) for _ in range(6)))
    assert sorted(answer.status for answer in answers if answer) == [200] + [401] * 5
    assert await h.fetch_value("select count(*) from account") == 1
    assert await h.fetch_value("select count(*) from session") == 1


async def test_one_account_though_another_process_makes_it_at_the_same_time(h: Harness) -> None:
    """Two open transactions, the slower insert waits for the faster one's commit."""
    email, other = new_address(), driver()
    code = await ask_code(h, email)
    async with h.database.transaction() as connection:
        await connection.execute(
            """insert into account (user_id, email, language, zone, created_at, verified_at)
               values ($1, $2, 'en', 'UTC', now(), now())""",
            other.user_id,
            email,
        )
        entering = asyncio.create_task(enter(h, email, code))
        await asyncio.sleep(0.3)
        assert not entering.done()
    assert (await entering).user_id == other.user_id
    assert h.events == []
