"""A browser is signed in by a cookie that holds its tokens, sealed, renewed and guarded."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from msgspec.structs import replace

from evslot.gateway.browser_sessions import (
    COOKIE_BYTES,
    COOKIES,
    PLAIN_NAME,
    SessionTooLarge,
    joined,
    split,
)
from evslot.services.user import messages as user
from evslot.spine.answers import TOO_LATE
from evslot.spine.message import Secret
from evslot.values import OrganisationId, SessionId, UserId
from tests.callers import driver
from tests.gateway.edge_bench import Edge

pytestmark = pytest.mark.anyio

OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
SIGN_IN = {"email": "ada@example.org", "code": "123456"}


def tokens(edge: Edge, seconds: int = 600, organisations: int = 0) -> user.SignedIn:
    somebody = driver(
        organisations={OrganisationId(uuid4()): "manager" for _ in range(organisations)}
    )
    assert somebody.user_id is not None
    assert somebody.session_id is not None
    now = datetime.now(UTC)
    token = edge.tokens.mint(
        somebody.user_id,
        somebody.session_id,
        somebody.roles,
        somebody.organisations,
        now,
        seconds,
    )
    return user.SignedIn(
        user_id=somebody.user_id,
        session_id=somebody.session_id,
        access_token=Secret(token),
        access_seconds=seconds,
        refresh_token=Secret(str(uuid4())),
    )


async def signed_in(
    edge: Edge, seconds: int = 600, organisations: int = 0
) -> tuple[user.SignedIn, httpx.Response]:
    """The answer to a sign-in by code, and what was in it."""
    opened = tokens(edge, seconds, organisations)
    edge.responder.script[user.SignInWithCode] = lambda *_: opened
    answer = await edge.http.post("/v1/browser-sessions", json=SIGN_IN, headers=OWN_PAGE)
    edge.http.cookies.clear()
    assert answer.status_code == 201, answer.text
    return opened, answer


def cookie_of(answer: httpx.Response) -> dict[str, str]:
    return {"Cookie": answer.headers["set-cookie"].partition(";")[0]}


async def current(edge: Edge, **headers: str) -> tuple[Any, httpx.Response]:
    answer = await edge.http.get("/v1/browser-sessions/current", headers=headers)
    edge.http.cookies.clear()
    assert answer.status_code == 200
    return answer.json(), answer


async def test_signing_in_sets_a_cookie_that_no_script_can_read_and_tells_no_token(
    edge: Edge,
) -> None:
    opened, answer = await signed_in(edge)
    said = answer.headers["set-cookie"]
    assert said.startswith(f"{PLAIN_NAME}=gateway-")
    for part in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"):
        assert part in said
    assert "Secure" not in said  # plain http: a browser would not take it
    for secret in (opened.access_token.value, opened.refresh_token.value):
        assert secret not in answer.text + said
    found, _ = await current(edge, **cookie_of(answer))
    assert found == {
        "signed_in": True,
        "user_id": str(opened.user_id),
        "session_id": str(opened.session_id),
    }


async def test_without_a_cookie_or_with_a_made_up_one_nobody_is_signed_in(edge: Edge) -> None:
    nobody = {"signed_in": False, "user_id": None, "session_id": None}
    assert (await current(edge))[0] == nobody
    for text in ("", "x", "gateway-1.AAAA", "gateway-9.zzzz"):
        found, answer = await current(edge, Cookie=f"{PLAIN_NAME}={text}")
        assert found == nobody
        if text:
            assert "Max-Age=0" in answer.headers["set-cookie"]


async def test_what_another_site_sends_with_the_cookie_is_refused(edge: Edge) -> None:
    _, answer = await signed_in(edge)
    host = edge.url.removeprefix("http://")
    foreign: list[dict[str, str]] = [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {},
    ]
    path = "/v1/browser-sessions/current"
    for headers in foreign:
        refused = await edge.http.delete(path, headers={**headers, **cookie_of(answer)})
        assert (refused.status_code, refused.json()["code"]) == (403, "foreign_page")
        refused = await edge.http.post("/v1/browser-sessions", json=SIGN_IN, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "foreign_page")
    ended = user.SessionEnded(
        user_id=UserId(uuid4()), session_id=SessionId(uuid4()), reason="signed_out"
    )
    edge.responder.script[user.EndSession] = lambda *_: ended
    own = {"Origin": f"http://{host}", **cookie_of(answer)}
    done = await edge.http.delete(path, headers=own)
    assert done.status_code == 204
    assert "Max-Age=0" in done.headers["set-cookie"]


async def test_an_access_token_near_its_end_is_renewed_behind_the_cookie_once(edge: Edge) -> None:
    opened, answer = await signed_in(edge, seconds=20)
    following = tokens(edge)
    asked: list[str] = []

    def renew(command: Any, _: Any) -> user.SignedIn:
        asked.append(command.refresh_token.value)
        return following

    edge.responder.script[user.RefreshSession] = renew
    old = cookie_of(answer)
    found, renewed = await current(edge, **old)
    assert found["user_id"] == str(following.user_id)
    # Who did not get that answer comes with the old cookie again, and is helped as well.
    again, _ = await current(edge, **old)
    assert again == found
    assert asked == [opened.refresh_token.value]
    found, quiet = await current(edge, **cookie_of(renewed))
    assert found["signed_in"]
    assert "set-cookie" not in quiet.headers


async def test_a_renewal_that_was_told_before_counts_from_when_its_token_was_made(
    edge: Edge,
) -> None:
    """Its answer says 600 seconds as well when it is told again two minutes later."""
    _, answer = await signed_in(edge, seconds=20)
    told_before = replace(tokens(edge, seconds=20), access_seconds=600)
    edge.responder.script[user.RefreshSession] = lambda *_: told_before
    _, renewed = await current(edge, **cookie_of(answer))
    following = tokens(edge)
    edge.responder.script[user.RefreshSession] = lambda *_: following
    found, again = await current(edge, **cookie_of(renewed))
    assert found["user_id"] == str(following.user_id)
    assert "set-cookie" in again.headers


async def test_a_session_that_is_over_is_taken_away_and_public_pages_still_answer(
    edge: Edge,
) -> None:
    opened, answer = await signed_in(edge)
    ended = user.SessionEnded(
        user_id=opened.user_id, session_id=opened.session_id, reason="signed_out"
    )
    await edge.responder.emit(ended)
    for _ in range(100):
        found, gone = await current(edge, **cookie_of(answer))
        if not found["signed_in"]:
            break
    assert not found["signed_in"]
    assert "Max-Age=0" in gone.headers["set-cookie"]
    refused = await edge.http.get("/v1/me", headers=cookie_of(answer))
    assert refused.status_code == 401


async def test_a_sign_out_that_was_not_done_can_be_repeated(edge: Edge) -> None:
    """The app repeats a 503 by itself: without the cookie that would end nothing."""
    opened, answer = await signed_in(edge)
    edge.responder.script[user.EndSession] = lambda *_: TOO_LATE
    place, headers = "/v1/browser-sessions/current", cookie_of(answer) | OWN_PAGE
    trouble = await edge.http.delete(place, headers=headers)
    assert trouble.status_code == 503
    assert "set-cookie" not in trouble.headers
    edge.responder.script[user.EndSession] = lambda *_: user.SessionEnded(
        user_id=opened.user_id, session_id=opened.session_id, reason="signed_out"
    )
    ended = await edge.http.delete(place, headers=headers)
    assert ended.status_code == 204
    assert "Max-Age=0" in ended.headers["set-cookie"]


async def test_a_refused_renewal_signs_out_and_an_unknown_one_does_not(edge: Edge) -> None:
    _, answer = await signed_in(edge, seconds=20)
    edge.responder.script[user.RefreshSession] = lambda *_: user.RefreshTokenInvalid()
    found, gone = await current(edge, **cookie_of(answer))
    assert not found["signed_in"]
    assert "Max-Age=0" in gone.headers["set-cookie"]
    edge.responder.forget()
    unknown = await edge.http.get("/v1/browser-sessions/current", headers=cookie_of(answer))
    assert (unknown.status_code, unknown.json()["code"]) == (503, "unavailable")
    assert "set-cookie" not in unknown.headers


def kept(answer: httpx.Response) -> dict[str, str]:
    """What a browser holds after an answer, by name; it keeps none above 4096 bytes."""
    said = [line.split("; ") for line in answer.headers.get_list("set-cookie")]
    assert all(len(pair[0]) <= 4096 for pair in said)
    there = [pair[0].partition("=") for pair in said if "Max-Age=0" not in pair]
    return {name: value for name, _, value in there}


def sent(cookies: dict[str, str]) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}


async def test_who_acts_for_dozens_of_organisations_has_a_session_in_several_cookies(
    edge: Edge,
) -> None:
    opened, answer = await signed_in(edge, organisations=40)
    cookies = kept(answer)
    assert list(cookies) == [PLAIN_NAME, f"{PLAIN_NAME}.2"]
    found, _ = await current(edge, **sent(cookies))
    assert found["user_id"] == str(opened.user_id)
    _, other = await signed_in(edge, organisations=40)
    for broken in (
        {PLAIN_NAME: cookies[PLAIN_NAME]},
        cookies | {f"{PLAIN_NAME}.2": kept(other)[f"{PLAIN_NAME}.2"]},
    ):
        found, gone = await current(edge, **sent(broken))
        assert not found["signed_in"]
        taken_away = {line.partition("=")[0] for line in gone.headers.get_list("set-cookie")}
        assert taken_away == set(broken)


async def test_a_session_that_becomes_smaller_leaves_no_cookie_behind(edge: Edge) -> None:
    _, answer = await signed_in(edge, seconds=20, organisations=40)
    edge.responder.script[user.RefreshSession] = lambda *_: tokens(edge)
    _, renewed = await current(edge, **sent(kept(answer)))
    assert list(kept(renewed)) == [PLAIN_NAME]
    said = renewed.headers.get_list("set-cookie")
    assert any(line.startswith(f"{PLAIN_NAME}.2=;") and "Max-Age=0" in line for line in said)


def test_what_is_split_is_joined_again_and_more_than_four_cookies_are_none() -> None:
    for length in (1, COOKIE_BYTES, COOKIE_BYTES + 1, COOKIES * COOKIE_BYTES):
        first, *further = split("x" * length)
        padded = [*further, "left", "over", "here"][: COOKIES - 1]
        assert joined(first, padded) == "x" * length
    with pytest.raises(SessionTooLarge):
        split("x" * (COOKIES * COOKIE_BYTES + 1))
