"""The reference: OpenAPI and AsyncAPI are whole, the pages load nothing from elsewhere."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from evslot.gateway import asyncapi, openapi
from evslot.gateway.routes import ROUTES
from evslot.spine.message import Answer
from tests.gateway.edge_bench import Edge

pytestmark = pytest.mark.anyio


def references(value: Any) -> set[str]:
    """All `$ref` in a document."""
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


def resolve(document: Any, reference: str) -> Any:
    """What a `$ref` points to; KeyError where it points nowhere."""
    for step in reference.removeprefix("#/").split("/"):
        document = document[step]
    return document


@pytest.mark.parametrize("document", [openapi.document(), asyncapi.document()])
def test_every_reference_points_to_something(document: dict[str, Any]) -> None:
    found = references(document)
    assert len(found) > 20
    for reference in found:
        assert resolve(document, reference)


def test_every_route_is_described_with_its_refusals_and_an_example() -> None:
    paths = openapi.document()["paths"]
    operations = [operation for methods in paths.values() for operation in methods.values()]
    assert len(operations) == len(ROUTES)
    assert len({operation["operationId"] for operation in operations}) == len(ROUTES)
    for operation in operations:
        assert operation["summary"].endswith((".", ")"))
        assert "500" in operation["responses"]
        if body := operation.get("requestBody"):
            assert body["content"]["application/json"]["example"]
            assert "422" in operation["responses"]
        if operation.get("security"):
            assert "401" in operation["responses"]


def test_the_example_of_a_refusal_is_a_problem_as_it_is_answered() -> None:
    said = openapi.document()["paths"]["/v1/reservations"]["post"]["responses"]["409"]
    problem = said["content"]["application/problem+json"]["examples"]["slot_taken"]["value"]
    assert (problem["code"], problem["status"]) == ("slot_taken", 409)
    assert problem["detail"] == "Another booking has this slot."


def test_sealed_fields_are_marked_and_appear_only_in_records() -> None:
    fields = asyncapi.document()["components"]["schemas"]["SignInWithPassword"]["properties"]
    assert "x-sealed" in fields["password"]
    assert "x-sealed" in fields["email"]
    assert "x-sealed" not in str(openapi.document())


def test_every_message_stands_on_a_topic() -> None:
    document = asyncapi.document()
    told = {name for channel in document["channels"].values() for name in channel["messages"]}
    assert told == set(document["components"]["messages"])
    assert "reservation.HoldSlot" in document["channels"]["reservation-service"]["messages"]
    assert "reservation.SlotHeld" in document["channels"]["reservation-events"]["messages"]
    assert "reservation.ReservationEvent" not in told


def test_the_answer_is_described_as_it_is() -> None:
    assert list(asyncapi.ANSWER["properties"]) == list(Answer.__struct_fields__)


class Loaded(HTMLParser):
    """What a page loads, and what it may not contain."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "href"):
                self.links.append(value or "")
            if name == "id":
                self.ids.add(value or "")
            if name == "style" or name.startswith("on"):
                self.inline.append(f"{tag} {name}")
        if tag in ("script", "style", "iframe"):
            self.inline.append(tag)


@pytest.mark.parametrize("path", ["/docs", "/docs/events"])
async def test_a_page_loads_nothing_from_elsewhere_and_its_anchors_exist(
    edge: Edge, path: str
) -> None:
    page = await edge.http.get(path)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    loaded = Loaded()
    loaded.feed(page.text)
    assert loaded.inline == []
    assert all(link.startswith(("/", "#")) and not link.startswith("//") for link in loaded.links)
    anchors = {link[1:] for link in loaded.links if link.startswith("#")}
    assert len(anchors) > 30
    assert anchors <= loaded.ids
    for link in {link for link in loaded.links if link.startswith("/")}:
        assert (await edge.http.get(link)).status_code == 200


async def test_a_problem_points_to_its_explanation(edge: Edge) -> None:
    problem = (await edge.http.get("/v1/me")).json()
    path, _, anchor = problem["type"].partition("#")
    page = await edge.http.get(path)
    assert re.search(f'id="{anchor}"', page.text)


async def test_the_documents_are_served(edge: Edge) -> None:
    assert (await edge.http.get("/openapi.json")).json()["openapi"] == "3.1.0"
    assert (await edge.http.get("/asyncapi.json")).json()["asyncapi"].startswith("3.")
