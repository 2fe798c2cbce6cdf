"""`python -m benchmarks.overload`: four times as many holds as can be made, for three minutes.

The client has a processor of its own and the system the others, so that offering more takes
nothing from those who have to answer it. What is refused is sent again with the same
Idempotency-Key after the load, as honest clients do; what was accepted is never sent twice.
"""

import argparse
import asyncio
import os
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager

import uvloop
from msgspec import Struct, field
from rich.console import Console

from benchmarks.load import BROKEN, Exchange, run_load
from benchmarks.processes import memory_bytes
from benchmarks.running import ADDRESS, RunningSystem, running_system
from benchmarks.wishes import Wishes
from evslot import system

TIMES = 4.0
SECONDS = 180.0
PEAK_SECONDS, PEAK_WARM_UP = 5.0, 1.0
PEAK_CONNECTIONS = (32, 64, 128)
CALM_SHARE = 0.1
"""Of the peak: what is asked before and after."""
CALM_SECONDS = 10.0
AFTER_SECONDS = 30.0
CONNECTIONS = 1500
"""More than the gateway lets wait; who finds none free is not served, and counted."""
GREETING = f"GET /v1/payment-provider HTTP/1.1\r\nHost: {ADDRESS}\r\n\r\n".encode()
GREETINGS_A_SECOND = 300.0
DEADLINE_SECONDS = 5.0
REST_TICK = 0.05
LIMITS = {"goodput": 0.80, "p99": DEADLINE_SECONDS, "memory": 0.10, "back": 10.0}
console = Console(highlight=False)


class Sent(Struct):
    """A request and how it went."""

    content: bytes
    at: float


class Seen(Struct, kw_only=True):
    """What came of an open load, answers by the second they came in."""

    statuses: Counter[int] = field(default_factory=Counter)
    accepted: list[tuple[float, float]] = field(default_factory=list)
    """When (seconds from the start) and after how long."""
    refused: list[float] = field(default_factory=list)
    no_connection: int = 0

    def rate(self, seconds: float) -> float:
        """Accepted a second; those after the end came too late to count."""
        return sum(1 for at, _ in self.accepted if at <= seconds) / seconds

    def p99(self, since: float = 0.0, until: float = float("inf")) -> float:
        """Of what was accepted in a time."""
        some = sorted(took for at, took in self.accepted if since <= at < until)
        return some[int(len(some) * 0.99)] if some else float("inf")


class _Connection(Exchange):
    """One request at a time, and when it left."""

    def __init__(self, load: "OpenLoad") -> None:
        super().__init__()
        self._load = load
        self.sent: Sent | None = None

    def send(self, sent: Sent) -> None:
        self.sent = sent
        self.ask(sent.content)

    def answered(self, status: int) -> None:
        self._load.answered(self, status)

    def connection_lost(self, exc: Exception | None) -> None:
        self._load.answered(self, BROKEN)


class OpenLoad:
    """Requests leave at their times, whatever becomes of those before them."""

    def __init__(self, port: int, *, sends_again: bool = True) -> None:
        """`sends_again`: what was refused comes round again, later."""
        self._port = port
        self._sends_again = sends_again
        self._idle: deque[_Connection] = deque()
        self._all: set[_Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self.seen = Seen()
        self._begin = time.perf_counter()
        self._closed = False

    async def open(self, count: int = CONNECTIONS) -> None:
        for _ in range(0, count, 50):
            await asyncio.gather(*(self._connect() for _ in range(50)))

    async def offer(self, requests: deque[bytes], rate: float, seconds: float) -> Seen:
        """So many a second, evenly, for so long; what was not accepted is in `requests` again."""
        self.seen = Seen()
        self._requests = requests
        self._begin = time.perf_counter()
        for number in range(int(rate * seconds)):
            ahead = self._begin + number / rate - time.perf_counter()
            if ahead > 0:
                await asyncio.sleep(ahead)
            elif number % 20 == 0:
                await asyncio.sleep(0)  # answers are read, however late we are
            self._send()
        return self.seen

    async def rest(self, seconds: float) -> None:
        """Until all are answered."""
        for _ in range(int(seconds / REST_TICK)):
            if len(self._idle) >= len(self._all):
                return
            await asyncio.sleep(REST_TICK)

    def close(self) -> None:
        """No connection is opened any more in place of one that ends."""
        self._closed = True
        for connection in list(self._all):
            connection.sent = None
            connection.transport.abort()

    def answered(self, connection: _Connection, status: int) -> None:
        sent, connection.sent = connection.sent, None
        if status == BROKEN:
            self._all.discard(connection)
            if not self._closed:
                self._open_another()
        if sent is None:
            return
        now = time.perf_counter()
        self.seen.statuses[status] += 1
        if status == 201:
            self.seen.accepted.append((now - self._begin, now - sent.at))
        else:
            self.seen.refused.append(now - sent.at)
            if self._sends_again:
                self._requests.append(sent.content)
        if status != BROKEN:
            self._idle.append(connection)

    def _send(self) -> None:
        while self._idle:
            connection = self._idle.popleft()
            if connection in self._all:
                connection.send(Sent(self._requests.popleft(), time.perf_counter()))
                return
        self.seen.no_connection += 1

    def _open_another(self) -> None:
        task = asyncio.create_task(self._connect())
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: _Connection(self), ADDRESS, self._port)
        self._all.add(connection)
        self._idle.append(connection)


