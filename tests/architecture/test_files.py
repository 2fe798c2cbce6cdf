"""Sizes, names and habits of every Python file."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.house import SOURCE, functions, python_files, shown, tree

FILE_LINES = 400
FUNCTION_LINES = 50
DRAWERS = {"utils", "util", "helpers", "helper", "common", "core", "base", "manager", "misc"}
SQL = re.compile(
    r"^\s*(select\s|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s|with\s+\w+\s+as\s*\("
    r"|(create|alter|drop)\s+(table|role|database|index|extension)\s)",
    re.IGNORECASE,
)
HOLD_SQL = {"store", "queries", "spine", "schema"}
"""Files or folders of these names, and the one below."""
PROVISIONING = SOURCE / "embedded" / "postgres.py"
"""Makes roles and databases on a server that has none yet."""


def test_no_file_is_longer_than_400_lines() -> None:
    long = {shown(path): _lines(path) for path in python_files() if _lines(path) > FILE_LINES}
    assert long == {}


def test_no_function_is_longer_than_50_lines() -> None:
    long = {
        f"{shown(path, node)} {node.name}": length
        for path in python_files()
        for node in functions(path)
        if (length := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES
    }
    assert long == {}


def test_every_module_says_its_purpose_in_a_sentence() -> None:
    mute = [
        shown(path)
        for path in python_files()
        if not (ast.get_docstring(tree(path)) or "").split("\n\n")[0].rstrip().endswith((".", ":"))
    ]
    assert mute == []


def test_no_module_is_a_drawer() -> None:
    assert [shown(path) for path in python_files() if path.stem in DRAWERS] == []


def test_sql_stands_only_in_stores_queries_schemas_and_the_spine() -> None:
    strays = [
        shown(path, node)
        for path in python_files("src")
        if path != PROVISIONING and not HOLD_SQL & {*path.relative_to(SOURCE).parts, path.stem}
        for node, text in _texts(path)
        if SQL.match(text)
    ]
    assert strays == []


def test_no_error_is_swallowed() -> None:
    swallowed = [
        shown(path, node)
        for path in python_files()
        for node in ast.walk(tree(path))
        if _swallows(node)
    ]
    assert swallowed == []


def test_no_test_is_skipped_or_expected_to_fail() -> None:
    ducked = [
        shown(path, node)
        for path in python_files("tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and node.attr in ("skip", "skipif", "xfail", "importorskip", "skipIf", "skipUnless")
    ]
    assert ducked == []


def test_tests_have_sentences_for_names() -> None:
    terse = [
        shown(path, node)
        for path in python_files("tests")
        if path.stem.startswith("test_")
        for node in functions(path)
        if node.name.startswith("test_") and node.name.count("_") < 3
    ]
    assert terse == []


def _lines(path: Path) -> int:
    return path.read_text().count("\n")


def _texts(path: Path) -> Iterator[tuple[ast.Constant, str]]:
    """Strings that are no docstrings; of an f-string its parts."""
    mute = {
        id(node.value)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in mute:
            yield node, node.value


def _swallows(node: ast.AST) -> bool:
    """`except …: pass`, or everything suppressed."""
    if isinstance(node, ast.ExceptHandler):
        only = node.body[0]
        empty = isinstance(only, ast.Pass) or (
            isinstance(only, ast.Expr) and isinstance(only.value, ast.Constant)
        )
        return len(node.body) == 1 and empty
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
        return bool({"Exception", "BaseException"} & {ast.unparse(what) for what in node.args})
    return False
