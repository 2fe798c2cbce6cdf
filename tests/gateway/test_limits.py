"""Who asks too often is told to wait; others are not touched by it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from evslot.embedded.throwaway import PostgresServer
from evslot.gateway import openapi
from evslot.gateway.limits import (
    Buckets,
    Limits,
    Rate,
    RateLimited,
    address_of,
    class_of,
    rate_of,
)
from evslot.gateway.routes import ROUTES
from evslot.gateway.settings import GatewaySettings
from evslot.services.station import messages as station
from evslot.services.user import messages as user
from tests.gateway.edge_bench import Edge, running_edge
from tests.gateway.made_up import found
from tests.harness import driver

pytestmark = pytest.mark.anyio

SEARCH = "/v1/stations?lat=52.5&lon=13.4"


class Clock:
    """Time as a test says it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_so_many_at_once_and_as_many_again_within_the_time() -> None:
    clock = Clock()
    buckets = Buckets(clock=clock)
    rate = Rate(3, 60)
    said = [buckets.take("read", "ada", rate) for _ in range(4)]
    assert [one.remaining for one in said] == [2, 1, 0, 0]
    assert [one.wait > 0 for one in said] == [False, False, False, True]
    assert said[3].wait == pytest.approx(20)
    clock.now += 19.9
    assert buckets.take("read", "ada", rate).wait == pytest.approx(0.1)
    clock.now += 0.1
    assert buckets.take("read", "ada", rate).wait == 0
    clock.now += 3600
    assert [buckets.take("read", "ada", rate).wait > 0 for _ in range(4)] == [False] * 3 + [True]


def test_refusals_cost_nothing_more() -> None:
    clock = Clock()
    buckets = Buckets(clock=clock)
    for _ in range(50):
        buckets.take("read", "ada", Rate(2, 10))
    clock.now += 5
    assert buckets.take("read", "ada", Rate(2, 10)).wait == 0


def test_people_and_kinds_have_buckets_of_their_own() -> None:
    buckets = Buckets(clock=Clock())
    rate = Rate(1, 60)
    pairs = [("read", "ada"), ("read", "bob"), ("write", "ada")]
    assert [buckets.take(*pair, rate).wait for pair in pairs] == [0, 0, 0]
    assert all(buckets.take(*pair, rate).wait > 0 for pair in pairs)


def test_the_table_is_bounded_and_lets_full_buckets_go() -> None:
    clock = Clock()
    buckets = Buckets(kept=100, clock=clock)
    for number in range(1000):
        buckets.take("read", str(number), Rate(1, 60))
    assert len(buckets) == 100
    assert buckets.take("read", "999", Rate(1, 60)).wait > 0
    clock.now += 61
    for number in range(60):
        buckets.take("read", f"later {number}", Rate(1, 60))
    assert len(buckets) == 60


@pytest.mark.parametrize(
    ("forwarded", "proxies", "counts"),
    [
        ([], 0, "192.0.2.1"),
        (["198.51.100.7"], 0, "192.0.2.1"),
        (["198.51.100.7"], 1, "198.51.100.7"),
        (["made up, 198.51.100.7"], 1, "198.51.100.7"),
        (["made up, 198.51.100.7", "203.0.113.2"], 2, "198.51.100.7"),
        (["198.51.100.7"], 2, "192.0.2.1"),
        (["2001:db8:1:2:aaaa::1"], 1, "2001:db8:1:2::/64"),
        (["::ffff:198.51.100.7"], 1, "198.51.100.7"),
        (["x" * 500], 1, "x" * 64),
    ],
)
def test_whose_address_counts(forwarded: list[str], proxies: int, counts: str) -> None:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    scope: Any = {"client": ("192.0.2.1", 4711), "headers": headers}
    assert address_of(scope, proxies) == counts


def test_a_limit_is_an_amount_in_seconds_or_off() -> None:
    assert rate_of("120/60") == Rate(120, 60)
    assert rate_of("off") is None


def test_every_route_that_opens_accounts_is_limited_as_one() -> None:
    """Without an account and with an address: that is where guessing pays."""
    sign_in = {route.fn.__name__ for route in ROUTES if class_of(route) == "sign_in"}
    assert {"open_session", "request_sign_in_code", "register_user"} <= sign_in
    for route in ROUTES:
        body = openapi.body_type(route)
        takes = "email" in getattr(body, "__struct_fields__", ())
        if takes and not openapi.needs_token(route):
            assert route.fn.__name__ in sign_in


@pytest.fixture(scope="module")
async def strict(kafka_bootstrap: str, postgres_server: PostgresServer) -> AsyncIterator[Edge]:
    """An edge with little patience, which believes one proxy."""
    settings = {
        "LIMIT_READ": "3/60",
        "LIMIT_OPEN": "4/60",
        "LIMIT_SIGN_IN": "5/60",
        "LIMIT_ACCOUNT": "2/60",
        "LIMIT_ACCOUNT_ANYWHERE": "4/60",
        "LIVE_CLIENTS_ADDRESS": "1",
        "PROXIES": "1",
        "LOG_REQUESTS": "false",
    }
    named = {f"EVSLOT_GATEWAY_{name}": value for name, value in settings.items()}
    async with running_edge(kafka_bootstrap, postgres_server, **named) as edge:
        yield edge


def from_somewhere() -> dict[str, str]:
    """Another address for each test."""
    number = uuid4().int
    return {"X-Forwarded-For": f"10.{number % 250}.{number // 250 % 250}.{number // 62500 % 250}"}


