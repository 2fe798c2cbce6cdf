"""The first page, what it tells people to paste, and the history of what was asked."""

import asyncio
import html
import re
from typing import Any
from uuid import uuid4

import pytest

from evslot.services.station.messages import StationView
from tests.journeys.people import Person, Said, Town, eventually
from tests.journeys.running_system import RunningSystem

pytestmark = pytest.mark.anyio


async def test_the_first_page_signs_in_and_its_booking_works(
    town: Town, system: RunningSystem, station: StationView
) -> None:
    browser = town.gateway(0)
    page = await browser.get("/dev")
    assert page.status_code == 200
    assert system.mail_url in page.text
    shown = re.search(r'href="/v1/stations/([0-9a-f-]{36})"', page.text)
    assert shown, page.text
    signed_in = await browser.post("/dev/sample-session", data={"role": "driver"})
    token = re.search(r"TOKEN=(\S+)</pre>", signed_in.text)
    assert token, signed_in.text
    account = await Person(town, html.unescape(token[1])).me()
    assert account.verified
    script = re.search(r'<pre id="script">(.*?)</pre>', page.text, re.DOTALL)
    assert script
    pasted = html.unescape(script[1]).replace(shown[1], str(station.station_id))
    shell = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        f"set -euo pipefail\n{pasted}",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await asyncio.wait_for(shell.communicate(), 60))[0].decode()
    assert shell.returncode == 0, said
    assert said.startswith("confirmed\n"), said


async def test_people_operators_and_admins_read_what_was_asked(
    town: Town, operator: Person
) -> None:
    driver = await town.sign_up()
    missing = f"/v1/reservations/{uuid4()}"
    refused = await driver.request("GET", missing)
    assert operator.organisation is not None
    own = f"/v1/organisations/{operator.organisation.organisation_id}"
    await operator.request("GET", own)
    mine = await eventually_asked(driver, "/v1/me/requests", missing)
    assert mine["code"] == "reservation_not_found"
    assert mine["request_id"] == refused.headers["x-request-id"]
    driver.gateway = 1  # what was asked at one gateway is read at all
    assert (await eventually_asked(driver, "/v1/me/requests", missing)) == mine
    assert (await eventually_asked(operator, f"{own}/requests", own))["status"] == 200
    admin = Person(town)
    session = await admin.post("/v1/sample-sessions", dict[str, Any], {"role": "admin"})
    admin.token = session["access_token"]
    assert (await eventually_asked(admin, "/v1/requests", missing)) == mine
    for path, status in ((f"{own}/requests", 404), ("/v1/requests", 403)):
        with pytest.raises(Said) as not_theirs:
            await driver.get(path, dict[str, Any])
        assert not_theirs.value.status == status


async def eventually_asked(person: Person, where: str, path: str) -> dict[str, Any]:
    """What the history says of a request, once it is written."""

    async def found() -> list[dict[str, Any]]:
        page = await person.get(where, dict[str, Any], {"limit": 200})
        return [one for one in page["requests"] if one["path"] == path]

    return (await eventually(found, bool))[0]


async def test_the_keys_of_tokens_are_public(town: Town) -> None:
    keys = (await town.gateway(0).get("/.well-known/jwks.json")).json()["keys"]
    assert keys
    assert all("d" not in key for key in keys)
