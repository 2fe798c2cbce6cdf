"""Accounts and sessions: by code, by password, refreshed, ended."""

from typing import Any

import pytest

from tests.journeys.people import Person, Said, Town, eventually, made_up_email
from tests.journeys.running_system import RunningSystem

pytestmark = pytest.mark.anyio

PASSWORD = "a long line nobody guesses"


async def test_a_mailed_code_makes_an_account(town: Town) -> None:
    person = await town.sign_up()
    account = await person.me()
    assert (account.email, account.verified, account.has_password) == (person.email, True, False)


async def test_a_password_signs_in_once_the_code_was_entered(town: Town) -> None:
    person = Person(town, email=made_up_email())
    wish = {"email": person.email, "password": PASSWORD, "name": "Ada Ⅲ 🔌"}
    await person.post("/v1/users", Any, wish)
    with pytest.raises(Said) as unproven:
        await person.sign_in(email=person.email, password=PASSWORD)
    assert (unproven.value.status, unproven.value.code) == (401, "wrong_credentials")
    await person.sign_in(email=person.email, code=await person.mailed_code())
    elsewhere = Person(town, gateway=1)
    await elsewhere.sign_in(email=person.email, password=PASSWORD)
    assert (await elsewhere.me()).name == "Ada Ⅲ 🔌"
    with pytest.raises(Said) as wrong:
        await elsewhere.sign_in(email=person.email, password=PASSWORD + "!")
    assert wrong.value.status == 401


async def test_a_refresh_token_used_again_ends_the_session(
    town: Town, system: RunningSystem
) -> None:
    person = await town.sign_up()
    assert person.session is not None
    first = person.session.refresh_token
    second = await person.refresh()
    lost = await Person(town).sign_in(refresh_token=first)
    assert lost.refresh_token == second.refresh_token  # a lost answer is told once more
    await a_minute_passes(system)
    thief = Person(town)
    for token in (first, second.refresh_token):
        with pytest.raises(Said) as over:
            await thief.sign_in(refresh_token=token)
        assert (over.value.status, over.value.code) == (401, "refresh_token_invalid")
    for gateway in (0, 1):
        person.gateway = gateway
        await eventually(lambda: person.request("GET", "/v1/me"), lambda a: a.status_code == 401)


async def a_minute_passes(system: RunningSystem) -> None:
    """For refresh tokens; the grace for a lost answer is over then."""
    async with system.database("user") as connection:
        await connection.execute("update refresh_token set used_at = used_at - interval '1 minute'")


async def test_after_sign_out_the_tokens_are_dead_at_every_gateway(town: Town) -> None:
    person = await town.sign_up()
    assert person.session is not None
    assert (await person.request("DELETE", "/v1/sessions/current")).status_code in (200, 204)
    for gateway in (0, 1):
        person.gateway = gateway
        await eventually(
            lambda: person.request("GET", "/v1/me"), lambda a: a.status_code == 401, seconds=1.0
        )
    with pytest.raises(Said) as over:
        await person.refresh()
    assert over.value.status == 401
