"""Who is measured: our system, and the direct peers on the same PostgreSQL server."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
from msgspec import Struct

from benchmarks.processes import PostgresCost, cpu_seconds, memory_bytes
from benchmarks.running import ADDRESS, RunningSystem
from evslot import system
from evslot.embedded.ports import free_port
from evslot.embedded.postgres import DatabaseSpec, provision
from evslot.spine import migrations

HOLD_SQL = Path(__file__).parent / "peers" / "hold.sql"
PEERS = ("chatty", "best")
BARE = "bench_bare"
PASSWORD = "bench"
QUIET_SECONDS = 15.0
"""At most this long is waited until all that follows from a round's holds is done."""
STEP_SECONDS = 0.4


class Subject(Struct, frozen=True, kw_only=True):
    """Something that holds slots over HTTP."""

    name: str
    port: int
    cpu: Callable[[], dict[str, float]]
    """Processor seconds so far by process, its part of PostgreSQL included."""
    memory: Callable[[], dict[str, int]]
    """Bytes by process."""
    idle_share: float = 0.0
    """Processors it uses when nobody asks anything."""

    async def quiet(self) -> None:
        """Until it uses hardly more than when idle; the rest of its work is paid by then."""
        for _ in range(int(QUIET_SECONDS / STEP_SECONDS)):
            before = sum(self.cpu().values())
            await asyncio.sleep(STEP_SECONDS)
            used = sum(self.cpu().values()) - before
            if used / STEP_SECONDS < self.idle_share + 0.1:
                return


def database_of(name: str) -> DatabaseSpec:
    """Of a peer, or of the bare inserts."""
    return DatabaseSpec(f"bench_{name}", f"bench_{name}", PASSWORD)


async def make_databases(running: RunningSystem) -> None:
    """The reservation service's own tables, by its own migrations, for each peer."""
    specs = [database_of(name) for name in (*PEERS, "bare")]
    await provision(running.superuser_url, specs)
    for spec in specs:
        url = database_url(running, spec.name, spec.owner)
        await migrations.migrate(url, system.schema_folders("reservation"))
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(HOLD_SQL.read_text())
        finally:
            await connection.close()


def database_url(running: RunningSystem, database: str, role: str) -> str:
    """On the server of the running system."""
    return f"postgresql://{role}:{PASSWORD}@{ADDRESS}:{running.postgres_port}/{database}"


async def our_system(running: RunningSystem, postgres: PostgresCost) -> Subject:
    """Everything that `evslot up` started, itself included."""
    pids = running.pids()
    own = {name: pid for name, pid in pids.items() if name != "postgres"}
    own["supervisor"] = running.supervisor

    def cpu() -> dict[str, float]:
        found = {name: cpu_seconds([pid]) for name, pid in own.items()}
        return {**found, "postgres": postgres.seconds(None)}

    def memory() -> dict[str, int]:
        found = {name: memory_bytes([pid]) for name, pid in own.items()}
        return {**found, "postgres": memory_bytes(postgres.pids())}

    before = sum(cpu().values())
    await asyncio.sleep(3.0)
    idle = (sum(cpu().values()) - before) / 3.0
    port = running.gateway_port
    return Subject(name="evslot", port=port, cpu=cpu, memory=memory, idle_share=idle)


@asynccontextmanager
async def direct_peer(
    name: str, running: RunningSystem, postgres: PostgresCost, workers: int
) -> AsyncIterator[Subject]:
    """A peer's processes, ended at the end."""
    spec = database_of(name)
    port = free_port()
    url = database_url(running, spec.name, spec.app)
    argv = [sys.executable, "-m", "benchmarks.peers", name, str(port)]
    argv += [str(running.folder / "keys"), url]
    started = [await asyncio.to_thread(subprocess.Popen, argv) for _ in range(workers)]
    pids = [process.pid for process in started]
    try:
        await _listening(port, started)
        yield Subject(
            name=name,
            port=port,
            cpu=lambda: {name: cpu_seconds(pids), "postgres": postgres.seconds(spec.name)},
            memory=lambda: {name: memory_bytes(pids)},
        )
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(10.0)


@asynccontextmanager
async def all_subjects(
    running: RunningSystem, postgres: PostgresCost, workers: int
) -> AsyncIterator[list[Subject]]:
    """Ours first."""
    ours = await our_system(running, postgres)
    async with AsyncExitStack() as stack:
        peers = [
            await stack.enter_async_context(direct_peer(name, running, postgres, workers))
            for name in PEERS
        ]
        yield [ours, *peers]


@asynccontextmanager
async def floor_server(running: RunningSystem) -> AsyncIterator[int]:
    """The port of a server that answers without doing anything."""
    port = free_port()
    argv = [sys.executable, "-m", "benchmarks.peers", "floor", str(port)]
    argv += [str(running.folder), ""]
    process = await asyncio.to_thread(subprocess.Popen, argv)
    try:
        await _listening(port, [process])
        yield port
    finally:
        process.kill()
        process.wait(10.0)


async def _listening(port: int, processes: list["subprocess.Popen[bytes]"]) -> None:
    for _ in range(200):
        if any(process.poll() is not None for process in processes):
            raise RuntimeError("a peer ended at its start; its reason is above")
        try:
            _, writer = await asyncio.open_connection(ADDRESS, port)
        except ConnectionError:
            await asyncio.sleep(0.1)
            continue
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(0.5)  # the other processes of a peer listen by then
        return
    raise RuntimeError("a peer does not listen")
