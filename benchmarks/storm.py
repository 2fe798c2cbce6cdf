"""`python -m benchmarks.storm`: what holds feel of 200 password sign-ins at once."""

import asyncio
import json
import statistics
from collections import deque
from uuid import uuid4

import uvloop
from rich.console import Console

from benchmarks.load import Load, run_load
from benchmarks.running import ADDRESS, running_system
from benchmarks.wishes import Wishes

SIGN_INS = 200
CONNECTIONS = 8
ROUNDS = 5
SECONDS = 4.0
WARM_UP = 0.5
HOLDS = 8_000
"""Requests of a round; more than are sent in its time."""
console = Console(highlight=False)


def main() -> None:
    """Prints the p99 of holds, calm and in the storm, and their ratio."""
    with running_system() as running:
        wishes = Wishes(running)
        rounds = uvloop.run(_measure(running.gateway_port, wishes))
    calm = statistics.median(_p99(calm) for calm, _, _ in rounds)
    stormy = statistics.median(_p99(stormy) for _, stormy, _ in rounds)
    answered = sum(storm.answers for _, _, storm in rounds)
    statuses = sorted({status for _, _, storm in rounds for status in storm.statuses})
    console.print(
        f"p99 of a hold, {CONNECTIONS} connections, medians of {ROUNDS} rounds: calm"
        f" {calm * 1000:.1f} ms, beside {SIGN_INS} sign-ins at once {stormy * 1000:.1f} ms:"
        f" ratio {stormy / calm:.2f}"
    )
    console.print(f"{answered} sign-ins answered, with {statuses}")


async def _measure(port: int, wishes: Wishes) -> list[tuple[Load, Load, Load]]:
    await _holds(port, wishes)  # warm
    rounds = []
    for number in range(ROUNDS):
        console.print(f"Round {number + 1} of {ROUNDS} …")
        calm = await _holds(port, wishes)
        stormy, storm = await asyncio.gather(
            _holds(port, wishes),
            run_load(port, SIGN_INS, _sign_ins(), warm_up=0.0, seconds=SECONDS),
        )
        rounds.append((calm, stormy, storm))
    return rounds


async def _holds(port: int, wishes: Wishes) -> Load:
    requests = wishes.take(HOLDS)
    load = await run_load(port, CONNECTIONS, requests, warm_up=WARM_UP, seconds=SECONDS)
    wishes.give_back(requests)
    if set(load.statuses) != {201}:
        raise RuntimeError(f"holds were answered {load.statuses}")
    return load


def _sign_ins() -> deque[bytes]:
    """Of people nobody knows: that takes as long as a wrong password does."""
    return deque(_sign_in() for _ in range(SIGN_INS))


def _sign_in() -> bytes:
    who = {"email": f"{uuid4()}@example.org", "password": "correct horse battery staple"}
    body = json.dumps(who).encode()
    head = (
        "POST /v1/sessions HTTP/1.1\r\n"
        f"Host: {ADDRESS}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _p99(load: Load) -> float:
    return load.latencies[int(len(load.latencies) * 0.99)]


if __name__ == "__main__":
    main()
