"""What a part shows of itself: log lines, metrics, and the pages that say whether it is well."""

import asyncio
import json
import logging
import platform
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from uuid import UUID

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    gc_collector,
    generate_latest,
    platform_collector,
    process_collector,
)

REGISTRY = CollectorRegistry()
process_collector.ProcessCollector(registry=REGISTRY)
platform_collector.PlatformCollector(registry=REGISTRY)
gc_collector.GCCollector(registry=REGISTRY)

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)

BUILD_INFO = Info("evslot_build", "What runs here.", registry=REGISTRY)
REQUESTS = Counter(
    "evslot_requests", "Commands and queries by outcome.", ["type", "outcome"], registry=REGISTRY
)
HTTP_SECONDS = Histogram(
    "evslot_http_seconds",
    "HTTP requests at the edge.",
    ["route", "status"],
    buckets=SECONDS,
    registry=REGISTRY,
)
BATCH_SIZE = Histogram(
    "evslot_batch_size",
    "Records handled in one transaction.",
    ["lane"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
    registry=REGISTRY,
)
HANDLER_SECONDS = Histogram(
    "evslot_handler_seconds",
    "Time in handlers and queries.",
    ["type"],
    buckets=SECONDS,
    registry=REGISTRY,
)
CONSUMER_LAG = Gauge(
    "evslot_consumer_lag", "Records not read yet.", ["topic", "partition"], registry=REGISTRY
)
OUTBOX_AGE = Gauge(
    "evslot_outbox_age_seconds", "Age of the oldest unsent outbox row.", registry=REGISTRY
)
OUTBOX_BACKLOG = Gauge("evslot_outbox_backlog", "Unsent outbox rows.", registry=REGISTRY)
EVENT_GAPS = Gauge(
    "evslot_event_gaps", "Partitions of which events were missed.", registry=REGISTRY
)
JOBS = Gauge("evslot_jobs", "Jobs by state.", ["kind", "state"], registry=REGISTRY)
POOL_IN_USE = Gauge("evslot_pool_in_use", "Connections in use.", ["pool"], registry=REGISTRY)
POOL_SIZE = Gauge("evslot_pool_size", "Connections at most.", ["pool"], registry=REGISTRY)
IN_FLIGHT = Gauge("evslot_in_flight", "Requests waiting for an answer.", registry=REGISTRY)
DEAD_LETTERS = Counter(
    "evslot_dead_letters", "Records given up.", ["topic", "reason"], registry=REGISTRY
)
HISTORY_DROPPED = Counter(
    "evslot_history_dropped", "Requests left out of the history: too many.", registry=REGISTRY
)
TROUBLE = Counter(
    "evslot_trouble", "Times the outside world failed us, and we wait.", ["kind"], registry=REGISTRY
)

HIDDEN = "…"
HIDDEN_WORDS = frozenset(
    {"password", "token", "secret", "authorization", "code", "email", "cookie"}
)
SHOWN_NAMES = frozenset({"status_code", "exit_code", "refusal_code"})
SENSITIVE_TEXT = re.compile(
    r"[^\s<>()\"'=:,]{1,64}@[^\s<>()\"'=:,]+"  # an e-mail address; bounded, else quadratic
    r"|eyJ[\w-]{8,}\.[\w-]+\.[\w-]+(\.[\w-]+)?"  # a JWT, with our secret behind it or without
    r"|(?<=://)[^\s/@]+@"  # user and password of a URL
)
MAX_DEPTH = 6
MAX_TEXT = 16_000
"""Characters of one text in a log line; a long traceback keeps its end, where the error stands."""

log = structlog.get_logger("evslot")


def configure_logs(part: str, level: str = "info", pretty: bool = False) -> None:
    """Every log line of this process, our own and libraries', as one JSON object on stdout."""
    steps: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        lambda _, __, line: {"part": part, **line},
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    last: Any = (
        structlog.dev.ConsoleRenderer(timestamp_key="time", colors=sys.stdout.isatty())
        if pretty
        else structlog.processors.JSONRenderer(serializer=json.dumps, ensure_ascii=False)
    )
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*steps, last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *steps],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(number, logging.INFO), force=True)
    BUILD_INFO.info({"part": part, "version": _version(), "python": platform.python_version()})


