"""The generated pages are fresh, and every setting that is named anywhere exists."""

import ast
import re

import pytest

from evslot import system
from tests.architecture.house import ROOT, python_files, shown, text_files, tree
from tests.architecture.reference import FOLDER, PAGES, SETTINGS, setting_names

READERS = {"read", "shared"}
CONTAINERS = ("compose.yaml", ".env.example", "Dockerfile")
"""These have variables of their own besides, which no part reads."""
NAMED = re.compile(r"\bEVSLOT_(?:[A-Z0-9]+_)*[A-Z0-9]+\b(?!_)")


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_what_the_code_says(name: str) -> None:
    assert (FOLDER / name).read_text() == PAGES[name](), "run `make reference`"


def test_every_setting_that_is_named_exists() -> None:
    of_no_part = {"EVSLOT_WEB", "EVSLOT_STREETS"} | {"EVSLOT_SHOTS", "EVSLOT_CHROMIUM"}
    contained = {
        name
        for file in CONTAINERS
        if (ROOT / file).exists()
        for name in NAMED.findall((ROOT / file).read_text())
    }
    known = of_no_part | contained | setting_names()
    strangers = {
        f"{shown(path)}: {name}"
        for path in text_files()
        if path.suffix in (".py", ".md", ".j2") and not path.is_relative_to(ROOT / "tests")
        for name in NAMED.findall(path.read_text())
        if name not in known
    }
    assert strangers == set()


def test_every_struct_that_settings_are_read_into_is_on_the_page() -> None:
    listed = {kind.__name__ for _, _, kind, _ in SETTINGS}
    read = {
        node.args[0].id
        for path in python_files("src")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in READERS
        and node.args
        and isinstance(node.args[0], ast.Name)
        and node.args[0].id[0].isupper()
    }
    assert read <= listed


def test_the_parts_on_the_settings_page_are_those_there_are() -> None:
    parts = {prefix.removeprefix("EVSLOT_").strip("_").lower() for _, prefix, _, _ in SETTINGS}
    assert parts - {"", "<part>"} <= set(system.NAMES)