class Findings(Struct, kw_only=True):
    """What a run found."""

    peak: float
    offered: float
    goodput: float
    p99_seconds: float
    p99_refused_seconds: float
    memory_growth: float
    back_seconds: float
    statuses: dict[int, int]
    no_connection: int
    calm_p99_seconds: float

    def missed(self) -> list[str]:
        """Which of the figures are not what they must be."""
        kept = {
            "goodput": self.goodput >= LIMITS["goodput"] * self.peak,
            "p99": self.p99_seconds <= LIMITS["p99"],
            "memory": self.memory_growth < LIMITS["memory"],
            "back": self.back_seconds <= LIMITS["back"],
        }
        return [name for name, is_kept in kept.items() if not is_kept]


def main(arguments: list[str]) -> None:
    """Prints the figures; fails where one is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overload", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of the overload")
    options = parser.parse_args(arguments)
    with processors_apart() as own, running_system() as running:
        os.sched_setaffinity(0, own)
        findings = uvloop.run(measure(running, options.seconds))
    show(findings, options.seconds)
    if missed := findings.missed():
        sys.exit(f"missed: {', '.join(missed)}")


@contextmanager
def processors_apart() -> Iterator[set[int]]:
    """What is started inside runs on all processors but one; that one is the client's."""
    every = sorted(os.sched_getaffinity(0))
    own = {every[-1]} if len(every) > 1 else set(every)
    os.sched_setaffinity(0, set(every) - own or own)
    try:
        yield own
    finally:
        os.sched_setaffinity(0, every)


async def measure(running: RunningSystem, seconds: float) -> Findings:
    """Peak, calm, overload, calm again."""
    wishes = await asyncio.to_thread(Wishes, running)
    peak = await find_peak(running.gateway_port, wishes)
    console.print(f"Peak: {peak:.0f} holds a second")
    offered = TIMES * peak
    # What is refused comes round again; the peak may have been found in a slow moment.
    requests = wishes.take(int(peak * (2.0 * seconds + CALM_SECONDS + AFTER_SECONDS)) + 5000)
    load = OpenLoad(running.gateway_port)
    await load.open()
    # Every connection is used once: what a server keeps of each is no growth under overload.
    greetings = deque([GREETING] * CONNECTIONS)
    await load.offer(greetings, GREETINGS_A_SECOND, CONNECTIONS / GREETINGS_A_SECOND)
    await load.rest(30.0)
    calm = await load.offer(requests, CALM_SHARE * peak, CALM_SECONDS)
    before = memory_of_parts(running)
    console.print(f"Overload: {offered:.0f} a second for {seconds:.0f} s …")
    seen = await load.offer(requests, offered, seconds)
    growth = memory_of_parts(running) / before - 1
    after = await load.offer(requests, CALM_SHARE * peak, AFTER_SECONDS)
    await load.rest(30.0)
    load.close()
    refused = sorted(seen.refused)
    return Findings(
        peak=peak,
        offered=offered,
        goodput=seen.rate(seconds),
        p99_seconds=seen.p99(),
        p99_refused_seconds=refused[int(len(refused) * 0.99)] if refused else 0.0,
        memory_growth=growth,
        back_seconds=normal_again(after, calm.p99()),
        statuses=dict(seen.statuses),
        no_connection=seen.no_connection,
        calm_p99_seconds=calm.p99(),
    )


async def find_peak(port: int, wishes: Wishes) -> float:
    """The most that a closed loop gets accepted in a second."""
    best = 0.0
    for connections in PEAK_CONNECTIONS:
        requests = wishes.take(int(2500 * (PEAK_SECONDS + PEAK_WARM_UP)))
        load = await run_load(
            port, connections, requests, warm_up=PEAK_WARM_UP, seconds=PEAK_SECONDS
        )
        wishes.give_back(requests)
        if set(load.statuses) != {201}:
            raise RuntimeError(f"holds were answered {load.statuses}")
        best = max(best, len(load.latencies) / load.seconds)
    return best


def memory_of_parts(running: RunningSystem) -> int:
    """Of gateway and services; a server's caches fill up by design."""
    pids = running.pids()
    return memory_bytes(pids[name] for name in system.NAMES)


def normal_again(after: Seen, calm_p99: float) -> float:
    """The first second from which on every second is as quick as two calm ones, and accepted."""
    slow = [
        second
        for second in range(int(AFTER_SECONDS))
        if after.p99(second, second + 1) > max(2 * calm_p99, 0.05)
    ]
    return float(slow[-1] + 1) if slow else 0.0


def show(findings: Findings, seconds: float) -> None:
    """Each figure with what it must be."""
    share = findings.goodput / findings.peak
    console.print(
        f"offered {findings.offered:.0f}/s for {seconds:.0f} s, accepted {findings.goodput:.0f}/s"
        f" = {share:.0%} of the peak of {findings.peak:.0f}/s (at least {LIMITS['goodput']:.0%})\n"
        f"p99 of what was accepted {findings.p99_seconds:.2f} s (at most {LIMITS['p99']:.0f} s),"
        f" of refusals {findings.p99_refused_seconds:.2f} s;"
        f" calm {findings.calm_p99_seconds * 1000:.0f} ms\n"
        f"memory of the parts {findings.memory_growth:+.1%} (less than {LIMITS['memory']:.0%})\n"
        f"as before {findings.back_seconds:.0f} s after the load (at most {LIMITS['back']:.0f} s)\n"
        f"answers {findings.statuses}; {findings.no_connection} found no connection free"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
