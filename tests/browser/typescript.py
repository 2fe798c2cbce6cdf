"""`python -m tests.browser.typescript`: writes the app's types from our own OpenAPI description.

Only what the app uses is written, so that a change elsewhere does not touch it.
"""

import re
from collections.abc import Iterator
from typing import Any

from evslot.gateway import openapi
from evslot.values import UNUSUAL_DIGITS
from tests.architecture.house import ROOT

FILE = ROOT / "web" / "src" / "api" / "types.ts"
HEAD = """// Written by `make reference` from the routes of the gateway; changes belong there.
"""
OPERATIONS = (
    "GET /v1/browser-sessions/current",
    "POST /v1/browser-sessions",
    "DELETE /v1/browser-sessions/current",
    "POST /v1/sign-in-codes",
    "GET /v1/me",
    "PATCH /v1/me",
    "DELETE /v1/me",
    "GET /v1/me/export",
    "GET /v1/me/invitations",
    "POST /v1/me/invitations/{organisation_id}/acceptance",
    "DELETE /v1/me/invitations/{organisation_id}",
    "GET /v1/me/vehicles",
    "POST /v1/me/vehicles",
    "DELETE /v1/me/vehicles/{vehicle_id}",
    "GET /v1/me/sessions",
    "DELETE /v1/me/sessions",
    "GET /v1/me/notification-choices",
    "PUT /v1/me/notification-choices",
    "GET /v1/me/payment-methods",
    "DELETE /v1/me/payment-methods/{method_id}",
    "GET /v1/places",
    "GET /v1/stations",
    "GET /v1/stations/{station_id}",
    "GET /v1/stations/{station_id}/slots",
    "GET /v1/stickers/{code}",
    "POST /v1/quotes",
    "POST /v1/reservations",
    "GET /v1/reservations",
    "GET /v1/reservations/{reservation_id}",
    "GET /v1/reservations/{reservation_id}/trace",
    "POST /v1/reservations/{reservation_id}/hold",
    "POST /v1/reservations/{reservation_id}/payment",
    "POST /v1/reservations/{reservation_id}/check-in",
    "POST /v1/reservations/{reservation_id}/completion",
    "POST /v1/reservations/{reservation_id}/cancellation",
    "GET /v1/payment-provider",
    "GET /v1/payments/{payment_id}",
    "GET /v1/payments/{payment_id}/receipt",
    "POST /v1/payments/{payment_id}/challenge",
)
"""Those that there are: a route may come later than the app's use of it."""
ALSO = ("Problem", "SlotChange", "StationChange", "OwnChange", "Told")
"""Schemas of no operation: what went wrong, and what the live stream tells."""
PLAIN = {"integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
NAME = re.compile(r"^[A-Za-z_]\w*$")


def written() -> str:
    """The whole file."""
    document = openapi.document()
    schemas: dict[str, Any] = document["components"]["schemas"]
    used = [(name, found) for name in OPERATIONS if (found := _operation(document, name))]
    lines = [HEAD, "export interface Operations {"]
    names: set[str] = set(ALSO)
    for name, operation in used:
        entry = _entry(operation)
        names |= set(_names(operation))
        lines.append(f'  "{name}": {entry}')
    lines.append("}")
    for name in sorted(_reachable(schemas, names)):
        lines += ["", _declared(name, schemas[name])]
    digits = ", ".join(f"{currency}: {digits}" for currency, digits in UNUSUAL_DIGITS.items())
    lines += ["", f"export const UNUSUAL_DIGITS: Record<string, number> = {{ {digits} }};"]
    return "\n".join(lines) + "\n"


def _operation(document: dict[str, Any], name: str) -> dict[str, Any] | None:
    method, path = name.split(" ")
    found: dict[str, Any] | None = document["paths"].get(path, {}).get(method.lower())
    return found


def _entry(operation: dict[str, Any]) -> str:
    path = [one for one in operation.get("parameters", ()) if one["in"] == "path"]
    query = [one for one in operation.get("parameters", ()) if one["in"] == "query"]
    body = operation.get("requestBody")
    said = f"{_parameters(path)}; query: {_fields(query)}"
    return (
        f"{{ path: {said}; body: {_text(_json(body)) if body else 'undefined'}; "
        f"answer: {_text(_answer(operation))} }};"
    )


def _parameters(parameters: list[dict[str, Any]]) -> str:
    return _fields(parameters)


def _fields(parameters: list[dict[str, Any]]) -> str:
    fields = [
        f"{_key(one['name'])}{'' if one.get('required') else '?'}: {_text(one['schema'])}"
        for one in parameters
    ]
    return f"{{ {'; '.join(fields)} }}" if fields else "{}"


def _answer(operation: dict[str, Any]) -> dict[str, Any] | None:
    said = (one for status, one in operation["responses"].items() if status in ("200", "201"))
    return next((_json(one) for one in said), None)


def _json(part: dict[str, Any]) -> dict[str, Any] | None:
    schema: dict[str, Any] | None = (
        part.get("content", {}).get("application/json", {}).get("schema")
    )
    return schema


def _declared(name: str, schema: dict[str, Any]) -> str:
    if "properties" not in schema:
        return f"export type {name} = {_text(schema)};"
    needed = schema.get("required", ())
    lines = [f"export interface {name} {{"]
    for field, kind in schema["properties"].items():
        lines.append(f"  {_key(field)}{'' if field in needed else '?'}: {_text(kind)};")
    return "\n".join([*lines, "}"])


def _text(schema: dict[str, Any] | None) -> str:
    """A schema as a TypeScript type."""
    if schema is None:
        return "undefined"
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema or "oneOf" in schema:
        return " | ".join(_text(one) for one in schema.get("anyOf") or schema["oneOf"])
    if "const" in schema:
        return f'"{schema["const"]}"'
    if "enum" in schema:
        return " | ".join("null" if one is None else f'"{one}"' for one in schema["enum"])
    return _structure(schema)


def _structure(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if kind == "array":
        if "prefixItems" in schema:
            return f"[{', '.join(_text(one) for one in schema['prefixItems'])}]"
        inner = _text(schema.get("items") or {})
        return f"({inner})[]" if " | " in inner else f"{inner}[]"
    if kind == "object":
        more = schema.get("additionalProperties")
        return f"Record<string, {_text(more) if isinstance(more, dict) else 'unknown'}>"
    return "string" if kind == "string" else PLAIN.get(str(kind), "unknown")


def _key(name: str) -> str:
    return name if NAME.match(name) else f'"{name}"'


def _reachable(schemas: dict[str, Any], names: set[str]) -> set[str]:
    found: set[str] = set()
    todo = [name for name in names if name in schemas]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(_names(schemas[name]))
    return found


def _names(part: Any) -> Iterator[str]:
    """Every schema that is referred to in a part of the description, but for refusals."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "$ref":
                yield str(value).rpartition("/")[2]
            else:
                yield from _names(value)
    elif isinstance(part, list):
        for value in part:
            yield from _names(value)


if __name__ == "__main__":
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(written())
