"""/openapi.json (OpenAPI 3.1), made from the routes' own signatures and types."""

import inspect
from collections.abc import Iterable
from functools import cache
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
from litestar import Response
from litestar.response import Stream
from msgspec import Struct

from evslot.gateway import problems
from evslot.gateway.answers import OperationView
from evslot.gateway.examples import example_of
from evslot.gateway.limits import RateLimited, class_of
from evslot.gateway.listening import OwnChange, SlotChange, StationChange, Told
from evslot.gateway.problems import Problem
from evslot.gateway.routes import ROUTES
from evslot.spine.callers import TokenInvalid
from evslot.spine.message import Refusal, Unauthenticated, snake_case

REF = "#/components/schemas/{name}"
INTRODUCTION = """Find a charging station, see what is really free, book a slot, pay, and be told.

Errors are `application/problem+json` (RFC 9457) with a stable `code`. Times are RFC 3339 with
offset. Send an `Idempotency-Key` with writes: a repeat gets the same answer. Where an answer takes
longer than the request waits, it is `202` with a `Location` under `/v1/operations`. Answers about a
booking carry `Evslot-Version`: sent back on a read, the answer knows of it, or says in
`Evslot-View-Age` for how many seconds it does not yet."""

PATH_SCHEMAS: dict[str, dict[str, Any]] = {
    "uuid": {"type": "string", "format": "uuid"},
    "str": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[^/]+$"},
    "int": {"type": "integer"},
}
WAIT = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}}
LIVE_KINDS = (SlotChange, StationChange, OwnChange, Told)
BODY_REFUSALS = (
    problems.JsonBroken,
    problems.BodyMissing,
    problems.BodyTooLarge,
    problems.FieldInvalid,
    problems.UnknownField,
    problems.OffsetRequired,
    problems.TextInvalid,
)


class Failed(Refusal):
    """Something is wrong on our side."""

    status = 500


class TooLate(Refusal):
    """This came too late to be done; nothing was changed."""

    status = 503


class IdempotencyKeyReused(Refusal):
    """This Idempotency-Key was used for another request; choose a new one."""

    status = 422


@cache
def document() -> dict[str, Any]:
    """The whole description; the same object every time."""
    components = _components()[1]
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        for path in route.paths:
            method = next(iter(route.http_methods)).lower()
            paths.setdefault(_path(path), {})[method] = _operation(route, path)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "evslot",
            "version": _version(),
            "description": INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.opt["tag"] for route in ROUTES)],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "`access_token` of POST /v1/sessions",
                }
            },
        },
    }


@cache
def _components() -> tuple[dict[Any, dict[str, Any]], dict[str, Any]]:
    """How each type is referred to, and the schemas themselves."""
    kinds = [_answer_type(route) for route in ROUTES] + [body_type(route) for route in ROUTES]
    plain = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Struct)]
    described = [*dict.fromkeys([*plain, Problem, OperationView, *LIVE_KINDS])]
    refs, schemas = msgspec.json.schema_components(described, ref_template=REF)
    return dict(zip(described, refs, strict=True)), schemas


def refusals_of(route: Any) -> dict[int, list[type[Refusal]]]:
    """Every no that a route can say, by status."""
    said: list[type[Refusal]] = [*route.opt["refusals"]]
    said += [Unauthenticated, TokenInvalid]  # a wrong token is refused where none is needed, too
    said += BODY_REFUSALS if body_type(route) else []
    said += [problems.BodyTooLarge] if route.opt["raw_body"] else []
    said += [problems.FieldInvalid, problems.UnknownField] if route.opt["parameters"] else []
    if is_write(route):
        said += [IdempotencyKeyReused, problems.IdempotencyKeyInvalid, problems.OutcomeUnknown]
        said += [TooLate]
    said += [] if class_of(route) == "none" else [RateLimited]
    said += [problems.Unavailable, problems.Busy, Failed]
    by_status: dict[int, list[type[Refusal]]] = {}
    for refusal in dict.fromkeys(said):
        by_status.setdefault(refusal.status, []).append(refusal)
    return dict(sorted(by_status.items()))


def needs_token(route: Any) -> bool:
    return "driver" in inspect.signature(route.fn).parameters


def sentence_of(refusal: type[Refusal]) -> str:
    return (inspect.getdoc(refusal) or "").split("\n")[0]


def code_of(refusal: type[Refusal]) -> str:
    return snake_case(refusal.__name__)


def _operation(route: Any, path: str) -> dict[str, Any]:
    summary, _, description = (inspect.getdoc(route.fn) or "").partition("\n\n")
    operation: dict[str, Any] = {
        "operationId": route.fn.__name__,
        "tags": [route.opt["tag"]],
        "summary": " ".join(summary.split()),
        "description": description,
        "parameters": [*_path_parameters(path), *_query_parameters(route), *_headers(route)],
        "responses": _responses(route),
    }
    if needs_token(route):
        operation["security"] = [{"bearer": []}]
    if body := _request_body(route):
        operation["requestBody"] = body
    return operation


def _request_body(route: Any) -> dict[str, Any] | None:
    if raw := route.opt["raw_body"]:
        content = {"schema": {"type": "string"}, "example": route.opt["example"]}
        return {"required": True, "content": {raw: content}}
    body = body_type(route)
    if body is None:
        return None
    content = {"schema": _schema_of(body), "example": route.opt["example"]}
    required = not _is_optional(get_type_hints(route.fn)["data"])
    return {"required": required, "content": {"application/json": content}}


