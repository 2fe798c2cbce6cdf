"""Every operation of the HTTP description is used by a journey.

It comes last, and only where all journeys are run: see `pytest_collection_modifyitems` beside it.
"""

import httpx
import pytest

from tests.journeys.used_routes import USED, not_counted, note, operations


async def answered(method: str, path: str, status: int) -> None:
    request = httpx.Request(method, f"http://edge{path}")
    await note(httpx.Response(status, request=request))


@pytest.mark.anyio
async def test_a_refused_request_and_one_of_the_matrix_use_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = set(USED)
    await answered("GET", "/v1/payments/1", 404)
    await answered("GET", "/v1/nowhere", 200)
    with not_counted():
        await answered("GET", "/v1/me", 200)
    assert before == USED
    await answered("DELETE", "/v1/sessions/current", 204)
    used = set(USED)
    USED.clear()
    USED.update(before)
    assert "end_session" in used


def test_every_operation_is_used_by_a_journey() -> None:
    unused = {name: where for name, where in operations().items() if name not in USED}
    assert not unused, f"no journey uses {unused}"
