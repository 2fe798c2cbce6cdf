"""`evslot up`: the whole real system on this machine."""

import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated
from urllib.error import HTTPError

from cyclopts import Parameter
from msgspec import Struct
from msgspec.structs import replace
from rich import box
from rich.console import Console
from rich.table import Table

from evslot import system
from evslot.cli.enlivening import enliven
from evslot.cli.loopback import opened
from evslot.cli.surroundings import (
    Surroundings,
    arm_failpoints,
    databases,
    environment,
    gateway_port,
    health_port,
    owner_urls,
    process_name,
    topics,
)
from evslot.embedded.kafka import EmbeddedKafka
from evslot.embedded.mailcatcher import mailcatcher_process
from evslot.embedded.ports import ensure_port_free
from evslot.embedded.postgres import EmbeddedPostgres
from evslot.embedded.supervisor import Process, Step, Supervisor
from evslot.spine import migrations
from evslot.spine.config import Config
from evslot.spine.kafka import make_topics
from evslot.spine.sealing import make_keys
from evslot.system import Part

console = Console(stderr=True, highlight=False)


def up(
    *,
    ephemeral: Annotated[bool, Parameter(negative="")] = False,
    empty: Annotated[bool, Parameter(negative="")] = False,
    traffic: bool = True,
    processes: str = "",
    logs: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Bring up PostgreSQL, Kafka, a mail catcher and the six parts; Ctrl-C stops all in order.

    Parameters
    ----------
    ephemeral
        Keep nothing: the data folder is a throw-away.
    empty
        Load no sample: without this, a system without stations gets made-up ones, with a past.
    traffic
        Have a few made-up drivers book near where the app opens; never without the sample.
    processes
        More than one process of a part, as in `gateway=2,reservation=2`.
    logs
        Print every line that the parts write (always kept in the data folder's `logs`).
    """
    where = Config.from_environment().shared(Surroundings)
    arm_failpoints("up")
    liveliness = Liveliness(sample=not empty, traffic=traffic)
    if not ephemeral:
        asyncio.run(_up(where, _counts(processes), logs, liveliness))
        return
    folder = Path(tempfile.mkdtemp(prefix="evslot-"))
    folder.chmod(0o711)  # PostgreSQL may have to run as another user than root
    try:
        own = replace(where, data_dir=str(folder))
        asyncio.run(_up(own, _counts(processes), logs, liveliness))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Liveliness(Struct, frozen=True, kw_only=True):
    """What there is to see without anybody's doing."""

    sample: bool
    traffic: bool


async def _up(
    where: Surroundings, counts: dict[str, int], logs: bool, liveliness: Liveliness
) -> None:
    started = time.monotonic()

    def say(line: str) -> None:
        console.print(f"[dim]{time.monotonic() - started:5.1f} s[/] {line}")

    loading: list[asyncio.Task[None]] = []

    def show() -> None:
        _show(where, counts, time.monotonic() - started)
        if liveliness.sample:
            loading.append(asyncio.create_task(enliven(where, say, liveliness.traffic)))

    where.folder.mkdir(parents=True, exist_ok=True)
    supervisor = Supervisor(
        nodes(where, counts),
        folder=where.folder,
        say=say,
        echo=(lambda name, line: print(f"{name:>14} | {line}")) if logs else None,
    )
    try:
        await supervisor.run(show)
    finally:
        for task in loading:
            if task.done():
                task.result()
            task.cancel()
    console.print("Stopped; nothing is left running.")


def _counts(text: str) -> dict[str, int]:
    counts = {}
    for pair in filter(None, text.split(",")):
        name, _, number = pair.partition("=")
        if not number.isdigit() or not 1 <= int(number) <= 9:
            raise LookupError(f"--processes takes pairs such as reservation=2, not {pair!r}")
        counts[system.part(name.strip()).name] = int(number)
    return counts


def check_ports(where: Surroundings, counts: dict[str, int]) -> None:
    """Before anything starts, so that a taken port is named and not stumbled over."""
    ensure_port_free(where.postgres_port, "EVSLOT_POSTGRES_PORT")
    ensure_port_free(where.kafka_port, "EVSLOT_KAFKA_PORT")
    ensure_port_free(where.mail_smtp_port, "EVSLOT_MAIL_SMTP_PORT")
    ensure_port_free(where.mail_http_port, "EVSLOT_MAIL_HTTP_PORT")
    for part in system.PARTS:
        for slot in range(counts.get(part.name, 1)):
            setting = f"EVSLOT_{part.name.upper()}_HEALTH_PORT"
            ensure_port_free(health_port(part, slot), setting)
    for slot in range(counts.get("gateway", 1)):
        ensure_port_free(gateway_port(where, slot), "EVSLOT_GATEWAY_PORT")


def nodes(where: Surroundings, counts: dict[str, int]) -> list[Process | Step]:
    """Everything `up` starts, each with what it needs before it."""
    folder = where.folder
    postgres = EmbeddedPostgres(folder, where.postgres_port, bin_override=where.postgres_bin)
    kafka = EmbeddedKafka(
        folder,
        where.kafka_port,
        cache_dir=Path(where.cache_dir),
        advertised_port=where.kafka_advertised_port,
        java_override=where.java,
        java_options=(where.kafka_java_options or "").split(),
        progress=_progress,
    )
    named = topics()
    ports = Step(name="ports", action=_in_thread(lambda: check_ports(where, counts)))
    return [
        ports,  # once the data folder is held: an `up` that runs already says so first
        Step(name="keys", action=_in_thread(lambda: make_keys(where.keys, system.NAMES))),
        Step(name="prepare postgres", action=postgres.prepare, depends_on=["ports"]),
        postgres.process(["prepare postgres"]),
        Step(
            name="databases",
            action=lambda: postgres.provision(databases()),
            depends_on=["postgres"],
        ),
        Step(name="migrate", action=lambda: _migrate(where), depends_on=["databases"]),
        Step(name="prepare kafka", action=kafka.prepare, depends_on=["ports"]),
        kafka.process(["prepare kafka"]),
        Step(
            name="topics",
            action=_in_thread(lambda: make_topics(kafka.bootstrap, named.table())),
            depends_on=["kafka"],
        ),
        mailcatcher_process(folder, where.mail_smtp_port, where.mail_http_port, ["ports"]),
        *(
            _process(where, part, slot)
            for part in system.PARTS
            for slot in range(counts.get(part.name, 1))
        ),
    ]


def _process(where: Surroundings, part: Part, slot: int) -> Process:
    name = process_name(part.name, slot)
    return Process(
        name=name,
        argv=[sys.executable, "-m", "evslot", "run", part.name],
        env=environment(where, part, slot),
        log_file=where.folder / "logs" / f"{name}.log",
        ready=ready_probe(health_port(part, slot)),
        depends_on=["keys", "migrate", "topics"],
        stop_timeout=7.0,
    )


def ready_probe(port: int) -> Callable[[], Awaitable[bool]]:
    """Whether a part says that it is ready."""

    def ask() -> bool:
        try:
            with opened(f"http://127.0.0.1:{port}/readyz", 2.0) as answer:
                return answer.status == 200
        except HTTPError:
            return False

    async def ready() -> bool:
        return await asyncio.to_thread(ask)

    return ready


async def _migrate(where: Surroundings) -> None:
    urls = owner_urls(where)
    await asyncio.gather(
        *(migrations.migrate(urls[name], system.schema_folders(name)) for name in system.NAMES)
    )


def _in_thread(work: Callable[[], object]) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        await asyncio.to_thread(work)

    return run


def _progress(line: str) -> None:
    console.print(f"        Kafka: {line}")


def _show(where: Surroundings, counts: dict[str, int], seconds: float) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("part", "listens on", "database", "health on"):
        table.add_column(column, no_wrap=True)
    for part in system.PARTS:
        for slot in range(counts.get(part.name, 1)):
            name = part.name if slot == 0 else f"{part.name} ({slot})"
            place = f"http://127.0.0.1:{gateway_port(where, slot)}"
            table.add_row(
                name,
                place if part.name == "gateway" else f"{part.name}-service",
                part.database,
                f"127.0.0.1:{health_port(part, slot)}",
            )
    table.add_row("PostgreSQL", f"127.0.0.1:{where.postgres_port}", "", "")
    table.add_row("Kafka", f"127.0.0.1:{where.kafka_port}", "", "")
    table.add_row("mail catcher", f"http://127.0.0.1:{where.mail_http_port}", "", "")
    console.print(table)
    console.print(f"evslot is up ({seconds:.1f} s). Health: /readyz, /metrics on the ports above.")
    console.print(f"Data and logs: {where.folder}. Ctrl-C stops everything.")
    console.print(f"Open http://127.0.0.1:{where.gateway_port}")


COMMANDS = (up,)