def _responses(route: Any) -> dict[str, Any]:
    said: dict[str, Any] = {str(route.status_code): _success(route)}
    if is_write(route):
        said["202"] = {
            "description": "Taken; the outcome can be read at the operation.",
            "headers": {"Location": {"schema": {"type": "string"}}},
            "content": _content("application/json", OperationView),
        }
    for status, refusals in refusals_of(route).items():
        said[str(status)] = {
            "description": "; ".join(f"`{code_of(one)}`" for one in refusals),
            **({"headers": WAIT} if status in (429, 503) else {}),
            "content": {
                problems.MEDIA_TYPE: {
                    "schema": _schema_of(Problem),
                    "examples": {code_of(one): {"value": _problem(one)} for one in refusals},
                }
            },
        }
    return said


def _success(route: Any) -> dict[str, Any]:
    answer = _answer_type(route)
    phrase = HTTPStatus(route.status_code).phrase
    said: dict[str, Any] = {"description": phrase}
    if route.status_code == 201 and _answers_response(route):
        said["headers"] = {"Location": {"schema": {"type": "string"}}}
    if answer is None:
        return said
    if is_write(route) and (links := _links(answer)):
        said["links"] = links
    if answer is Stream and not route.opt["media"]:
        value = "id: AQID\nevent: slot\ndata: {…}\n\n"
        return {
            "description": "A stream of events `slot`, `station`, `reservation`, `payment`, "
            "`notification`, `reset`.",
            "content": {"text/event-stream": {"schema": {"type": "string"}, "example": value}},
        }
    content = {media: {"schema": {"type": "string"}} for media in route.opt["media"]}
    if answer not in (bytes, str, Stream):
        content |= _content("application/json", answer)
    return {**said, "content": content}


def _links(answer: Any) -> dict[str, Any]:
    """Where to go on with what was answered: every operation on one of its ids."""
    ids = [name for name in getattr(answer, "__struct_fields__", ()) if name.endswith("_id")]
    links: dict[str, Any] = {}
    for route in ROUTES:
        named = [one["name"] for path in route.paths for one in _path_parameters(path)]
        for name in ids:
            if named == [name]:
                links[route.fn.__name__] = {
                    "operationId": route.fn.__name__,
                    "parameters": {name: f"$response.body#/{name}"},
                }
    return links


def _content(media_type: str, kind: Any) -> dict[str, Any]:
    return {media_type: {"schema": _schema_of(kind), "example": example_of(kind)}}


def _problem(refusal: type[Refusal]) -> dict[str, Any]:
    code = code_of(refusal)
    return {
        "type": problems.type_of(code),
        "title": problems.title_of(code),
        "status": refusal.status,
        "code": code,
        "detail": sentence_of(refusal),
        "instance": "/v1/…",
        "request_id": "9f86d081884c7d65",
    }


def _schema_of(kind: Any) -> dict[str, Any]:
    return _components()[0].get(kind) or msgspec.json.schema(kind)


def _query_parameters(route: Any) -> Iterable[dict[str, Any]]:
    if route.opt["parameters"] is None:
        return
    for field in msgspec.structs.fields(route.opt["parameters"]):
        schema = msgspec.json.schema(field.type)
        described = schema.pop("description", None) or _description_inside(schema)
        if not field.required and field.default is not None:
            schema["default"] = field.default
        yield {
            "name": field.encode_name,
            "in": "query",
            "required": field.required,
            **({"description": described} if described else {}),
            "schema": schema,
        }


def _description_inside(schema: dict[str, Any]) -> str | None:
    found = [one["description"] for one in schema.get("anyOf", ()) if "description" in one]
    return found[0] if found else None


def _headers(route: Any) -> Iterable[dict[str, Any]]:
    if is_write(route):
        yield _header("Idempotency-Key", "A repeat with the same key gets the same answer.")
        yield _header("Prefer", "`respond-async`: do not wait, answer 202.")
    if _answer_type(route) is Stream and not route.opt["media"]:
        yield _header("Last-Event-ID", "The last `id:` that was read.")


def _header(name: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "description": description,
        "schema": {"type": "string", "maxLength": 600},
    }


def _path_parameters(path: str) -> Iterable[dict[str, Any]]:
    for piece in path.split("/"):
        if piece.startswith("{"):
            name, _, kind = piece.strip("{}").partition(":")
            schema = PATH_SCHEMAS[kind or "str"]
            yield {"name": name, "in": "path", "required": True, "schema": schema}


def _path(path: str) -> str:
    return "/".join(
        "{" + piece.strip("{}").partition(":")[0] + "}" if piece.startswith("{") else piece
        for piece in path.split("/")
    )


def _answers_response(route: Any) -> bool:
    return get_origin(get_type_hints(route.fn)["return"]) is Response


def _answer_type(route: Any) -> Any:
    kind = get_type_hints(route.fn)["return"]
    if get_origin(kind) is Response:
        kind = get_args(kind)[0]
    return None if kind is type(None) else kind


def body_type(route: Any) -> Any:
    kind = get_type_hints(route.fn).get("data")
    if kind is not None and _is_optional(kind):
        return next(one for one in get_args(kind) if one is not type(None))
    return kind


def _is_optional(kind: Any) -> bool:
    return type(None) in get_args(kind)


def is_write(route: Any) -> bool:
    """Whether it changes something: a POST that is a question (a quote) says 200."""
    methods: set[str] = set(route.http_methods)
    return methods != {"GET"} and not (methods == {"POST"} and route.status_code == 200)


def _version() -> str:
    try:
        return version("evslot")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "0"
