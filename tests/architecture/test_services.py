"""Every service has the same files, and its words follow the rules of names."""

import ast
import inspect
import re
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from evslot import system
from evslot.spine.message import Command, Event, Message, Query, Refusal, Sealed
from tests.architecture.house import (
    SOURCE,
    all_messages,
    messages_of,
    refusals_of,
    shown,
    tree,
    word_of,
)

ALWAYS = {"service", "handlers", "queries", "store", "domain", "messages", "schema"}
SOMETIMES = {"saga", "adapters", "templates", "locale"}
IMPERATIVES = {
    *("answer", "authorize", "await", "cancel", "capture", "create", "end", "hold", "import"),
    *("accept", "add", "change", "decline", "mark", "retire"),
    *("approve", "block", "ensure", "erase", "grant", "invite", "open", "reset", "revoke"),
    *("unblock", "withdraw"),
    *("check", "complete", "lift", "prolong", "remove", "save", "take"),
    *("pay", "refresh", "refund", "register", "request", "send", "set", "sign", "void"),
}
"""Verbs that begin a command; a new one is a word of the house and is added here on purpose."""
PARTICIPLES = {"Held", "Paid", "Sent", "Taken", "Made", "Begun", "Left", "Found"}
"""Those that do not end in -ed."""
CLOCKS = {"now", "utcnow", "today", "time", "monotonic", "perf_counter", "time_ns", "new_id"}


@pytest.mark.parametrize("service", system.SERVICES)
def test_every_service_has_the_same_files_and_no_others(service: str) -> None:
    folder = SOURCE / "services" / service
    files = {path.stem for path in folder.iterdir() if path.stem not in ("__init__", "__pycache__")}
    assert files - SOMETIMES == ALWAYS


@pytest.mark.parametrize("name", system.NAMES)
def test_schema_files_have_numbers_of_their_own_and_begin_at_one(name: str) -> None:
    for folder in system.schema_folders(name):
        numbers = [int(path.name[:4]) for path in sorted(folder.glob("*.sql"))]
        assert numbers[0] == 1
        assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("kind", all_messages(), ids=lambda kind: kind.__name__)
def test_every_message_says_what_it_is_and_has_a_key(kind: type[Message]) -> None:
    assert (kind.__doc__ or "").split("\n")[0].endswith("."), "a sentence of its own"
    assert kind.key is not Message.key, "says which partition it goes to"
    assert kind.VERSION >= 1


@pytest.mark.parametrize("kind", all_messages(), ids=lambda kind: kind.__name__)
def test_messages_are_named_by_the_rules(kind: type[Message]) -> None:
    words = re.findall(r"[A-Z][a-z0-9]*", kind.__name__)
    match word_of(kind):
        case "command":
            assert words[0].lower() in IMPERATIVES
            assert words[-1] not in ("Command", "Request")
        case "query":
            assert words[0] in ("Get", "List", "Find")
        case "event":
            assert words[-1].endswith("ed") or words[-1] in PARTICIPLES
            assert "Status" not in words
            assert words[-1] not in ("Updated", "Event"), "say what happened"


@pytest.mark.parametrize("service", system.SERVICES)
def test_refusals_say_one_sentence_under_one_code(service: str) -> None:
    refusals = refusals_of(service)
    codes = [kind().code for kind in refusals]
    assert len(codes) == len(set(codes))
    for kind in refusals:
        assert (kind.__doc__ or "").split("\n")[0].endswith("."), kind.__name__
        assert 400 <= kind.status < 500, kind.__name__
        assert Refusal not in kind.__bases__, f"{kind.__name__} is one of the known kinds of no"


@pytest.mark.parametrize("service", system.SERVICES)
def test_events_carry_nothing_secret_or_personal(service: str) -> None:
    events = [kind for kind in messages_of(service) if issubclass(kind, Event)]
    for kind in events:
        assert not _sealed_in(kind, set()), kind.__name__


@pytest.mark.parametrize("service", system.SERVICES)
def test_what_can_be_asked_is_handled(service: str) -> None:
    wired = system.service(service)
    handlers = wired.all_handlers()
    commands = {kind for kind in messages_of(service) if issubclass(kind, Command)}
    asked = {kind for kind in messages_of(service) if issubclass(kind, Query)}
    assert commands == handlers.one.keys() | handlers.many.keys()
    assert asked == wired.queries.on_query.keys()


@pytest.mark.parametrize("service", system.SERVICES)
def test_handlers_and_queries_bear_the_name_of_their_message(service: str) -> None:
    wired = system.service(service)
    handlers = wired.all_handlers()
    single = {**handlers.one, **wired.queries.on_query}
    for kind, run in single.items():
        assert _snake(kind.__name__) == run.__name__
    for kind, many in handlers.many.items():
        assert f"{_snake(kind.__name__)}s" == getattr(many.run, "__name__", "")


def test_messages_and_domain_read_no_clock() -> None:
    readers = [
        shown(path, node)
        for path in _plain_files()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and _reads_clock(node)
    ]
    assert readers == []


def _plain_files() -> list[Path]:
    services = SOURCE / "services"
    return [
        path
        for name in ("messages", "domain")
        for path in (*services.glob(f"*/{name}.py"), *services.glob(f"*/{name}/*.py"))
    ]


def _reads_clock(call: ast.Call) -> bool:
    """`datetime.now()`, `time.time()`; `datetime.time()` of a value has no clock behind it."""
    if isinstance(call.func, ast.Name):
        return call.func.id == "new_id"
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in CLOCKS:
        return False
    owner = call.func.value
    return isinstance(owner, ast.Name) and owner.id in ("datetime", "date", "time", "values")


def _sealed_in(kind: Any, seen: set[Any]) -> bool:
    """Whether a type holds a sealed field anywhere below."""
    if kind in seen:
        return False
    seen.add(kind)
    if inspect.isclass(getattr(kind, "__origin__", kind)):
        plain = getattr(kind, "__origin__", kind)
        if issubclass(plain, Sealed):
            return True
        if hasattr(plain, "__struct_fields__"):
            hints = get_type_hints(plain)
            return any(_sealed_in(hints[name], seen) for name in plain.__struct_fields__)
    return any(_sealed_in(argument, seen) for argument in get_args(kind))


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
