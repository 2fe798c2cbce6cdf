"""An open loop: requests leave at their times, whether or not earlier ones are answered.

A closed loop waits with a slow system and so asks it less; here who had to wait is counted.
"""

import asyncio
import contextlib
import gc
import time
from collections import Counter, deque
from collections.abc import Callable

from msgspec import Struct

from benchmarks.load import BROKEN, Exchange
from benchmarks.running import ADDRESS

CONNECTIONS = 64
"""More are waited for: none is opened while it runs."""
LATE_SECONDS = 20.0
"""After the last request answers are waited for so long."""


class Arrivals(Struct, kw_only=True):
    """What came of a load; latencies in seconds, from when each request was due."""

    rate: float
    seconds: float
    latencies: dict[str, list[float]]
    """By kind of request, sorted."""
    statuses: dict[int, int]
    own_cpu: float
    """Processor seconds of this client."""

    def all(self) -> list[float]:
        """Of all kinds, sorted."""
        return sorted(one for some in self.latencies.values() for one in some)


class _Request(Struct):
    kind: str
    due: float
    measured: bool
    content: bytes


class _Connection(Exchange):
    """One request at a time, and what is known of it."""

    def __init__(self, done: "Callable[[_Connection, int], None]") -> None:
        super().__init__()
        self._done = done
        self.request: _Request | None = None

    def send(self, request: _Request) -> None:
        self.request = request
        self.ask(request.content)

    def answered(self, status: int) -> None:
        self._done(self, status)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.request is not None:
            self._done(self, BROKEN)


class _Load:
    def __init__(self) -> None:
        self.idle: deque[_Connection] = deque()
        self.waiting: deque[_Request] = deque()
        self.latencies: dict[str, list[float]] = {}
        self.statuses: Counter[int] = Counter()
        self.under_way = 0
        self.nothing_under_way = asyncio.Event()

    def offer(self, request: _Request) -> None:
        self.under_way += 1
        self.nothing_under_way.clear()
        if self.idle:
            self.idle.popleft().send(request)
        else:
            self.waiting.append(request)

    def done(self, connection: _Connection, status: int) -> None:
        request, connection.request = connection.request, None
        assert request is not None
        self.under_way -= 1
        if not self.under_way:
            self.nothing_under_way.set()
        self.statuses[status] += 1
        if request.measured:
            taken = time.perf_counter() - request.due
            self.latencies.setdefault(request.kind, []).append(taken)
        if status == BROKEN:
            return
        if self.waiting:
            connection.send(self.waiting.popleft())
        else:
            self.idle.append(connection)


async def run_arrivals(
    port: int, rate: float, make: Callable[[], tuple[str, bytes]], *, warm_up: float, seconds: float
) -> Arrivals:
    """`rate` requests a second, evenly; `make` answers the kind of the next one and its bytes."""
    running = asyncio.get_running_loop()
    load = _Load()
    opened = await asyncio.gather(
        *(
            running.create_connection(lambda: _Connection(load.done), ADDRESS, port)
            for _ in range(CONNECTIONS)
        )
    )
    load.idle.extend(protocol for _, protocol in opened)
    gc.collect()
    gc.freeze()  # a pause of the client's would be counted as the system's
    cpu = time.process_time()
    begin = time.perf_counter()
    for number in range(int(rate * (warm_up + seconds))):
        due = begin + number / rate
        if (ahead := due - time.perf_counter()) > 0:
            await asyncio.sleep(ahead)
        kind, content = make()
        load.offer(_Request(kind, due, number >= rate * warm_up, content))
    with contextlib.suppress(TimeoutError):  # what is missing then is seen in the statuses
        await asyncio.wait_for(load.nothing_under_way.wait(), LATE_SECONDS)
    own_cpu = time.process_time() - cpu
    for transport, _ in opened:
        transport.abort()
    return Arrivals(
        rate=rate,
        seconds=seconds,
        latencies={kind: sorted(some) for kind, some in load.latencies.items()},
        statuses=dict(load.statuses),
        own_cpu=own_cpu,
    )