def log_context(**names: Any) -> AbstractContextManager[None]:
    """Adds fields (`correlation_id`, `command_id`) to every line logged inside the block."""
    return structlog.contextvars.bound_contextvars(**names)


def hide_secrets(_: Any, __: str, line: Mapping[str, Any]) -> dict[str, Any]:
    """A log processor: what is secret by type, by name or by look becomes `…`."""
    return {name: _shown(name, value, 0) for name, value in line.items()}


def _shown(name: str, value: Any, depth: int) -> Any:
    lowered = name.lower()
    if lowered not in SHOWN_NAMES and HIDDEN_WORDS & set(re.split(r"[^a-z]+", lowered)):
        return HIDDEN
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping) and depth < MAX_DEPTH:
        return {str(key): _shown(str(key), inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and depth < MAX_DEPTH:
        return [_shown("", inner, depth + 1) for inner in value]
    if isinstance(value, bytes | bytearray):
        return f"<{len(value)} bytes>"
    # Anything else shows its repr: that of a sealed value hides it, alone or inside a struct.
    text = str(value) if isinstance(value, str | UUID | date) else repr(value)
    return SENSITIVE_TEXT.sub(HIDDEN, text[-MAX_TEXT:])


def _version() -> str:
    try:
        return version("evslot")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "unknown"


class PortTaken(Exception):
    """Something else listens there; the message names the port and the setting."""


class HealthServer:
    """A tiny HTTP/1.1 server for /healthz, /readyz and /metrics: one answer per connection."""

    MAX_CONNECTIONS = 32
    MAX_REQUEST_BYTES = 8192
    SECONDS = 5.0

    def __init__(
        self,
        port: int,
        live: Callable[[], bool],
        ready: Callable[[], Mapping[str, str | bool]],
        host: str = "127.0.0.1",
        setting: str = "the health port",
        gaps: Callable[[], Sequence[str]] = list,
    ) -> None:
        """`ready` names what the part needs: True = there, False or a reason = not.

        `gaps` are told beside it, and keep nobody from being ready.
        """
        self.port = port
        self._host, self._setting = host, setting
        self._live, self._ready, self._gaps = live, ready, gaps
        self._server: asyncio.Server | None = None
        self._open = 0

    async def start(self) -> None:
        """Raises PortTaken; afterwards `port` is the real one where 0 was asked for."""
        try:
            self._server = await asyncio.start_server(
                self._serve, self._host, self.port, limit=self.MAX_REQUEST_BYTES
            )
        except OSError as error:
            reason = error.strerror or error
            raise PortTaken(
                f"port {self.port} cannot be used ({reason}): change {self._setting}"
            ) from error
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= self.MAX_CONNECTIONS:
                async with asyncio.timeout(self.SECONDS):
                    writer.write(self._response(await reader.readuntil(b"\r\n\r\n")))
                    await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as e:
            log.debug("health request dropped", reason=repr(e))
        finally:
            self._open -= 1
            writer.close()

    def _response(self, request: bytes) -> bytes:
        words = request.split(b"\r\n", 1)[0].split(b" ")
        method, path = (words[0], words[1].split(b"?")[0]) if len(words) == 3 else (b"", b"")
        if method not in (b"GET", b"HEAD"):
            status, kind, body = "405 Method Not Allowed", "text/plain", b"GET only\n"
        elif path == b"/metrics":
            status, kind = "200 OK", "text/plain; version=0.0.4; charset=utf-8"
            body = generate_latest(REGISTRY)
        elif path in (b"/healthz", b"/readyz"):
            fine, said = self._state(path)
            status, kind = "200 OK" if fine else "503 Service Unavailable", "application/json"
            body = json.dumps(said).encode() + b"\n"
        else:
            status, kind, body = "404 Not Found", "text/plain", b"/healthz /readyz /metrics\n"
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
            "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + (b"" if method == b"HEAD" else body)

    def _state(self, path: bytes) -> tuple[bool, dict[str, Any]]:
        if path == b"/healthz":
            alive = self._live()
            return alive, {"live": alive}
        parts = dict(self._ready())
        fine = all(state is True for state in parts.values())
        gaps = list(self._gaps())
        return fine, {"ready": fine, "parts": parts, **({"gaps": gaps} if gaps else {})}