async def test_an_account_is_told_to_wait_and_others_are_not(strict: Edge) -> None:
    strict.responder.script[user.GetMe] = lambda *_: user.UserNotFound()
    ada = strict.sign(driver())
    said = [await strict.http.get("/v1/me", headers=ada) for _ in range(4)]
    assert [one.status_code for one in said] == [404, 404, 404, 429]
    refused = said[-1]
    assert refused.json()["code"] == "rate_limited"
    assert refused.json()["details"]["limit"] == "read"
    assert refused.headers["retry-after"] == "20"
    assert refused.headers["ratelimit"].startswith('"read";r=0;t=')
    assert refused.headers["ratelimit-policy"] == '"read";q=3;w=60'
    assert said[0].headers["ratelimit"].startswith('"read";r=2;t=20')
    assert (await strict.http.get("/v1/me", headers=strict.headers())).status_code == 404
    strict.responder.script[user.EndSession] = lambda *_: user.UserNotFound()
    writes = await strict.http.delete("/v1/sessions/current", headers=ada)
    assert writes.status_code == 404  # writes have a bucket of their own


async def test_an_address_without_account_is_told_to_wait(strict: Edge) -> None:
    strict.responder.script[station.FindStations] = lambda *_: found()
    here, there = from_somewhere(), from_somewhere()
    said = [await strict.http.get(SEARCH, headers=here) for _ in range(5)]
    assert [one.status_code for one in said] == [200] * 4 + [429]
    assert (await strict.http.get(SEARCH, headers=there)).status_code == 200


async def test_tokens_that_prove_nothing_are_counted_against_the_address(strict: Edge) -> None:
    here = {**from_somewhere(), "Authorization": "Bearer x.y.z.w"}
    said = [await strict.http.get("/v1/me", headers=here) for _ in range(5)]
    assert [one.status_code for one in said] == [401] * 4 + [429]


async def tried(edge: Edge, email: str, headers: dict[str, str]) -> httpx.Response:
    """A wrong password."""
    edge.responder.script[user.SignInWithPassword] = lambda *_: user.WrongCredentials()
    body = {"email": email, "password": "a guess"}
    return await edge.http.post("/v1/sessions", json=body, headers=headers)


async def test_a_stranger_who_guesses_an_account_does_not_keep_its_owner_out(strict: Edge) -> None:
    email, strangers = f"{uuid4().hex}@example.org", from_somewhere()
    said = [await tried(strict, email, strangers) for _ in range(5)]
    assert [one.status_code for one in said] == [401] * 2 + [429] * 3
    assert said[-1].json()["details"]["limit"] == "account"
    owners = [await tried(strict, f" {email.upper()}", from_somewhere()) for _ in range(2)]
    assert [one.status_code for one in owners] == [401] * 2
    assert owners[0].headers["ratelimit"].startswith('"account";r=1;')  # nothing of strangers


async def test_an_account_is_not_guessed_from_many_addresses(strict: Edge) -> None:
    name = uuid4().hex
    said = [await tried(strict, f"{name}@example.org", from_somewhere()) for _ in range(4)]
    assert [one.status_code for one in said] == [401] * 4
    refused = await tried(strict, f" {name.upper()}@Example.org", from_somewhere())
    assert refused.status_code == 429
    assert refused.json()["details"]["limit"] == "account_anywhere"
    other = await tried(strict, f"other-{name}@example.org", from_somewhere())
    assert other.status_code == 401


def test_an_owner_gets_in_while_a_hundred_addresses_guess_for_an_hour() -> None:
    clock = Clock()
    limits = Limits(GatewaySettings(), Buckets(clock=clock))

    def asks(address: str) -> bool:
        scope: Any = {"client": (address, 4711), "headers": [], "state": {}}
        try:
            limits.charge_account("ada", scope)
        except RateLimited:
            return False
        return True

    for _ in range(120):
        for number in range(100):
            while asks(f"198.51.100.{number}"):
                pass
        assert asks("192.0.2.1")
        clock.now += 30
    flood = sum(asks(f"10.0.{number // 250}.{number % 250}") for number in range(5000))
    assert flood <= 3000


async def test_an_address_does_not_guess_many_accounts(strict: Edge) -> None:
    strict.responder.script[user.RequestSignInCode] = lambda *_: user.CodeRequested(
        valid_seconds=600
    )
    here = from_somewhere()
    bodies = [{"email": f"{uuid4().hex}@example.org"} for _ in range(6)]
    said = await asyncio.gather(
        *(strict.http.post("/v1/sign-in-codes", json=body, headers=here) for body in bodies)
    )
    assert sorted(one.status_code for one in said) == [201] * 5 + [429]


async def test_an_address_that_follows_too_much_leaves_room_for_others(strict: Edge) -> None:
    here, there, path = from_somewhere(), from_somewhere(), f"/v1/live?station={uuid4()}"
    async with strict.follow(path, **here) as stream:
        await stream.beginning()
        refused = await strict.http.get(path, headers=here)
        assert (refused.status_code, refused.json()["code"]) == (429, "live_full")
        assert (refused.json()["details"]["limit"], refused.headers["retry-after"]) == (
            "address",
            "5",
        )
        async with strict.follow(path, **there) as other:
            await other.beginning()
    for _ in range(100):
        if strict.gateway.live.clients == 0:
            break
        await asyncio.sleep(0.02)
    async with strict.follow(path, **here) as again:
        await again.beginning()
