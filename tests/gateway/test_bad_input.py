"""Bad input: a clear problem, before anything reaches a service."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from evslot.gateway.routes.station_bodies import EXAMPLE
from evslot.services.user import messages as user
from tests.gateway.edge_bench import Edge
from tests.harness import driver

pytestmark = pytest.mark.anyio

SIGN_IN = "/v1/sign-in-codes"
HOLD = "/v1/reservations"
QUOTE = "/v1/quotes"


def quote(start: str = "2026-12-01T17:00:00Z", end: str = "2026-12-01T18:00:00Z") -> dict[str, Any]:
    """A body for /v1/quotes."""
    ids = {"station_id": str(uuid4()), "charger_id": str(uuid4())}
    return {**ids, "period": {"start": start, "end": end}}


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        (b"", 400, "body_missing", None),
        (b"  ", 400, "body_missing", None),
        (b"{", 400, "json_broken", None),
        (b'{"email": "a@b.example",}', 400, "json_broken", None),
        (b'{"email": "\xff\xfe"}', 400, "json_broken", None),
        (b'{"email": "a\x00b"}', 400, "json_broken", None),
        (b'{"email": "\\ud800"}', 400, "json_broken", None),
        (b"[" * 20_000, 422, "field_invalid", ""),
        (b'{"email": ' + b"[" * 20_000, 422, "field_invalid", "email"),
        (b"null", 422, "field_invalid", ""),
        (b'"text"', 422, "field_invalid", ""),
        (b"{}", 422, "field_invalid", "email"),
        (b'{"email": 7}', 422, "field_invalid", "email"),
        (b'{"email": null}', 422, "field_invalid", "email"),
        (b'{"email": "a@b.example", "admin": true}', 422, "unknown_field", "admin"),
        (b'{"email": "a@b.example", "language": "english"}', 422, "field_invalid", "language"),
        (b'{"email": "a\\u0000@b.example"}', 422, "text_invalid", None),
        (b'{"email": "' + b"x" * 10_000 + b'"}', 422, "field_invalid", "email"),
        (b'{"email": "' + b"x" * 70_000 + b'"}', 413, "body_too_large", None),
    ],
)
async def test_a_body_that_does_not_fit_is_refused(
    edge: Edge, body: bytes, status: int, code: str, field: str | None
) -> None:
    refused = await edge.http.post(SIGN_IN, content=body)
    assert refused.headers["content-type"] == "application/problem+json"
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (status, code), problem
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    if field is not None:
        assert [(one["where"], one["field"]) for one in problem["errors"]] == [("body", field)]
    assert edge.responder.asked == []


async def test_text_that_only_looks_like_an_escape_is_text(edge: Edge) -> None:
    edge.responder.script[user.RequestSignInCode] = lambda *_: user.CodeRequested(valid_seconds=1)
    answered = await edge.http.post(SIGN_IN, content=b'{"email": "\\\\u0000@b.example"}')
    assert answered.status_code == 201
    assert edge.responder.asked[0].body.email.value == "\\u0000@b.example"


async def test_emoji_and_other_scripts_pass(edge: Edge) -> None:
    edge.responder.script[user.RequestSignInCode] = lambda *_: user.CodeRequested(valid_seconds=1)
    answered = await edge.http.post(SIGN_IN, json={"email": "🔌充電@b.example"})
    assert answered.status_code == 201
    assert edge.responder.asked[0].body.email.value == "🔌充電@b.example"


@pytest.mark.parametrize(
    ("start", "code", "field"),
    [
        ("2026-12-01T17:00:00", "offset_required", "period.start"),
        ("2026-12-01", "field_invalid", "period.start"),
        ("soon", "field_invalid", "period.start"),
        ("0001-01-01T00:00:00+14:00", "field_invalid", "period"),
        ("9999-12-31T23:59:59-12:00", "field_invalid", "period"),
        ("1969-12-31T00:00:00Z", "field_invalid", "period"),
        (17, "field_invalid", "period.start"),
    ],
)
async def test_a_time_without_sense_is_refused(
    edge: Edge, start: str, code: str, field: str
) -> None:
    refused = await edge.http.post(QUOTE, json=quote(start))
    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert refused.json()["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("tariff", "flat"), 10**30),
        (("tariff", "flat"), -1),
        (("tariff", "per_hour"), 1.5),
        (("tariff", "currency"), "euro"),
        (("position", "latitude"), 90.1),
        (("position", "longitude"), "13.4"),
        (("rule",), {"grid": 10**12}),
        (("chargers",), []),
        (("chargers",), [EXAMPLE["chargers"][0]] * 201),  # type: ignore[index]
        (("name",), "x" * 10_000),
        (("name",), ""),
        (("hours",), {"always": False, "exceptions": [{"day": "0001-01-01"}]}),
        (("terms",), "generous"),
        (("organisation_id",), "1"),
    ],
)
async def test_absurd_values_are_refused(edge: Edge, path: tuple[str, ...], value: Any) -> None:
    body: dict[str, Any] = {**EXAMPLE}
    if len(path) == 2:
        body[path[0]] = {**body[path[0]], path[1]: value}
    else:
        body[path[0]] = value
    refused = await edge.http.post("/v1/stations", json=body, headers=edge.headers())
    assert (refused.status_code, refused.json()["code"]) == (422, "field_invalid"), refused.text
    assert refused.json()["errors"][0]["field"].startswith(path[0])
    assert edge.responder.asked == []


async def test_a_number_too_large_for_any_type_is_refused(edge: Edge) -> None:
    body = b'{"email": "a@b.example", "language": ' + b"1" * 5000 + b"}"
    refused = await edge.http.post(SIGN_IN, content=body)
    assert refused.status_code in (400, 422)
    refused = await edge.http.post(SIGN_IN, content=b'{"email": 1e999}')
    assert refused.status_code in (400, 422)


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("", "field_invalid", "lat"),
        ("lat=52.5", "field_invalid", "lon"),
        ("lat=91&lon=13", "field_invalid", "lat"),
        ("lat=x&lon=13", "field_invalid", "lat"),
        ("lat=nan&lon=13", "field_invalid", "lat"),
        ("lat=inf&lon=13", "field_invalid", "lat"),
        ("box=nan,1,2,3", "field_invalid", "box"),
        ("box=1e999,1,2,3", "field_invalid", "box"),
        ("box=1,2,3", "field_invalid", "box"),
        ("lat=52&lon=13&radius=100001", "field_invalid", "radius"),
        ("lat=52&lon=13&limit=0", "field_invalid", "limit"),
        ("lat=52&lon=13&colour=red", "unknown_field", "colour"),
        ("lat=52&lon=13&lat=53", "field_invalid", "lat"),
        ("lat=52&lon=13&from=2026-12-01T17:00:00Z", "field_invalid", "to"),
        (
            "lat=52&lon=13&from=2026-12-01T17:00:00&to=2026-12-01T18:00:00Z",
            "offset_required",
            "from",
        ),
    ],
)
async def test_a_search_that_makes_no_sense_is_refused(
    edge: Edge, query: str, code: str, field: str
) -> None:
    refused = await edge.http.get(f"/v1/stations?{query}")
    assert (refused.status_code, refused.json()["code"]) == (422, code), refused.text
    (error,) = refused.json()["errors"]
    assert (error["where"], error["field"]) == ("query", field)
    assert edge.responder.asked == []


async def test_a_zero_byte_in_a_parameter_is_refused(edge: Edge) -> None:
    refused = await edge.http.get("/v1/stations?lat=52&lon=13&connector=a%00b")
    assert (refused.status_code, refused.json()["code"]) == (422, "text_invalid")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": "a@b.example"},
        {"email": "a@b.example", "code": "1", "password": "2"},
        {"refresh_token": "r", "email": "a@b.example"},
        {"code": "123456"},
    ],
)
async def test_credentials_must_be_one_of_three_pairs(edge: Edge, body: dict[str, str]) -> None:
    refused = await edge.http.post("/v1/sessions", json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "field_invalid")


async def test_strangers_are_told_to_sign_in_before_their_body_is_judged(edge: Edge) -> None:
    refused = await edge.http.post(HOLD, content=b"{")
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
    assert refused.headers["www-authenticate"] == 'Bearer realm="evslot"'


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "Bearer x", "Bearer a.b.c.d", "x"])
async def test_a_token_that_proves_nothing_is_refused(edge: Edge, header: str) -> None:
    for path in ("/v1/me", "/v1/stations?lat=52&lon=13"):
        refused = await edge.http.get(path, headers={"Authorization": header})
        assert refused.status_code == 401
        assert refused.headers["content-type"] == "application/problem+json"


async def test_an_expired_token_is_refused(edge: Edge) -> None:
    refused = await edge.http.get("/v1/me", headers=edge.sign(driver(), seconds=0))
    assert (refused.status_code, refused.json()["code"]) == (401, "token_invalid")


async def test_an_ended_session_is_refused_as_soon_as_its_end_is_heard(edge: Edge) -> None:
    somebody = driver()
    assert somebody.user_id is not None
    assert somebody.session_id is not None
    await edge.responder.emit(
        user.SessionEnded(
            user_id=somebody.user_id, session_id=somebody.session_id, reason="sign-out"
        )
    )
    edge.responder.script[user.GetMe] = lambda *_: user.UserNotFound()
    for _ in range(100):
        refused = await edge.http.get("/v1/me", headers=edge.sign(somebody))
        if refused.status_code == 401:
            break
        await asyncio.sleep(0.02)
    assert refused.json()["code"] == "token_invalid"


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "ä"])
async def test_an_idempotency_key_has_a_form(edge: Edge, key: str) -> None:
    headers = {"Idempotency-Key": key.encode()}
    body = {"email": "a@b.example"}
    refused = await edge.http.post(SIGN_IN, json=body, headers=headers)  # type: ignore[arg-type]
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_invalid")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("GET", "/v1/stations/not-an-id", 404, "not_found"),
        ("GET", "/v1/stations/%00", 404, "not_found"),
        ("PUT", "/v1/quotes", 405, "method_not_allowed"),
        ("DELETE", "/v1/stations", 405, "method_not_allowed"),
    ],
)
async def test_unknown_pages_and_methods_are_problems_too(
    edge: Edge, method: str, path: str, status: int, code: str
) -> None:
    refused = await edge.http.request(method, path)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert ("allow" in refused.headers) == (status == 405)


async def test_a_request_head_without_end_is_hung_up_on(edge: Edge) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.gateway.http.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: ")
    hung_up = False
    for _ in range(200):
        try:
            writer.write(b"x" * 4096)
            await writer.drain()
            await asyncio.sleep(0.005)
        except ConnectionError:
            hung_up = True
        if hung_up or reader.at_eof():
            break
    else:
        pytest.fail("800 kB of head were taken")
    writer.close()


async def test_every_answer_carries_security_headers(edge: Edge) -> None:
    for path in ("/docs", "/v1/nothing", "/v1/me"):
        answered = await edge.http.get(path)
        assert answered.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'self'" in answered.headers["content-security-policy"]
        assert len(answered.headers["x-request-id"]) == 16
        assert answered.headers["cache-control"] == "no-store"
