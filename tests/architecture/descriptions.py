"""Reads off the source what a struct's fields are: type, default, and the words below them."""

import ast
import inspect
from pathlib import Path
from typing import Any

from msgspec import Struct

from tests.architecture.house import tree


class FieldLine(Struct, frozen=True):
    """One field, as its author wrote it."""

    name: str
    kind: str
    default: str | None
    words: str


def fields_of(kind: type[Any]) -> list[FieldLine]:
    """All fields in order, those of base classes first."""
    lines: dict[str, FieldLine] = {}
    for owner in reversed(kind.__mro__):
        if getattr(owner, "__struct_fields__", ()) and owner.__module__.startswith("evslot"):
            lines |= {line.name: line for line in _own_fields(owner)}
    return list(lines.values())


def sentence(kind: type[Any]) -> str:
    """The docstring as one paragraph."""
    return " ".join(inspect.cleandoc(kind.__doc__ or "").split())


def key_of(kind: type[Any]) -> str:
    """What `key()` answers, in the words of the code; `none` where order does not matter."""
    for owner in kind.__mro__:
        if "key" in vars(owner):
            body = _method(owner, "key")
            returned = [node for node in ast.walk(body) if isinstance(node, ast.Return)]
            text = ast.unparse(returned[0].value or ast.Constant(None)) if returned else "None"
            return "none" if text == "None" else f"`{text.replace('self.', '')}`"
    raise LookupError(f"{kind.__name__} has no key")


def _own_fields(owner: type[Any]) -> list[FieldLine]:
    body = _class(owner).body
    return [
        FieldLine(
            name=node.target.id,
            kind=_plain(node.annotation),
            default=ast.unparse(node.value) if node.value is not None else None,
            words=_words(body[place + 1] if place + 1 < len(body) else None),
        )
        for place, node in enumerate(body)
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and "ClassVar" not in ast.unparse(node.annotation)
    ]


def _plain(annotation: ast.expr) -> str:
    """`Annotated[int, Meta(ge=1)]` -> `int, ge=1`."""
    text = ast.unparse(annotation).replace("typing.", "").replace("msgspec.", "")
    if text.startswith("Annotated["):
        return text.removeprefix("Annotated[").removesuffix("]").replace("Meta(", "").rstrip(")")
    return text


def _words(after: ast.stmt | None) -> str:
    if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
        return " ".join(str(after.value.value).split())
    return ""


def _class(owner: type[Any]) -> ast.ClassDef:
    path = Path(inspect.getfile(owner)).resolve()
    return next(
        node
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef) and node.name == owner.__name__
    )


def _method(owner: type[Any], name: str) -> ast.FunctionDef:
    return next(
        node
        for node in _class(owner).body
        if isinstance(node, ast.FunctionDef) and node.name == name
    )
