"""Logs hide what is secret, and the health pages tell the truth."""

import asyncio
import json
import logging
from collections.abc import Iterator
from uuid import uuid4

import pytest
import structlog
from msgspec import Struct

from evslot.spine import telemetry
from evslot.spine.message import Personal, Secret

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


class SignIn(Struct):
    email: Personal[str]
    code: Secret[str]


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_carries_part_level_time_and_what_is_bound(
    capsys: pytest.CaptureFixture[str],
) -> None:
    telemetry.configure_logs("user", "info")
    command_id = uuid4()
    with telemetry.log_context(correlation_id="abc", command_id=command_id):
        structlog.get_logger().info("handled", seconds=0.5)
        structlog.get_logger().debug("not shown")
    (line,) = lines(capsys)
    assert line.pop("time")
    assert line == {
        "part": "user",
        "level": "info",
        "event": "handled",
        "seconds": 0.5,
        "correlation_id": "abc",
        "command_id": str(command_id),
    }


def test_library_logs_take_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure_logs("user", "info")
    logging.getLogger("asyncpg.pool").warning("lost %s", "postgresql://ev:hunter2@db:5432/x")
    (line,) = lines(capsys)
    assert line["level"] == "warning"
    assert line["part"] == "user"
    assert line["logger"] == "asyncpg.pool"
    assert line["event"] == "lost postgresql://…db:5432/x"


def test_planted_values_reach_no_log_line(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure_logs("user", "info")
    log = structlog.get_logger()
    address, code, password = "planted@example.org", "483920", "correct horse battery"
    message = SignIn(email=Personal(address), code=Secret(code))
    log.info("got", message=message, sealed=message.code, inner=[{"a": message.email}])
    log.info("got", password=password, new_password=password, nested={"AccessToken": 1})
    log.info("got", access_token=password, authorization=password, code=code, Email=address)
    log.info(f"mailed {address}", body=password.encode())
    log.info("jwt", text="a eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl.secretpart b")
    try:
        raise ValueError(f"Key (email)=({address}) already exists")
    except ValueError:
        log.exception("failed")
        logging.getLogger("asyncpg").exception("failed too")
    text = capsys.readouterr().out
    for planted in (address, code, password, "secretpart", "c2lnbmF0dXJl"):
        assert planted not in text
    assert text.count("already exists") == 2 + 2  # each traceback: its source line and its error


def test_names_that_only_look_secret_are_shown() -> None:
    shown = telemetry.hide_secrets(None, "", {"status_code": 200, "encoded": 1, "tokens_left": 2})
    assert shown == {"status_code": 200, "encoded": 1, "tokens_left": 2}


async def get(port: int, request: bytes) -> tuple[int, dict[str, str], bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    head, _, body = (await asyncio.wait_for(reader.read(), 10)).partition(b"\r\n\r\n")
    writer.close()
    if not head:
        return 0, {}, b""
    first, *rest = head.decode().split("\r\n")
    return int(first.split(" ")[1]), dict(line.split(": ", 1) for line in rest), body


async def test_health_pages_say_what_is_missing() -> None:
    state: dict[str, str | bool] = {"database": True, "kafka": "not connected"}
    alive = [True]
    gaps: list[str] = []
    server = telemetry.HealthServer(0, lambda: alive[0], lambda: state, gaps=lambda: gaps)
    await server.start()
    try:
        assert (await get(server.port, b"GET /healthz HTTP/1.1\r\n\r\n"))[0] == 200
        status, headers, body = await get(server.port, b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status == 503
        assert headers["Content-Type"] == "application/json"
        assert json.loads(body) == {"ready": False, "parts": state}
        state["kafka"] = True
        gaps.append("user-events/3")  # told, and keeps nobody from being ready
        status, _, body = await get(server.port, b"GET /readyz?x=1 HTTP/1.1\r\n\r\n")
        assert status == 200
        assert json.loads(body) == {"ready": True, "parts": state, "gaps": gaps}
        alive[0] = False
        assert (await get(server.port, b"GET /healthz HTTP/1.1\r\n\r\n"))[0] == 503
        telemetry.REQUESTS.labels("user.GetMe", "200").inc()
        status, _, body = await get(server.port, b"GET /metrics HTTP/1.1\r\n\r\n")
        assert status == 200
        assert b'evslot_requests_total{outcome="200",type="user.GetMe"}' in body
        assert (await get(server.port, b"HEAD /metrics HTTP/1.1\r\n\r\n"))[2] == b""
        assert (await get(server.port, b"GET /other HTTP/1.1\r\n\r\n"))[0] == 404
        assert (await get(server.port, b"POST /healthz HTTP/1.1\r\n\r\n"))[0] == 405
        assert (await get(server.port, b"nonsense\r\n\r\n"))[0] == 405
    finally:
        await server.stop()


async def test_a_slow_or_huge_request_is_dropped_and_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(telemetry.HealthServer, "SECONDS", 0.2)
    server = telemetry.HealthServer(0, lambda: True, lambda: {})
    await server.start()
    try:
        slow = asyncio.create_task(get(server.port, b"GET /healthz"))
        huge = asyncio.create_task(get(server.port, b"GET /" + b"a" * 9000))
        assert (await get(server.port, b"GET /healthz HTTP/1.1\r\n\r\n"))[0] == 200
        assert await slow == (0, {}, b"")
        (dropped,) = await asyncio.gather(huge, return_exceptions=True)
        assert dropped == (0, {}, b"") or isinstance(dropped, ConnectionResetError)
    finally:
        await server.stop()


async def test_a_taken_port_is_named_with_its_setting() -> None:
    first = telemetry.HealthServer(0, lambda: True, lambda: {})
    await first.start()
    try:
        second = telemetry.HealthServer(
            first.port, lambda: True, lambda: {}, setting="EVSLOT_USER_HEALTH_PORT"
        )
        with pytest.raises(telemetry.PortTaken, match="change EVSLOT_USER_HEALTH_PORT"):
            await second.start()
    finally:
        await first.stop()
