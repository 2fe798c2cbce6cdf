"""Every operation × owner, stranger, other organisation, other role, none: who is told what.

Every answer on the way is compared with its description.
"""

from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
import schemathesis

from evslot.gateway import openapi
from tests.journeys.actors import Ids, World
from tests.journeys.people import Person, Town
from tests.journeys.reach import REACHED, ROWS, Row
from tests.journeys.used_routes import not_counted, operations

pytestmark = pytest.mark.anyio

OPERATIONS = operations()
DESCRIBED: Any = schemathesis.openapi.from_dict(
    msgspec.json.decode(msgspec.json.encode(openapi.document()))
)
SPENT = (
    "create_organisation",
    "change_password",
    "end_browser_session",
    "end_other_sessions",
    "end_session",
    "erase_account",
)
"""Whoever asks for these is somebody else, or nobody, afterwards."""


@pytest.fixture(scope="module")
async def world(town: Town) -> World:
    world = World(town)
    with not_counted():
        await world.settle()
    return world


def test_every_operation_has_a_row_and_every_row_an_operation() -> None:
    missing = set(OPERATIONS) - set(ROWS)
    assert not missing, f"say in tests/journeys/reach.py how to reach {sorted(missing)}"
    assert set(ROWS) == set(OPERATIONS)


def described(name: str) -> dict[str, Any]:
    method, path = OPERATIONS[name]
    operation: dict[str, Any] = openapi.document()["paths"][path][method.lower()]
    return operation


class Asking:
    """One operation on one thing, to be asked by several people."""

    def __init__(self, name: str, ids: Ids, body: Any) -> None:
        self.name = name
        self.method, template = OPERATIONS[name]
        self.path = template.format_map(ids)
        self.params = ROWS[name].params
        self.headers = ROWS[name].headers
        self.body = body

    async def told(self, who: Person) -> httpx.Response:
        """What somebody is told; of a stream, how it begins."""
        client = who.town.gateway(who.gateway)
        request = client.build_request(
            self.method,
            self.path,
            json=self.body,
            params=self.params,
            headers=who.headers(key=uuid4().hex) | self.headers,
        )
        answer = await client.send(request, stream=True)
        if not answer.headers.get("content-type", "").startswith("text/event-stream"):
            await answer.aread()
            as_described(self.name, answer)
        await answer.aclose()
        return answer


async def asking(name: str, row: Row, world: World) -> tuple[Asking, Person]:
    ids = dict(await row.thing(world)) if row.thing else {}
    whose = "driver" if row.owner == "anybody" else row.owner
    owner: Person = ids.pop("owner", None) or getattr(world, whose)
    content = described(name).get("requestBody", {}).get("content", {})
    body = next((one.get("example") for one in content.values()), None)
    if row.body is not None:
        body = {**(body or {}), **await row.body(world)}
    return Asking(name, ids, body), owner


@pytest.mark.parametrize("name", sorted(set(OPERATIONS) & set(ROWS)))
async def test_who_is_told_what(world: World, name: str) -> None:
    row = ROWS[name]
    with not_counted():
        it, owner = await asking(name, row, world)
        if name in SPENT:
            owner = await world.fresh()
        secured = bool(described(name).get("security"))
        nobody = await it.told(world.nobody)
        strict = nobody.status_code == 401 and code_of(nobody) not in row.says
        assert strict == secured, said(nobody)
        for actor, person, expected in (
            ("a stranger", world.stranger, row.stranger),
            ("another organisation", world.other, row.other),
            ("another role", world.viewer, row.viewer),
        ):
            if expected == REACHED and name in SPENT:
                continue
            check(actor, await it.told(person), expected, row.says)
        check("the owner", await it.told(owner), REACHED, row.says)


def code_of(answer: httpx.Response) -> str:
    problem = answer.headers.get("content-type", "") == "application/problem+json"
    return str(answer.json()["code"]) if problem else ""


def as_described(name: str, answer: httpx.Response) -> None:
    """Status, media type and body; the last by schemathesis."""
    responses = described(name)["responses"]
    status = str(answer.status_code)
    assert status in responses, f"{name} does not say {status}: {answer.text}"
    media = answer.headers.get("content-type", "").partition(";")[0]
    known = responses[status].get("content", {})
    assert media in known or not (media or known), f"{name} {status} does not say {media}"
    DESCRIBED.find_operation_by_id(name).validate_response(answer)


def check(actor: str, answer: httpx.Response, expected: int, says: tuple[str, ...]) -> None:
    if expected == REACHED and code_of(answer) not in says:
        refused = answer.status_code in (401, 403, 404, 405) or answer.status_code >= 500
        assert not refused, f"{actor}: {said(answer)}"
    elif expected != REACHED:
        assert answer.status_code == expected, f"{actor}: {said(answer)}"


def said(answer: httpx.Response) -> str:
    text = answer.text if answer.is_closed and answer.is_stream_consumed else ""
    return f"{answer.request.method} {answer.request.url.path} {answer.status_code} {text}"
