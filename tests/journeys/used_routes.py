"""Which operations the journeys have used: noted from every answer that was no refusal."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import httpx

from evslot.gateway import openapi

USED: set[str] = set()
"""Operation ids."""
_counted: ContextVar[bool] = ContextVar("counted", default=True)


def operations() -> dict[str, tuple[str, str]]:
    """Operation id -> method and path template, of the whole description."""
    return {
        operation["operationId"]: (method.upper(), path)
        for path, methods in openapi.document()["paths"].items()
        for method, operation in methods.items()
    }


# The more is written out, the earlier it is tried: /v1/sessions/current before /v1/sessions/{id}.
_TEMPLATES = sorted(
    (
        (path.count("{"), method, re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), name)
        for name, (method, path) in operations().items()
    ),
    key=lambda known: known[0],
)


async def note(answer: httpx.Response) -> None:
    """An event hook of the journeys' HTTP clients."""
    if answer.status_code >= 400 or not _counted.get():
        return
    path = answer.request.url.path
    for _, method, template, name in _TEMPLATES:
        if method == answer.request.method and template.fullmatch(path):
            USED.add(name)
            return


@contextmanager
def not_counted() -> Iterator[None]:
    """Around requests that follow from the description itself: they prove no journey."""
    before = _counted.set(False)
    try:
        yield
    finally:
        _counted.reset(before)
