"""Sessions: refresh tokens rotate, stolen ones end the session, signing out is final."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.harness import Harness
from tests.services.user.people import account, caller_of, h, new_address, refusal

from evslot.services.user.messages import (
    CreateOrganisation,
    EndSession,
    RefreshSession,
    SessionEnded,
    SignedIn,
)
from evslot.spine.callers import ANONYMOUS, Caller
from evslot.spine.message import Command, Secret
from evslot.values import OrganisationId, UserId, new_id

__all__ = ["h"]
pytestmark = pytest.mark.anyio

Batches = list[list[tuple[Command[Any], Caller, UUID]]]

ELEVEN_SECONDS_LATER = "update refresh_token set used_at = used_at - interval '11 seconds'"


async def refresh(h: Harness, token: Secret[str]) -> SignedIn:
    return await h.send(RefreshSession(refresh_token=token))


async def test_a_refresh_gives_new_tokens_of_the_same_session(h: Harness) -> None:
    first = await account(h)
    second = await refresh(h, first.refresh_token)
    assert (second.user_id, second.session_id) == (first.user_id, first.session_id)
    assert second.refresh_token != first.refresh_token
    assert second.access_token != first.access_token
    assert caller_of(h, second).user_id == first.user_id
    third = await refresh(h, second.refresh_token)
    assert third.refresh_token != second.refresh_token


async def test_a_lost_answer_is_repeated_with_the_same_successor(h: Harness) -> None:
    first = await account(h)
    second = await refresh(h, first.refresh_token)
    again = await refresh(h, first.refresh_token)
    assert again.refresh_token == second.refresh_token
    assert await refresh(h, again.refresh_token)
    assert not [event for event in h.events if isinstance(event, SessionEnded)]


async def test_twenty_refreshes_at_once_have_one_successor(h: Harness) -> None:
    first = await account(h)
    command = RefreshSession(refresh_token=first.refresh_token)
    batches: list[list[tuple[Command[Any], Caller, UUID]]] = [
        [(command, ANONYMOUS, uuid4()) for _ in range(5)] for _ in range(3)
    ]
    alone = [refresh(h, first.refresh_token) for _ in range(5)]
    answers, singles = await asyncio.gather(
        asyncio.gather(*(h.submit_many(batch) for batch in batches)), asyncio.gather(*alone)
    )
    assert all(answer and answer.ok for batch in answers for answer in batch)
    assert len({signed_in.refresh_token for signed_in in singles}) == 1
    assert await h.fetch_value("select count(*) from refresh_token") == 2


async def test_a_refresh_token_used_later_again_ends_the_session_for_both(h: Harness) -> None:
    first = await account(h)
    second = await refresh(h, first.refresh_token)
    await h.execute(ELEVEN_SECONDS_LATER)
    assert await refusal(refresh(h, first.refresh_token)) == "refresh_token_invalid"
    assert await refusal(refresh(h, second.refresh_token)) == "refresh_token_invalid"
    ended = SessionEnded(
        user_id=first.user_id, session_id=first.session_id, reason="refresh_token_reused"
    )
    assert h.events[1:] == [ended]
    assert await refusal(refresh(h, first.refresh_token)) == "refresh_token_invalid"
    assert h.events[1:] == [ended]


async def test_other_sessions_of_the_person_live_on(h: Harness) -> None:
    email = new_address()
    stolen, other = await account(h, email), await account(h, email)
    await refresh(h, stolen.refresh_token)
    await h.execute(ELEVEN_SECONDS_LATER)
    await refusal(refresh(h, stolen.refresh_token))
    assert await refresh(h, other.refresh_token)


@pytest.mark.parametrize("token", ["", "evr_", "evr_" + "A" * 43, "\x00", "x" * 100_000, "a.b.c"])
async def test_an_unknown_refresh_token_is_refused(h: Harness, token: str) -> None:
    assert await refusal(refresh(h, Secret(token))) == "refresh_token_invalid"


async def test_an_access_token_is_no_refresh_token(h: Harness) -> None:
    signed_in = await account(h)
    for token in (signed_in.access_token.value, signed_in.access_token.value.rpartition(".")[2]):
        assert await refusal(refresh(h, Secret(token))) == "refresh_token_invalid"


async def test_an_idle_session_expires(h: Harness) -> None:
    signed_in = await account(h)
    await h.execute("update session set expires_at = now()")
    assert await refusal(refresh(h, signed_in.refresh_token)) == "refresh_token_invalid"


async def test_refreshing_keeps_a_session_alive_up_to_its_limit(h: Harness) -> None:
    first = await account(h)
    await h.execute("update session set created_at = now() - interval '170 days'")
    await refresh(h, first.refresh_token)
    left = await h.fetch_value("select extract(day from expires_at - now())::int from session")
    assert left in (9, 10)


async def test_a_blocked_person_does_not_refresh(h: Harness) -> None:
    signed_in = await account(h)
    await h.execute("update account set state = 'blocked'")
    assert await refusal(refresh(h, signed_in.refresh_token)) == "refresh_token_invalid"


async def test_signing_out_is_final_and_can_be_repeated(h: Harness) -> None:
    signed_in = await account(h)
    caller = caller_of(h, signed_in)
    command = EndSession(user_id=signed_in.user_id)
    ended = await h.send(command, caller=caller)
    assert ended == SessionEnded(
        user_id=signed_in.user_id, session_id=signed_in.session_id, reason="signed_out"
    )
    assert await h.send(command, caller=caller) == ended
    assert h.events[1:] == [ended]
    assert await refusal(refresh(h, signed_in.refresh_token)) == "refresh_token_invalid"


async def test_nobody_signs_somebody_else_out(h: Harness) -> None:
    signed_in, other = await account(h), await account(h)
    command = EndSession(user_id=signed_in.user_id)
    assert await refusal(h.send(command, caller=caller_of(h, other))) == "user_not_found"
    assert await refusal(h.send(command)) == "unauthenticated"
    unknown = EndSession(user_id=UserId(new_id()))
    assert await refusal(h.send(unknown, caller=caller_of(h, other))) == "user_not_found"
    assert await refresh(h, signed_in.refresh_token)


async def test_an_ended_session_writes_nothing_though_its_token_is_still_good(h: Harness) -> None:
    signed_in = await account(h)
    caller = caller_of(h, signed_in)
    await h.send(EndSession(user_id=signed_in.user_id), caller=caller)
    wanted = CreateOrganisation(
        organisation_id=OrganisationId(new_id()),
        legal_name="Late Ltd",
        address="1 Street",
        country="GB",
        contact_email="late@example.org",
        phone="+441234567890",
    )
    assert await refusal(h.send(wanted, caller=caller)) == "unauthenticated"


async def test_tokens_are_nowhere_in_the_database(h: Harness) -> None:
    first = await account(h)
    second = await refresh(h, first.refresh_token)
    tables = await h.fetch("select tablename from pg_tables where schemaname = 'public'")
    for table in tables:
        rows = await h.fetch(f'select t::text as line from "{table["tablename"]}" t')  # noqa: S608
        text = "".join(row["line"] for row in rows)
        for signed_in in (first, second):
            for token in (signed_in.refresh_token.value, signed_in.access_token.value):
                assert token not in text
                assert token.encode().hex() not in text


async def test_housekeeping_takes_away_what_has_had_its_time(h: Harness) -> None:
    first = await account(h)
    await refresh(h, first.refresh_token)
    await h.run_periodic()
    assert await h.fetch_value("select count(sealed_successor) from refresh_token") == 1
    await h.execute(ELEVEN_SECONDS_LATER)
    await h.run_periodic()
    assert await h.fetch_value("select count(sealed_successor) from refresh_token") == 0
    assert await h.fetch_value("select count(*) from sign_in_code") == 1
    await h.execute("update sign_in_code set created_at = now() - interval '3 hours'")
    await h.execute(
        "insert into password_try values ('x', date_trunc('hour', now()) - interval '3 hours', 1)"
    )
    await h.execute(
        "update refresh_token set used_at = now() - interval '8 days' where used_at is not null"
    )
    await h.run_periodic()
    for table, left in {"sign_in_code": 0, "password_try": 0, "refresh_token": 1}.items():
        assert await h.fetch_value(f"select count(*) from {table}") == left  # noqa: S608
    await h.execute("update session set expires_at = now() - interval '31 days'")
    await h.run_periodic()
    for table in ("session", "refresh_token"):
        assert await h.fetch_value(f"select count(*) from {table}") == 0  # noqa: S608
    assert await h.fetch_value("select count(*) from account") == 1
