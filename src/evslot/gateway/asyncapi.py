"""/asyncapi.json (AsyncAPI 3): the topics and every message on them, made from the types."""

import inspect
from functools import cache
from types import ModuleType
from typing import Any, get_args, get_origin

import msgspec

from evslot.gateway.examples import example_of
from evslot.services.notification import messages as notification
from evslot.services.payment import messages as payment
from evslot.services.reservation import messages as reservation
from evslot.services.station import messages as station
from evslot.services.user import messages as user
from evslot.spine.message import (
    Command,
    Event,
    Message,
    Query,
    Sealed,
    message_types,
    outcome_type,
    wire_name,
)
from evslot.spine.topics import Topics

MODULES: dict[str, ModuleType] = {
    "user": user,
    "station": station,
    "reservation": reservation,
    "payment": payment,
    "notification": notification,
}
REF = "#/components/schemas/{name}"
REPLIES = "gateway-replies"
HEADERS = {
    "type": "object",
    "properties": {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {"type": "string", "format": "uuid", "description": "Command or event id"},
        "ce_type": {"type": "string", "description": "<service>.<Name>"},
        "ce_version": {"type": "string"},
        "ce_source": {"type": "string", "description": "The part that wrote the record"},
        "correlation_id": {"type": "string", "description": "One per HTTP attempt"},
        "answer_to": {
            "type": "string",
            "description": "<topic>/<partition> of a gateway, <topic>#<key> of a service",
        },
        "answer_key": {"type": "string", "description": "X25519 key to seal the answer to"},
        "answer_within": {"type": "string", "description": "Seconds from the broker's stamp on"},
        "begin_within": {"type": "string", "description": "Seconds from the broker's stamp on"},
        "caller": {"type": "string", "description": "JWT; worth nothing without its secret"},
        "traceparent": {"type": "string", "description": "W3C Trace Context"},
    },
    "required": ["ce_specversion", "ce_id", "ce_type", "ce_version", "ce_source"],
}

ANSWER = {
    "title": "Answer",
    "type": "object",
    "description": "What a service says to a command or query.",
    "properties": {
        "status": {
            "type": "integer",
            "description": "200 done, 4xx refused, 500 failed, 503 not done",
        },
        "body": {"description": "The outcome, where it was done"},
        "code": {"type": ["string", "null"]},
        "detail": {"type": ["string", "null"]},
        "details": {"type": ["object", "null"]},
        "sealed": {"type": "boolean", "description": "The body has sealed fields"},
        "replayed": {"type": "boolean"},
    },
    "required": ["status"],
}


@cache
def document() -> dict[str, Any]:
    """The whole description; the same object every time."""
    kinds = [kind for module in MODULES.values() for kind in message_types(module)]
    concrete = [kind for kind in kinds if _is_concrete(kind)]
    outcomes = [outcome_type(kind) for kind in concrete if issubclass(kind, Command | Query)]
    described = [*dict.fromkeys([*concrete, *outcomes])]
    # Two services may have a type of one name; only the answer here says what each is called.
    found, schemas = msgspec.json.schema_components(
        described, schema_hook=_sealed_schema, ref_template=REF
    )
    refs = dict(zip(described, found, strict=True))
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "evslot records",
            "version": "1",
            "description": "JSON records with CloudEvents 1.0 attributes as `ce_*` headers. "
            "Sealed fields are HPKE ciphertext for one part.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"kafka": {"host": "localhost:9092", "protocol": "kafka"}},
        "channels": _channels(concrete),
        "operations": _operations(concrete),
        "components": {
            "schemas": {**schemas, "Answer": ANSWER},
            "messages": {wire_name(kind): _message(kind, refs) for kind in concrete}
            | {"spine.Answer": _answer_message()},
        },
    }


def _is_concrete(kind: type[Message]) -> bool:
    """Not a base of others, such as ReservationEvent."""
    return not kind.__subclasses__()


def _channels(kinds: list[type[Message]]) -> dict[str, Any]:
    channels: dict[str, Any] = {}
    for topic in Topics().table():
        names = [wire_name(kind) for kind in kinds if _topic_of(kind) == topic.name]
        if topic.name == REPLIES:
            names = ["spine.Answer"]
        if names:
            channels[topic.name] = {
                "address": topic.name,
                "description": f"{topic.carries}; written by {topic.written_by}",
                "bindings": {"kafka": {"partitions": topic.partitions, "bindingVersion": "0.5.0"}},
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
            }
    return channels


def _operations(kinds: list[type[Message]]) -> dict[str, Any]:
    operations: dict[str, Any] = {}
    for kind in kinds:
        channel = f"#/channels/{_topic_of(kind)}"
        operation: dict[str, Any] = {
            "action": "send" if issubclass(kind, Event) else "receive",
            "channel": {"$ref": channel},
            "summary": _sentence(kind),
            "messages": [{"$ref": f"{channel}/messages/{wire_name(kind)}"}],
        }
        if not issubclass(kind, Event):
            operation["reply"] = {
                "channel": {"$ref": f"#/channels/{REPLIES}"},
                "messages": [{"$ref": f"#/channels/{REPLIES}/messages/spine.Answer"}],
            }
        operations[wire_name(kind)] = operation
    return operations


def _message(kind: type[Message], refs: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": wire_name(kind),
        "title": kind.__name__,
        "summary": _sentence(kind),
        "contentType": "application/json",
        "headers": HEADERS,
        "payload": refs[kind],
        "examples": [{"name": kind.__name__, "payload": example_of(kind)}],
        "x-version": kind.VERSION,
        "x-kind": _kind(kind),
    }
    if issubclass(kind, Command | Query):
        described["x-answer"] = refs[outcome_type(kind)]
    return described


def _answer_message() -> dict[str, Any]:
    return {
        "name": "spine.Answer",
        "title": "Answer",
        "summary": "What a service says to a command or query; `body` is its outcome.",
        "contentType": "application/json",
        "headers": HEADERS,
        "payload": {"$ref": REF.format(name="Answer")},
        "examples": [{"name": "Answer", "payload": {"status": 200, "body": {}}}],
        "x-version": 1,
        "x-kind": "answer",
    }


def _topic_of(kind: type[Message]) -> str:
    service = wire_name(kind).partition(".")[0]
    return Topics().events(service) if issubclass(kind, Event) else Topics().commands(service)


def _kind(kind: type[Message]) -> str:
    return next(
        name
        for base, name in ((Event, "event"), (Command, "command"), (Query, "query"))
        if issubclass(kind, base)
    )


def _sentence(kind: type[Any]) -> str:
    return " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split())


def _sealed_schema(kind: type[Any]) -> dict[str, Any]:
    origin = get_origin(kind) or kind
    if isinstance(origin, type) and issubclass(origin, Sealed):
        inner = msgspec.json.schema((get_args(kind) or (str,))[0])
        said = f"Sealed {origin.__name__.lower()}: <key id>.<base64url HPKE ciphertext>"
        return {"type": "string", "description": said, "x-sealed": inner}
    raise NotImplementedError(f"{kind} has no schema")
