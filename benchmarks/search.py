"""`python -m benchmarks search`: searches over 100,000 chargers, and how fresh they are."""

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path
from random import Random

import asyncpg
import msgspec
import uvloop
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from benchmarks import report
from benchmarks.arrivals import Arrivals, run_arrivals
from benchmarks.freshness import Freshness, measure_freshness
from benchmarks.processes import PostgresCost, cpu_seconds
from benchmarks.questions import Questions
from benchmarks.report import Machine
from benchmarks.rounds import BUSY_CLIENT, percentile
from benchmarks.running import RunningSystem, running_system
from evslot import system

LATEST = Path(__file__).parent / "results" / "search.json"
TIMES = 100
RATE = 200.0
SECONDS, WARM_UP = 20.0, 15.0
FIRST_WARM_UP = 60.0
"""Until the broker's second compiler is through with what a search needs."""
ROUNDS = 3
"""The one with the median p99 counts: a machine that others use too is now and then slower."""
LIMITS = {"p50_ms": 10.0, "p99_ms": 40.0, "freshness_p99_ms": 400.0}
BOOKED = """
insert into busy (ref, version, station_id, charger_id, kind, state, occupies, period, occupied)
select gen_random_uuid(), 1, station_id, charger_id, 'reservation', 'confirmed', true,
  tstzrange(s, s + interval '60 minutes'), tstzrange(s, s + interval '65 minutes')
from (
  select station_id, charger_id, date_trunc('hour', now())
    + (day || ' days')::interval + ((hour * 3 + floor(random() * 2)) || ' hours')::interval as s
  from charger, generate_series(0, 2) as day, generate_series(0, 7) as hour
  where random() < 0.25) as booked"""
"""Two bookings a day of each charger for three days, as events would have brought them."""

console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)


class SearchFindings(Struct, frozen=True, kw_only=True):
    """What a run found; what `results/search.json` holds."""

    at: str
    machine: Machine
    chargers: int
    bookings: int
    rate: float
    seconds: float
    p50_ms: float
    p99_ms: float
    rounds: list[tuple[float, float]]
    """p50 and p99 in milliseconds of each; the median by p99 is what is shown."""
    by_kind: dict[str, tuple[int, float, float]]
    """Requests, p50 and p99 in milliseconds."""
    statuses: dict[int, int]
    client_share: float
    cpu_ms: dict[str, float]
    """Processor time of a search, by process."""
    freshness_p50_ms: float
    freshness_p99_ms: float
    freshness_samples: int
    limits: dict[str, float]


class Round(Struct, frozen=True, kw_only=True):
    """Searches for some seconds: milliseconds, and what each cost."""

    p50: float
    p99: float
    cpu: dict[str, float]
    load: Arrivals


def main(arguments: list[str]) -> None:
    """Prints the table; fails where an answer was none."""
    options = _options(arguments)
    load_average = os.getloadavg()[0]
    console.print("Starting the system …")
    with running_system() as running:
        console.print(f"Importing the sample, {options.times} times …")
        running.command("import", "sample", "--times", str(options.times))
        findings = uvloop.run(_measure(running, options, load_average))
    _show(findings)
    options.to.parent.mkdir(exist_ok=True)
    options.to.write_bytes(msgspec.json.format(msgspec.json.encode(findings)) + b"\n")
    console.print(f"Written to {options.to}")
    if set(findings.statuses) != {200}:
        raise SystemExit("not every search was answered")


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks search", description=__doc__)
    parser.add_argument("--times", type=int, default=TIMES, help="size of the sample")
    parser.add_argument("--rate", type=float, default=RATE, help="searches a second")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each round")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of which the median counts")
    parser.add_argument("--to", type=Path, default=LATEST, help="file of the findings")
    return parser.parse_args(arguments)


async def _measure(
    running: RunningSystem, options: argparse.Namespace, load_average: float
) -> SearchFindings:
    version, chargers, bookings = await _book(running)
    await _settle(running)
    await running.quiet()
    questions = Questions(Random(7))
    console.print("Searching, not yet measured …")
    await run_arrivals(
        running.gateway_port, options.rate, questions.next, warm_up=FIRST_WARM_UP, seconds=0.0
    )
    rounds = [await _round(running, options, questions) for _ in range(options.rounds)]
    console.print("Booking, while half as many search …")
    beside = asyncio.create_task(
        run_arrivals(
            running.gateway_port,
            options.rate / 2,
            questions.next,
            warm_up=0.0,
            seconds=options.seconds,
        )
    )
    fresh = await measure_freshness(running, options.seconds)
    await beside
    machine = report.this_machine(load_average, version)
    return _findings(machine, rounds, fresh, chargers, bookings)


