"""The HTTP server in this process: uvicorn on the loop that Kafka and the health port share."""

import asyncio
import contextlib
import errno
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from evslot.spine.telemetry import PortTaken, log

IDLE_SECONDS = 20
"""A connection without a request is closed after this."""
REAP_SECONDS = 5.0


MAX_HEAD_BYTES = 32 * 1024
"""Request line and headers; the parser itself has no limit."""
MAX_IGNORED_BYTES = 64 * 1024
"""Of a body that nobody wants: who sends more is hung up on."""


Refuse = Callable[[bytes, bytes], tuple[bytes, bytes] | None]
"""Of method and target: head and body of a no that needs nobody to think about it."""


class _BoundedProtocol(HttpToolsProtocol):
    """Hangs up on a request whose head never ends; says a no that costs nothing by itself."""

    refuse: Refuse
    unfinished_since: float | None = None
    """When the request began of which something is missing, or the connection; else None."""
    _head_bytes = 0
    _in_head = True
    _no: tuple[bytes, bytes] | None = None
    _ignored_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.unfinished_since = time.monotonic()
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        began_in_head = self._in_head
        super().data_received(data)
        if began_in_head and self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self.send_400_response("Request head too large")

    def on_message_begin(self) -> None:
        self._head_bytes, self._in_head = 0, True
        self.unfinished_since = time.monotonic()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        # Answers go out in order, and who waits for a 100 before the body gets it from the app.
        in_turn = self.cycle is None or self.cycle.response_complete
        if in_turn and not self.expect_100_continue:
            self._no, self._ignored_bytes = self.refuse(self.parser.get_method(), self.url), 0
        if self._no is None:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._no is None:
            super().on_body(body)
            return
        self._ignored_bytes += len(body)
        if self._ignored_bytes > MAX_IGNORED_BYTES:
            self.transport.close()

    def on_message_complete(self) -> None:
        self.unfinished_since = None
        if self._no is None:
            super().on_message_complete()
            return
        (head, body), self._no = self._no, None
        usual = [name + b": " + text + b"\r\n" for name, text in self.server_state.default_headers]
        last = [] if self.parser.should_keep_alive() else [b"connection: close\r\n"]
        self.transport.write(b"".join([head, *usual, *last, b"\r\n", body]))
        if last:
            self.transport.close()
        self.on_response_complete()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the process's business: several things stop in order."""
        yield


class HttpServer:
    """Serves an ASGI application until it is stopped; requests in flight are finished."""

    def __init__(
        self,
        app: Any,
        *,
        refuse: Refuse,
        host: str,
        port: int,
        connections: int,
        stop_seconds: int,
    ) -> None:
        """`refuse` is asked when a head has come, before anything else happens."""
        self.port = port
        self._host = host
        self._server = _Server(
            uvicorn.Config(
                app,
                lifespan="off",
                http=type("Protocol", (_BoundedProtocol,), {"refuse": staticmethod(refuse)}),
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # whose word counts is said by EVSLOT_GATEWAY_PROXIES
                timeout_keep_alive=IDLE_SECONDS,
                timeout_graceful_shutdown=stop_seconds,
                limit_concurrency=connections,
            )
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Listens on return; raises PortTaken. Afterwards `port` is the real one."""
        listening = self._listen()
        self.port = listening.getsockname()[1]
        self._tasks = [
            asyncio.create_task(self._server.serve(sockets=[listening]), name="http"),
            asyncio.create_task(self._reap(), name="idle-connections"),
        ]
        while not self._server.started:
            await asyncio.sleep(0.01)
            if self._tasks[0].done():
                self._tasks[0].result()

    async def stop(self) -> None:
        """Takes no new connection, finishes what is in flight, within the given seconds."""
        self._server.should_exit = True
        if self._tasks:
            await self._tasks[0]
            self._tasks[1].cancel()
            await asyncio.gather(self._tasks[1], return_exceptions=True)

    def _listen(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((self._host, self.port))
        except OSError as error:
            listening.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL):
                raise
            raise PortTaken(
                f"port {self.port} cannot be used ({error.strerror}): change EVSLOT_GATEWAY_PORT"
            ) from error
        listening.setblocking(False)
        return listening

    async def _reap(self) -> None:
        """Close connections that never send a whole request; the server itself waits for ever."""
        while True:
            await asyncio.sleep(REAP_SECONDS)
            late = time.monotonic() - IDLE_SECONDS
            for connection in list(self._server.server_state.connections):
                assert isinstance(connection, _BoundedProtocol)
                since = connection.unfinished_since
                if since is not None and since < late:
                    log.info("idle connection closed")
                    connection.transport.close()
