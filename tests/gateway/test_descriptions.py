"""The two descriptions are valid, whole, and their examples are what they describe."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import msgspec
import pytest
import schemathesis

from evslot.gateway import asyncapi, openapi
from evslot.gateway.limits import class_of
from evslot.gateway.parsing import parse_body
from evslot.gateway.routes import ROUTES
from evslot.spine.topics import Topics

API: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(openapi.document()))
RECORDS: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(asyncapi.document()))


def names(route: Any) -> str:
    return str(route.fn.__name__)


def answers() -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Every example of an answer: where, its schema, the value."""
    for path, methods in API["paths"].items():
        for method, operation in methods.items():
            for status, said in operation["responses"].items():
                for media, content in said.get("content", {}).items():
                    where = f"{method} {path} {status} {media}"
                    if "example" in content:
                        yield where, content["schema"], content["example"]
                    for name, example in content.get("examples", {}).items():
                        yield f"{where} {name}", content["schema"], example["value"]


def wrong(document: dict[str, Any], schema: dict[str, Any], value: Any) -> list[str]:
    """What a schema of a document says against a value."""
    whole = {**schema, "components": document["components"]}
    validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    return [str(error.message) for error in validator.iter_errors(value)]


def test_the_http_description_is_valid_openapi_31() -> None:
    assert API["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(API).validate()


@pytest.mark.parametrize("route", [one for one in ROUTES if openapi.body_type(one)], ids=names)
def test_the_example_of_a_body_is_taken(route: Any) -> None:
    example = route.opt["example"]
    kind = openapi.body_type(route)
    assert parse_body(msgspec.json.encode(example), kind) is not None
    assert wrong(API, openapi._schema_of(kind), example) == []


def test_the_examples_of_answers_are_what_their_schemas_say() -> None:
    said = list(answers())
    assert len(said) > 300
    for where, schema, value in said:
        assert wrong(API, schema, value) == [], where


def test_every_answer_of_every_route_has_an_example_or_is_no_json() -> None:
    for path, methods in API["paths"].items():
        for method, operation in methods.items():
            for status, said in operation["responses"].items():
                for media, content in said.get("content", {}).items():
                    shown = "example" in content or "examples" in content
                    assert shown or "json" not in media, (method, path, status)


@pytest.mark.parametrize("route", ROUTES, ids=names)
def test_what_every_route_says_of_itself(route: Any) -> None:
    path = next(iter(route.paths))
    (method,) = route.http_methods
    operation = API["paths"][openapi._path(path)][method.lower()]
    assert operation["summary"].endswith((".", ")"))
    statuses = set(operation["responses"])
    assert {"500", "503"} <= statuses
    assert ("429" in statuses) == (class_of(route) != "none")
    assert "401" in statuses, "a wrong token is refused everywhere"
    assert bool(operation.get("security")) == openapi.needs_token(route)
    assert ("202" in statuses) == openapi.is_write(route)
    headers = {one["name"] for one in operation["parameters"] if one["in"] == "header"}
    assert ({"Idempotency-Key", "Prefer"} <= headers) == openapi.is_write(route)
    if "{" in path:
        assert "404" in statuses or route.opt["refusals"] == (), "a stranger's id is 404"


def test_every_code_has_a_problem_to_show_and_one_status() -> None:
    statuses: dict[str, set[int]] = {}
    for methods in API["paths"].values():
        for operation in methods.values():
            for said in operation["responses"].values():
                problems = said.get("content", {}).get("application/problem+json", {})
                for code, example in problems.get("examples", {}).items():
                    assert example["value"]["code"] == code
                    assert example["value"]["detail"].endswith((".", ")", "?")), code
                    statuses.setdefault(code, set()).add(example["value"]["status"])
    assert all(len(found) == 1 for found in statuses.values()), statuses


def test_links_lead_to_operations_by_the_name_of_their_parameter() -> None:
    known = {one["operationId"]: one for ways in API["paths"].values() for one in ways.values()}
    links = [
        link
        for operation in known.values()
        for said in operation["responses"].values()
        for link in said.get("links", {}).values()
    ]
    assert any(link["operationId"] == "get_reservation" for link in links)
    for link in links:
        taken = {one["name"] for one in known[link["operationId"]]["parameters"]}
        assert set(link["parameters"]) <= taken


def test_the_record_description_is_whole() -> None:
    """AsyncAPI 3: what it must have, every topic, every message on one of them, examples fit."""
    assert RECORDS["asyncapi"].startswith("3.")
    assert {"title", "version"} <= set(RECORDS["info"])
    told = {topic.name for topic in Topics().table() if not topic.name.endswith("-dead")}
    assert set(RECORDS["channels"]) == told
    on_channels: set[str] = set()
    for name, channel in RECORDS["channels"].items():
        assert channel["address"] == name
        assert channel["messages"], name
        on_channels |= set(channel["messages"])
    messages = RECORDS["components"]["messages"]
    assert on_channels == set(messages)
    for operation in RECORDS["operations"].values():
        assert operation["action"] in ("send", "receive")
        assert operation["messages"]
    for name, message in messages.items():
        assert message["summary"], name
        for example in message["examples"]:
            assert wrong(RECORDS, message["payload"], example["payload"]) == [], name