async def _round(
    running: RunningSystem, options: argparse.Namespace, questions: Questions
) -> Round:
    before = _cpu(running)
    load = await run_arrivals(
        running.gateway_port, options.rate, questions.next, warm_up=WARM_UP, seconds=options.seconds
    )
    after = _cpu(running)
    count = sum(load.statuses.values())
    cpu = {name: round((after[name] - before[name]) / count * 1000, 3) for name in after}
    everything = load.all()
    p50, p99 = (percentile(everything, share) * 1000 for share in (0.50, 0.99))
    console.print(f"p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    return Round(p99=p99, p50=p50, cpu=cpu, load=load)


def _cpu(running: RunningSystem) -> dict[str, float]:
    """Of those that take part; PostgreSQL with all it serves."""
    pids = running.pids()
    postgres = PostgresCost(pids["postgres"], ())
    parts = {name: cpu_seconds([pids[name]]) for name in ("gateway", "station", "kafka")}
    return parts | {"postgres": postgres.seconds(None)}


async def _book(running: RunningSystem) -> tuple[str, int, int]:
    """Fills the view of what is taken; answers the server's version, chargers, bookings."""
    database = system.part("station").database
    connection = await asyncpg.connect(running.superuser_url, database=database)
    try:
        await connection.execute(BOOKED)
        return (
            await connection.fetchval("show server_version"),
            await connection.fetchval("select count(*) from charger"),
            await connection.fetchval("select count(*) from busy"),
        )
    finally:
        await connection.close()


async def _settle(running: RunningSystem) -> None:
    """What months of living bring about in passing would else come in the minute measured."""
    for part in system.PARTS:
        await _execute(running, part.database, "vacuum analyze")
    await _execute(running, system.PARTS[0].database, "checkpoint")


async def _execute(running: RunningSystem, database: str, statement: str) -> None:
    connection = await asyncpg.connect(running.superuser_url, database=database)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _findings(
    machine: Machine,
    rounds: list[Round],
    fresh: Freshness,
    chargers: int,
    bookings: int,
) -> SearchFindings:
    median = sorted(rounds, key=lambda one: one.p99)[len(rounds) // 2]
    load = median.load
    return SearchFindings(
        at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        machine=machine,
        chargers=chargers,
        bookings=bookings,
        rate=load.rate,
        seconds=load.seconds,
        p50_ms=median.p50,
        p99_ms=median.p99,
        rounds=[(one.p50, one.p99) for one in rounds],
        by_kind={
            kind: (len(some), percentile(some, 0.5) * 1000, percentile(some, 0.99) * 1000)
            for kind, some in load.latencies.items()
        },
        statuses=load.statuses,
        client_share=load.own_cpu / (load.seconds + WARM_UP),
        cpu_ms=median.cpu,
        freshness_p50_ms=percentile(fresh.seconds, 0.50) * 1000,
        freshness_p99_ms=percentile(fresh.seconds, 0.99) * 1000,
        freshness_samples=len(fresh.seconds),
        limits=LIMITS,
    )


def _show(findings: SearchFindings) -> None:
    title = f"{findings.rate:g} searches a second over {findings.chargers:,} chargers"
    table = Table(title=title, title_justify="left")
    for column in ("kind", "requests", "p50 ms", "p99 ms"):
        table.add_column(column, justify="left" if column == "kind" else "right")
    for kind, (count, p50, p99) in sorted(findings.by_kind.items()):
        table.add_row(kind, str(count), f"{p50:.1f}", f"{p99:.1f}")
    count = sum(count for count, _, _ in findings.by_kind.values())
    table.add_row("all", str(count), f"{findings.p50_ms:.1f}", f"{findings.p99_ms:.1f}")
    console.print(table)
    console.print(
        f"Freshness, from the booking's answer to a search that shows it: p50 "
        f"{findings.freshness_p50_ms:.0f} ms, p99 {findings.freshness_p99_ms:.0f} ms "
        f"({findings.freshness_samples} bookings, beside {findings.rate / 2:g} searches a second)."
    )
    console.print(
        f"{findings.bookings:,} bookings in the view; statuses {findings.statuses}; limits: p50 "
        f"{LIMITS['p50_ms']:g} ms, p99 {LIMITS['p99_ms']:g} ms, freshness p99 "
        f"{LIMITS['freshness_p99_ms']:g} ms. Load average before the start: "
        f"{findings.machine.load_average}."
    )
    costs = ", ".join(f"{name} {cost:.2f}" for name, cost in findings.cpu_ms.items())
    console.print(f"Processor milliseconds of a search: {costs}.")
    if findings.client_share > BUSY_CLIENT:
        console.print("[yellow]The client itself was busy while it measured.[/]")
