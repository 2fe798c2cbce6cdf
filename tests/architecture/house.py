"""Reads the tree of the project for the checks: its files, their text, their syntax."""

import ast
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

from evslot import system
from evslot.spine import operations
from evslot.spine.message import Command, Event, Message, Query, Refusal, message_types

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "evslot"
FOLDERS = ("src", "tests", "benchmarks", "docs", "requirements", "deploy", "web", ".ci")
"""What is ours besides the files at the top; data folders and environments are not."""
TEXTS = {".py", ".md", ".sql", ".toml", ".txt", ".in", ".j2", ".css", ".js", ".json", ".yaml"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def python_files(*folders: str) -> tuple[Path, ...]:
    """All Python of the named folders (default: all there is)."""
    chosen = folders or ("src", "tests", "benchmarks")
    return tuple(sorted(path for folder in chosen for path in (ROOT / folder).rglob("*.py")))


def text_files() -> Iterator[Path]:
    """Everything people wrote, Python too."""
    for path in ROOT.iterdir():
        if path.is_file() and (path.suffix in TEXTS or path.name in ("Makefile", "Dockerfile")):
            yield path
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if "node_modules" in path.parts:
                continue  # what npm brought is not ours
            if path.is_file() and (path.suffix in TEXTS or path.parent.name == ".ci"):
                yield path


@cache
def tree(path: Path) -> ast.Module:
    """The syntax of a file; read once a run."""
    return ast.parse(path.read_text(), filename=str(path))


def functions(path: Path) -> Iterator[Function]:
    """Every function of a file, inner ones too."""
    for node in ast.walk(tree(path)):
        if isinstance(node, Function):
            yield node


def shown(path: Path, node: ast.AST | None = None) -> str:
    """`src/evslot/values.py:12`, as an editor opens it."""
    line = f":{getattr(node, 'lineno', 1)}" if node is not None else ""
    return f"{path.relative_to(ROOT)}{line}"


def messages_of(service: str) -> list[type[Message]]:
    """The messages a service defines, without the classes that only hold what several share."""
    module = import_module(f"evslot.services.{service}.messages")
    return [kind for kind in message_types(module) if not kind.__subclasses__()]


def all_messages() -> list[type[Message]]:
    """Of every service, and the one question the spine answers."""
    return [
        *(kind for service in system.SERVICES for kind in messages_of(service)),
        operations.GetOperation,
    ]


def refusals_of(service: str) -> list[type[Refusal]]:
    """What a service may say no with."""
    module = import_module(f"evslot.services.{service}.messages")
    return [
        kind
        for kind in vars(module).values()
        if isinstance(kind, type)
        and issubclass(kind, Refusal)
        and kind.__module__.startswith(module.__name__)
    ]


def word_of(kind: type[Message]) -> str:
    """command, query or event."""
    for base, word in ((Command, "command"), (Query, "query"), (Event, "event")):
        if issubclass(kind, base):
            return word
    raise TypeError(f"{kind.__name__} is no command, query or event")
