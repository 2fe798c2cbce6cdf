"""What a run found: a table to read and a JSON file to compare."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec
import psutil
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from benchmarks.rounds import BARE, BUSY_CLIENT, Figure, Round, Schedule
from evslot.embedded.jars import KAFKA_VERSION

LATEST = Path(__file__).parent / "results" / "latest.json"
TITLES = {
    "evslot": "evslot",
    "chatty": "chatty peer",
    "best": "best peer",
    BARE: "pgbench",
    "floor": "client's floor",
}
LEGEND = (
    "evslot: over HTTP, Kafka and back. Peers hold with the same duties on the same server and "
    "tables, directly: chatty with FastAPI and a statement each, best with one statement in all; "
    "pgbench: single rows under the same constraint, no other duty. Client's floor: empty answers. "
    "evslot ×: our holds/s over theirs. CPU: of all processes, until all that follows is done."
)
PACKAGES = ("uvicorn", "uvloop", "fastapi", "litestar", "asyncpg", "confluent-kafka")


class Machine(Struct, frozen=True, kw_only=True):
    """Where it was measured."""

    processors: int
    memory_bytes: int
    model: str
    python: str
    postgres: str
    kafka: str
    packages: dict[str, str]
    load_average: float
    """Of the last minute, before anything was started here."""


class Findings(Struct, frozen=True, kw_only=True):
    """All that a run found; what `results/latest.json` holds."""

    at: datetime
    machine: Machine
    schedule: Schedule
    peer_workers: int
    floor: list[Round]
    figures: list[Figure]
    ratios: dict[str, dict[str, float]]
    """By connections: holds a second and p99 of evslot over those of each other."""
    idle_processors: float
    """What the system uses when nobody asks anything."""
    memory_bytes: dict[str, dict[str, int]]
    restarts: int
    rounds: list[Round]


def this_machine(load_average: float, postgres: str) -> Machine:
    """As far as it says what it is."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return Machine(
        processors=os.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        model=models[0] if models else platform.processor(),
        python=platform.python_version(),
        postgres=postgres,
        kafka=KAFKA_VERSION,
        packages={name: version(name) for name in PACKAGES},
        load_average=round(load_average, 2),
    )


def ratios(figures: Sequence[Figure]) -> dict[str, dict[str, float]]:
    """evslot over the others, load by load; more than 1 is better for rates, worse for p99."""
    found: dict[str, dict[str, float]] = {}
    for ours in (figure for figure in figures if figure.subject == "evslot"):
        row = found[str(ours.connections)] = {}
        for other in figures:
            if other.connections == ours.connections and other is not ours:
                rate = ours.holds_per_second / other.holds_per_second
                row[f"holds/{other.subject}"] = round(rate, 3)
                row[f"p99/{other.subject}"] = round(ours.p99_ms / other.p99_ms, 3)
    return found


def save(findings: Findings, path: Path) -> None:
    """As JSON, over what is there."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(findings)) + b"\n")


def show(findings: Findings, console: Console) -> None:
    """The table, what it cost, and everything that makes it doubtful."""
    console.print(_table(findings))
    console.print(LEGEND)
    for line in (*_costs(findings), _memory(findings)):
        console.print(line)
    machine = findings.machine
    console.print(
        f"{machine.processors} processors ({machine.model}), "
        f"{machine.memory_bytes / 2**30:.1f} GiB, Python {machine.python}, "
        f"PostgreSQL {machine.postgres}, Kafka {machine.kafka}; "
        f"rounds of {findings.schedule.seconds:g} s, peers with {findings.peer_workers} process(es)"
    )
    for line in doubts(findings):
        console.print(f"[yellow]{line}[/]")


def doubts(findings: Findings) -> list[str]:
    """Why these figures should be taken with care; nothing on a quiet machine."""
    found = []
    machine = findings.machine
    if machine.load_average > 0.5:
        found.append(
            f"Others were busy on this machine (load average {machine.load_average} before the "
            "start): compare within this run only."
        )
    if findings.restarts:
        found.append(f"{findings.restarts} process(es) of the system died in this run.")
    found += [
        f"Invalid: {one.subject} at {one.connections} was answered {one.statuses}."
        for one in findings.rounds
        if not one.is_valid
    ]
    found += [
        f"pgbench had {one.clients} clients instead of {one.connections}: the server takes no more."
        for one in findings.rounds[-1:]
        if one.clients != one.connections
    ]
    busy = {one.subject for one in findings.rounds if one.client_share > BUSY_CLIENT}
    found += [f"The client itself was busy while it measured {name}." for name in sorted(busy)]
    return found


def _table(findings: Findings) -> Table:
    table = Table(title="Holding a slot: medians", title_justify="left")
    table.add_column("conn.", justify="right")
    table.add_column("who")
    for title in ("holds/s", "low … high", "p50 ms", "p99 ms", "CPU s/1,000", "evslot ×", "rounds"):
        table.add_column(title, justify="right")
    for connections in findings.schedule.connections:
        for figure in findings.figures:
            if figure.connections == connections:
                table.add_row(*_cells(figure, findings))
        for one in findings.floor:
            if one.connections == connections:
                rate, p50, p99 = one.holds_per_second, one.p50_ms, one.p99_ms
                cells = [f"{rate:,.0f}", "", f"{p50:.2f}", f"{p99:.2f}", "", "", "1"]
                table.add_row("", TITLES["floor"], *cells, style="dim")
        table.add_section()
    return table


def _cells(figure: Figure, findings: Findings) -> list[str]:
    cost = sum(figure.cpu_seconds_per_1000.values())
    ratio = findings.ratios.get(str(figure.connections), {}).get(f"holds/{figure.subject}")
    total = figure.rounds + figure.invalid
    return [
        str(figure.connections),
        TITLES[figure.subject],
        f"{figure.holds_per_second:,.0f}",
        f"{figure.lowest:,.0f} … {figure.highest:,.0f}",
        f"{figure.p50_ms:.2f}",
        f"{figure.p99_ms:.2f}",
        f"{cost:.2f}" if cost else "",
        "" if ratio is None else f"{ratio:.2f}",
        f"{figure.rounds}" if not figure.invalid else f"{figure.rounds} of {total}",
    ]


def _costs(findings: Findings) -> list[str]:
    """Where the processor time of a hold goes in our system."""
    return [
        f"CPU ms a hold at {figure.connections}: "
        + ", ".join(
            f"{name} {milliseconds:.2f}"
            for name, milliseconds in sorted(
                figure.cpu_seconds_per_1000.items(), key=lambda pair: -pair[1]
            )
        )
        for figure in findings.figures
        if figure.subject == "evslot"
    ]


def _memory(findings: Findings) -> str:
    lines = []
    for subject, parts in findings.memory_bytes.items():
        listed = ", ".join(f"{name} {size / 2**20:.0f}" for name, size in parts.items())
        lines.append(f"{subject} {sum(parts.values()) / 2**20:.0f} MiB ({listed})")
    idle = f"evslot idle uses {findings.idle_processors:.2f} processors"
    return "Memory (PSS): " + "; ".join(lines) + f". {idle}."


def now() -> datetime:
    return datetime.now(UTC)
