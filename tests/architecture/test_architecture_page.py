"""The tables of ARCHITECTURE.md say what the code does."""

import re
from datetime import timedelta
from importlib import import_module
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from msgspec import Struct

from evslot import system
from evslot.spine.message import Message, Sealed
from evslot.spine.topics import Topics
from tests.architecture.house import ROOT, SOURCE, python_files
from tests.architecture.reference import kept
from tests.architecture.test_contracts import OPEN

PAGE = (ROOT / "ARCHITECTURE.md").read_text()
CODE = re.compile(r"`([^`]+)`")
SECONDS = {"s": 1, "min": 60, "days": 86_400}


def _rows(title: str) -> list[list[str]]:
    """The cells of the first table below a heading."""
    section = PAGE.split(title, 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


LIMITS = _rows("## 6. Times and limits")


def test_the_parts_are_those_there_are() -> None:
    told = [
        (name, database, owner, int(published), int(health))
        for name, _, database, owner, published, health in _rows("## 1. Parts")
    ]
    assert told == [
        (f"`{p.name}`", f"`{p.database}`", f"`{p.owner}`", p.compose_port, p.health_port)
        for p in system.PARTS
    ]


def test_the_topics_are_those_that_are_made() -> None:
    told = {
        name: (carries, int(partitions), kept)
        for names, carries, _, partitions, kept, _ in _rows("## 4. Topics")
        for name in CODE.findall(names)
    }
    made = {
        topic.name: (topic.carries, topic.partitions, kept(topic.retention_ms))
        for topic in Topics().table()
    }
    assert told == made


@pytest.mark.parametrize("row", LIMITS, ids=lambda row: row[0])
def test_a_time_or_limit_is_the_one_in_the_code(row: list[str]) -> None:
    _, told, where = row
    name = where.strip("`")
    if name.startswith("evslot."):
        assert _number(told) == _value(name)
    else:
        assert any(name in path.read_text() for path in python_files("src")), name


def test_what_is_sealed_is_what_the_types_say() -> None:
    told = {
        name.strip("`"): set(CODE.findall(fields)) for name, fields in _rows("## 7. What is sealed")
    }
    found = {}
    for service in system.SERVICES:
        module = import_module(f"evslot.services.{service}.messages")
        for kind in vars(module).values():
            if (
                isinstance(kind, type)
                and issubclass(kind, Struct)
                and not _is_foreign(kind, service)
            ):
                sealed = {name for name, hint in get_type_hints(kind).items() if _is_sealed(hint)}
                if sealed:
                    found[f"{service}.{kind.__name__}"] = sealed
    assert told == found


def test_the_modules_of_the_map_and_of_the_spine_exist() -> None:
    section = PAGE.split("## 2. Code map", 1)[1].split("\n## ", 1)[0]
    listed = section.split("nothing imports upwards:", 1)[1]
    floors = [re.split(r"\s{2,}", line.strip())[0] for line in listed.splitlines() if line.strip()]
    modules = {name for floor in floors for name in floor.split(" · ")}
    there = {p.stem for p in (SOURCE / "spine").iterdir() if p.stem not in ("__init__", "schema")}
    assert modules == there - {"__pycache__"}
    opened = section.split("A service sees of the spine:")[1].split(".\n")[0]
    assert set(CODE.findall(opened)) == OPEN


def test_links_lead_to_files() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)} -> {target}"
        for page in pages
        for target in re.findall(r"\]\((?!http|#)([^)#]+)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_files_named_as_checks_exist() -> None:
    named = {
        name
        for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        for name in re.findall(r"`(tests/[\w/.]+)`", page.read_text())
    }
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def _number(text: str) -> float:
    amount, _, unit = text.partition(" ")
    return float(amount) * SECONDS.get(unit, 1)


def _value(path: str) -> float:
    """A constant, or the default of a setting."""
    owner, _, name = path.rpartition(".")
    module, _, kind = owner.rpartition(".")
    if kind[0].isupper():
        fields = msgspec.structs.fields(getattr(import_module(module), kind))
        return float(next(field.default for field in fields if field.name == name))
    found: Any = getattr(import_module(owner), name)
    return found.total_seconds() if isinstance(found, timedelta) else float(found)


def _is_foreign(kind: type[Any], service: str) -> bool:
    return kind is Message or not kind.__module__.startswith(f"evslot.services.{service}.")


def _is_sealed(hint: Any) -> bool:
    origin = getattr(hint, "__origin__", hint)
    if isinstance(origin, type) and issubclass(origin, Sealed):
        return True
    return any(_is_sealed(inner) for inner in get_args(hint))
