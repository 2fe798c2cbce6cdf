"""`python -m benchmarks`: holds a second and their latency, beside peers that do without Kafka."""

import argparse
import asyncio
import os
import sys
from collections import deque
from itertools import repeat
from pathlib import Path

import asyncpg
import uvloop
from rich.console import Console

from benchmarks import browser, hot_station, overload, report, search
from benchmarks.load import run_load
from benchmarks.pgbench import SEQUENCE, BareInserts
from benchmarks.processes import PostgresCost
from benchmarks.report import Findings
from benchmarks.rounds import Round, Rounds, Schedule, medians, round_of
from benchmarks.running import RunningSystem, running_system
from benchmarks.subjects import (
    PEERS,
    all_subjects,
    database_of,
    floor_server,
    make_databases,
)
from benchmarks.wishes import Wishes

WHOLE = Schedule(rounds=5, seconds=4.0, warm_up=1.0, connections=(1, 32, 128))
QUICK = Schedule(rounds=1, seconds=1.0, warm_up=0.3, connections=(1, 32, 128))
OTHERS = {
    "browser": browser.main,
    "search": search.main,
    "overload": overload.main,
    "hot_station": hot_station.main,
}
"""Measurements of their own: `python -m benchmarks overload`."""
console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)


def main() -> None:
    """Prints the table; fails where no round of ours was valid."""
    for name, command in OTHERS.items():
        if sys.argv[1:2] == [name]:
            command(sys.argv[2:])
            return
    options = _options()
    schedule = QUICK if options.quick else WHOLE
    if options.rounds:
        schedule = Schedule(
            rounds=options.rounds,
            seconds=schedule.seconds,
            warm_up=schedule.warm_up,
            connections=schedule.connections,
        )
    load_average = os.getloadavg()[0]
    console.print("Starting the system …")
    with running_system() as running:
        findings = uvloop.run(measure(running, schedule, options.peer_workers, load_average))
    report.show(findings, console)
    report.save(findings, options.to)
    console.print(f"Written to {options.to}")
    if not any(figure.subject == "evslot" for figure in findings.figures):
        raise SystemExit("no round was valid")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round of each")
    parser.add_argument("--rounds", type=int, help="how many rounds")
    parser.add_argument("--to", type=Path, default=report.LATEST, help="file of the findings")
    parser.add_argument("--peer-workers", type=int, default=1, help="processes of each peer")
    return parser.parse_args()


async def measure(
    running: RunningSystem, schedule: Schedule, workers: int, load_average: float
) -> Findings:
    """All rounds on a system that is up."""
    await make_databases(running)
    postgres_version = await _prepare_bare(running)
    postgres = PostgresCost(
        running.pids()["postgres"], [database_of(name).name for name in (*PEERS, "bare")]
    )
    wishes = await asyncio.to_thread(Wishes, running)
    rounds = Rounds(wishes, schedule)
    floor = await _floor(running, wishes, schedule)
    async with all_subjects(running, postgres, workers) as subjects:
        for number in range(schedule.rounds):
            console.print(f"Round {number + 1} of {schedule.rounds} …")
            await rounds.run(subjects, BareInserts(running), number)
        memory = {subject.name: subject.memory() for subject in subjects}
        idle = subjects[0].idle_share
    figures = medians(rounds.done)
    return Findings(
        at=report.now(),
        machine=report.this_machine(load_average, postgres_version),
        schedule=schedule,
        peer_workers=workers,
        floor=floor,
        figures=figures,
        ratios=report.ratios(figures),
        idle_processors=round(idle, 3),
        memory_bytes=memory,
        restarts=running.restarts(),
        rounds=rounds.done,
    )


async def _prepare_bare(running: RunningSystem) -> str:
    """The sequence of slots; answers the server's version."""
    connection = await asyncpg.connect(running.superuser_url, database=database_of("bare").name)
    try:
        await connection.execute(f"set role {database_of('bare').owner}")
        await connection.execute(SEQUENCE)
        found: str = await connection.fetchval("show server_version")
        return found
    finally:
        await connection.close()


async def _floor(running: RunningSystem, wishes: Wishes, schedule: Schedule) -> list[Round]:
    """What the client reaches where nothing is done: the limit of this instrument."""
    request = wishes.take(1)
    found = []
    async with floor_server(running) as port:
        for connections in schedule.connections:
            same = deque(repeat(request[0], 60_000))
            load = await run_load(port, connections, same, warm_up=0.3, seconds=1.0)
            found.append(round_of("floor", load, {}))
    wishes.give_back(request)
    return found


if __name__ == "__main__":
    main()
