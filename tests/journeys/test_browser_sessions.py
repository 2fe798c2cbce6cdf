"""A browser signs in by code, acts by its cookie alone, and signs out."""

from functools import partial
from uuid import uuid4

import httpx
import pytest

from tests.journeys.people import Town, eventually, made_up_email

pytestmark = pytest.mark.anyio

OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}


async def test_a_browser_acts_by_its_cookie_until_it_signs_out(town: Town) -> None:
    person = town.stranger()
    person.email = made_up_email()
    async with httpx.AsyncClient(
        base_url=town.gateway(0).base_url,
        event_hooks=town.gateway(0).event_hooks,
        headers=OWN_PAGE,
        timeout=20.0,
    ) as browser:
        assert not (await browser.get("/v1/browser-sessions/current")).json()["signed_in"]
        await browser.post("/v1/sign-in-codes", json={"email": person.email})
        code = await person.mailed_code()
        opened = await browser.post(
            "/v1/browser-sessions",
            json={"email": person.email, "code": code},
            headers={"Idempotency-Key": str(uuid4())},
        )
        assert opened.status_code == 201, opened.text
        assert set(opened.json()) == {"signed_in", "user_id", "session_id"}
        current = (await browser.get("/v1/browser-sessions/current")).json()
        assert current == opened.json()
        assert (await browser.get("/v1/me")).json()["email"] == person.email
        changed = await browser.patch("/v1/me", json={"name": "Ada"})
        assert changed.json()["name"] == "Ada"
        elsewhere = await browser.patch(
            "/v1/me", json={"name": "Eve"}, headers={"Sec-Fetch-Site": "cross-site"}
        )
        assert elsewhere.json()["code"] == "foreign_page"
        kept = dict(browser.cookies)
        assert (await browser.delete("/v1/browser-sessions/current")).status_code == 204
        assert not browser.cookies
        # The session itself is over: a copy of the cookie opens nothing, at any gateway.
        copied = {"Cookie": "; ".join(f"{name}={value}" for name, value in kept.items())}
        for gateway in (0, 1):
            await eventually(
                partial(status_of, town.gateway(gateway), copied), lambda status: status == 401
            )


async def status_of(browser: httpx.AsyncClient, headers: dict[str, str]) -> int:
    return (await browser.get("/v1/me", headers=headers)).status_code
