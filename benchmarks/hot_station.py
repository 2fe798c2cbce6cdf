"""`python -m benchmarks.hot_station`: what others feel when everybody wants the same place.

The same crowd, in turns, at many stations and at one: the rivals of a slot cost what they cost, and
only their place differs. Then holds beside payments at a provider that takes three seconds for
each call, against the same payments at a quick one.
"""

import argparse
import asyncio
import json
import statistics
import sys
from collections import Counter, deque
from uuid import uuid4

import uvloop
from msgspec import Struct
from rich.console import Console

from benchmarks.load import content_length
from benchmarks.overload import OpenLoad, Seen
from benchmarks.running import ADDRESS, RunningSystem, running_system
from benchmarks.wishes import Wishes

STATIONS = 12
"""Those of the crowd; the others have stations of their own."""
RIVALS = 20
"""Who want the same slot at once."""
CROWD_RATE, OTHERS_RATE = 60.0, 60.0
"""A second: far from what the system can do, so that waiting is for each other and not for it."""
PAYERS = 12
SECONDS, ROUNDS = 8.0, 5
MOST = 1.5
console = Console(highlight=False)


class Pair(Struct, frozen=True, kw_only=True):
    """p99 of others' holds in one round, in seconds: as it is, and with the trouble beside."""

    usual: float
    beside: float


def main(arguments: list[str]) -> None:
    """Prints both ratios; fails where one is more than it may be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hot_station", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each half of a round")
    options = parser.parse_args(arguments)
    with running_system() as running:
        bench = Bench(running, options.seconds)
        crowd, slow = uvloop.run(bench.run(options.rounds))
    ratios = [
        _told("one hot station, the same crowd at many", crowd),
        _told("a provider of three seconds, a quick one", slow),
    ]
    console.print(f"answers to the crowd {dict(bench.crowd)}, to payers {dict(bench.payers)}")
    if max(ratios) > MOST:
        sys.exit(f"more than {MOST} times")


def _told(what: str, rounds: list[Pair]) -> float:
    usual = statistics.median(one.usual for one in rounds)
    beside = statistics.median(one.beside for one in rounds)
    ratio = statistics.median(one.beside / one.usual for one in rounds)
    console.print(
        f"{what}: p99 of others' holds {beside * 1000:.0f} ms against {usual * 1000:.0f} ms,"
        f" ratio {ratio:.2f} (at most {MOST}; median of {len(rounds)} rounds)"
    )
    return ratio


class Bench:
    """Rounds on one system."""

    def __init__(self, running: RunningSystem, seconds: float) -> None:
        self._port = running.gateway_port
        self._seconds = seconds
        self._wishes = Wishes(running, apart=STATIONS)
        self.crowd: Counter[int] = Counter()
        self.payers: Counter[int] = Counter()

    async def run(self, rounds: int) -> tuple[list[Pair], list[Pair]]:
        """Halves in turns, so that both meet the same machine."""
        await self._others()  # warm
        crowd, slow = [], []
        for number in range(rounds):
            console.print(f"Round {number + 1} of {rounds} …")
            spread = await self._beside_crowd(STATIONS)
            crowd.append(Pair(usual=spread, beside=await self._beside_crowd(1)))
            quick = await self._beside_payers("sim_ok")
            slow.append(Pair(usual=quick, beside=await self._beside_payers("sim_slow")))
        return crowd, slow

    async def _others(self) -> float:
        load = OpenLoad(self._port, sends_again=False)
        await load.open(200)
        requests = self._wishes.take(int(OTHERS_RATE * self._seconds) + 10)
        seen = await load.offer(requests, OTHERS_RATE, self._seconds)
        await load.rest(20.0)
        load.close()
        self._wishes.give_back(requests)
        if set(seen.statuses) != {201}:
            raise RuntimeError(f"others' holds were answered {dict(seen.statuses)}")
        return seen.p99()

    async def _beside_crowd(self, stations: int) -> float:
        load = OpenLoad(self._port, sends_again=False)
        await load.open(200)
        count = int(CROWD_RATE * self._seconds) + 10
        requests = self._wishes.rivals(count, stations, RIVALS)
        p99, seen = await asyncio.gather(
            self._others(), load.offer(requests, CROWD_RATE, self._seconds)
        )
        await load.rest(20.0)
        load.close()
        self._check(seen)
        return p99

    def _check(self, seen: Seen) -> None:
        self.crowd.update(seen.statuses)
        if not set(seen.statuses) <= {201, 409}:
            raise RuntimeError(f"the crowd was answered {dict(seen.statuses)}")

    async def _beside_payers(self, method: str) -> float:
        holds = self._wishes.take(PAYERS * 200)
        ended = asyncio.Event()
        payers = [asyncio.create_task(self._pay_on(holds, method, ended)) for _ in range(PAYERS)]
        p99 = await self._others()
        ended.set()
        await asyncio.gather(*payers)
        self._wishes.give_back(holds)
        return p99

    async def _pay_on(self, holds: deque[bytes], method: str, ended: asyncio.Event) -> None:
        """Hold and pay, every three seconds, so that both kinds ask as much."""
        reader, writer = await asyncio.open_connection(ADDRESS, self._port)
        while not ended.is_set():
            hold = holds.popleft()
            status, body = await _exchange(reader, writer, hold)
            if status == 201:
                path = f"/v1/reservations/{json.loads(body)['reservation_id']}/payment"
                status, _ = await _exchange(reader, writer, _payment(hold, path, method))
            self.payers[status] += 1
            if method == "sim_ok":
                await _or_ended(ended, 3.0)
        writer.close()


async def _or_ended(ended: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await ended.wait()
    except TimeoutError:
        return False


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> tuple[int, bytes]:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    body = await reader.readexactly(content_length(head))
    return int(head[9:12]), body


def _payment(hold: bytes, path: str, method: str) -> bytes:
    """By the driver of a hold."""
    token = next(line for line in hold.split(b"\r\n") if line.startswith(b"Authorization:"))
    body = json.dumps({"method": method}).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {ADDRESS}\r\n{token.decode()}\r\n"
        f"Content-Type: application/json\r\nIdempotency-Key: {uuid4()}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


if __name__ == "__main__":
    main(sys.argv[1:])
