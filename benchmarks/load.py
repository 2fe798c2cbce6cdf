"""A closed loop of HTTP/1.1 connections: each sends its next request when it has its answer."""

import asyncio
import time
from collections import Counter, deque
from typing import cast

from msgspec import Struct

from benchmarks.running import ADDRESS

ANSWER_SECONDS = 20.0
"""Longer than any part of the system waits for another."""
BROKEN = 0
"""Counted as a status where a connection ended without an answer."""


class Load(Struct, kw_only=True):
    """What one round brought; latencies in seconds, of answers inside the measured time only."""

    connections: int
    seconds: float
    """Measured time, without the warm-up before it."""
    latencies: list[float]
    statuses: dict[int, int]
    """Of all answers, those of the warm-up included."""
    own_cpu: float
    """Processor seconds of this client in warm-up and measured time."""

    @property
    def answers(self) -> int:
        return sum(self.statuses.values())


class _Loop:
    """What the connections of a round share."""

    def __init__(self, requests: deque[bytes], warm_up: float, seconds: float) -> None:
        self.requests = requests
        self.measured_from = time.perf_counter() + warm_up
        self.until = self.measured_from + seconds
        self.latencies: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.last = self.measured_from

    def next(self) -> bytes | None:
        if time.perf_counter() >= self.until or not self.requests:
            return None
        return self.requests.popleft()

    def answered(self, status: int, sent: float, now: float) -> None:
        self.statuses[status] += 1
        if self.measured_from <= now <= self.until:
            self.latencies.append(now - sent)
            self.last = now

    @property
    def measured_seconds(self) -> float:
        """Less than was wished for where the requests were used up."""
        return (self.until if self.requests else self.last) - self.measured_from


class Exchange(asyncio.Protocol):
    """One request at a time; knows of HTTP what our answers have: a head and Content-Length."""

    def __init__(self) -> None:
        self._received = b""
        self._missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def ask(self, content: bytes) -> None:
        """Send a request; `answered` is told of its answer."""
        self._received, self._missing = b"", 0
        self.transport.write(content)

    def answered(self, status: int) -> None:
        """The whole answer is there."""
        raise NotImplementedError

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._missing -= len(data)
        else:
            self._received += data
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            self._missing = end + 4 + content_length(self._received[:end]) - len(self._received)
        if self._missing <= 0:
            self.answered(int(self._received[9:12]))


class _Connection(Exchange):
    """Asks again as soon as it is answered."""

    def __init__(self, loop: _Loop) -> None:
        super().__init__()
        self._loop = loop
        self._sent = 0.0
        self._waits = False
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._send_next()

    def answered(self, status: int) -> None:
        self._loop.answered(status, self._sent, time.perf_counter())
        self._waits = False
        self._send_next()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waits:
            self._loop.answered(BROKEN, self._sent, time.perf_counter())
        if not self.ended.done():
            self.ended.set_result(None)

    def _send_next(self) -> None:
        request = self._loop.next()
        if request is None:
            self.transport.close()
            return
        self._waits = True
        self._sent = time.perf_counter()
        self.ask(request)


async def run_load(
    port: int, connections: int, requests: deque[bytes], *, warm_up: float, seconds: float
) -> Load:
    """Requests are taken from the front; what was not sent is left in the queue."""
    running = asyncio.get_running_loop()
    cpu = time.process_time()
    loop = _Loop(requests, warm_up, seconds)
    opened = await asyncio.gather(
        *(
            running.create_connection(lambda: _Connection(loop), ADDRESS, port)
            for _ in range(connections)
        )
    )
    ends = [protocol.ended for _, protocol in opened]
    _, waiting = await asyncio.wait(ends, timeout=warm_up + seconds + ANSWER_SECONDS)
    if waiting:
        for transport, _ in opened:
            transport.abort()
        await asyncio.wait(ends)
    return Load(
        connections=connections,
        seconds=loop.measured_seconds,
        latencies=sorted(loop.latencies),
        statuses=dict(loop.statuses),
        own_cpu=time.process_time() - cpu,
    )


def content_length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.split(b"\r\n", 1)[0])
