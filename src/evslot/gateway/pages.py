"""The pages people read: the HTTP reference, the record reference, their sources."""

from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader
from litestar import Response, get
from litestar.response import Redirect

from evslot.gateway import asyncapi, openapi, problems
from evslot.gateway.routes import ROUTES

TEMPLATES = Path(__file__).parent / "templates"


@get("/openapi.json")
async def openapi_json() -> Response[bytes]:
    """OpenAPI 3.1."""
    return _json(_openapi_bytes())


@get("/asyncapi.json")
async def asyncapi_json() -> Response[bytes]:
    """AsyncAPI 3."""
    return _json(_asyncapi_bytes())


@get("/docs")
async def docs() -> Response[str]:
    """The HTTP reference."""
    return html(_docs_page())


@get("/docs/events")
async def event_docs() -> Response[str]:
    """The record reference."""
    return html(_events_page())


@get("/docs/style.css")
async def style() -> Response[str]:
    """The one style sheet of these pages."""
    return Response(
        _style(), media_type="text/css", headers={"Cache-Control": "public, max-age=300"}
    )


def pages(first: str) -> list[Any]:
    """The route handlers of this module; `first` is where / leads until there is an app."""

    @get("/", status_code=303)
    async def home() -> Redirect:
        return Redirect(first, status_code=303)

    return [home, openapi_json, asyncapi_json, docs, event_docs, style]


def all_refusals() -> dict[str, dict[str, Any]]:
    """Code -> status and sentence, of everything a route can answer."""
    found: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        for status, refusals in openapi.refusals_of(route).items():
            for one in refusals:
                code = openapi.code_of(one)
                found[code] = {"status": status, "says": openapi.sentence_of(one)}
    for status, (code, says) in problems.FRAMEWORK_CODES.items():
        found.setdefault(code, {"status": status, "says": says})
    return dict(sorted(found.items()))


def as_json(value: Any) -> str:
    """Indented, for people."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def schema_name(schema: dict[str, Any]) -> str:
    """The name a `$ref` ends in; empty where the schema is written out."""
    return str(schema.get("$ref", "")).rpartition("/")[2]


def type_text(schema: dict[str, Any]) -> str:
    """A schema in a few words: `string (uuid)`, `list of Slot`, `integer or null`."""
    if name := schema_name(schema):
        return name
    if "anyOf" in schema:
        return " or ".join(type_text(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {type_text(schema.get('items') or {})}"
    form = f" ({schema['format']})" if "format" in schema else ""
    return f"{schema.get('type', 'any')}{form}"


@cache
def environment() -> Environment:
    """The templates of all pages; what goes into them is escaped."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(as_json=as_json, type_text=type_text, schema_name=schema_name)
    return made


@cache
def _docs_page() -> str:
    return (
        environment()
        .get_template("docs.html.j2")
        .render(api=openapi.document(), refusals=all_refusals())
    )


@cache
def _events_page() -> str:
    return environment().get_template("events.html.j2").render(api=asyncapi.document())


@cache
def _openapi_bytes() -> bytes:
    return msgspec.json.encode(openapi.document())


@cache
def _asyncapi_bytes() -> bytes:
    return msgspec.json.encode(asyncapi.document())


@cache
def _style() -> str:
    return (TEMPLATES / "style.css").read_text()


def _json(content: bytes) -> Response[bytes]:
    return Response(content, media_type="application/json")


def html(content: str) -> Response[str]:
    """A page."""
    return Response(content, media_type="text/html")
