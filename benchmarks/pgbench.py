"""The database's floor: PostgreSQL's own load tool inserting single claims under the constraint."""

import asyncio
import os
import re
import shutil
import tempfile
from pathlib import Path

import asyncpg

from benchmarks.load import Load
from benchmarks.running import ADDRESS, RunningSystem
from benchmarks.subjects import PASSWORD, database_of
from evslot.embedded.postgres import bin_folder

THREADS = 2
SCRIPT = """\
insert into occupancy (station_id, charger_id, during, kind, ref, held_until)
select '00000000-0000-8000-8000-000000000001', md5((n % 960)::text)::uuid,
       tstzrange(at, at + interval '50 minutes'), 'hold', gen_random_uuid(),
       now() + interval '4 hours'
from (select n, now() + make_interval(hours => (24 + n / 960)::int) as at
      from nextval('bench_slot') as n) as slot
on conflict on constraint occupancy_no_overlap do nothing;
"""
ROOM = """
select current_setting('max_connections')::int
  - current_setting('superuser_reserved_connections')::int
  - current_setting('reserved_connections')::int
  - (select count(*) from pg_stat_activity where backend_type = 'client backend')
  - 6  -- what the system may open in the meantime"""
SEQUENCE = "create sequence if not exists bench_slot cache 1"


class BareInserts:
    """Each transaction claims the next free slot, one row, no other duty."""

    def __init__(self, running: RunningSystem) -> None:
        self._running = running
        self._program = bin_folder() / "pgbench"

    async def run(self, clients: int, seconds: float) -> Load:
        """Latencies as pgbench logs them, of every transaction.

        With fewer clients where the server has not so many connections left.
        """
        clients = min(clients, await self._room())
        folder = Path(tempfile.mkdtemp(prefix="evslot-pgbench-"))
        try:
            (folder / "insert.sql").write_text(SCRIPT)
            said = await self._run(folder, clients, max(1, round(seconds)))
            latencies = await asyncio.to_thread(_latencies, folder)
        finally:
            shutil.rmtree(folder)
        rate = re.search(r"tps = ([0-9.]+) \(without initial connection time\)", said)
        if rate is None:
            raise RuntimeError(f"pgbench did not say how many it made:\n{said}")
        return Load(
            connections=clients,
            seconds=len(latencies) / float(rate[1]),
            latencies=latencies,
            statuses={201: len(latencies)},
            own_cpu=0.0,
        )

    async def _room(self) -> int:
        connection = await asyncpg.connect(self._running.superuser_url)
        try:
            return int(await connection.fetchval(ROOM))
        finally:
            await connection.close()

    async def _run(self, folder: Path, clients: int, seconds: int) -> str:
        spec = database_of("bare")
        process = await asyncio.create_subprocess_exec(
            str(self._program),
            *("--no-vacuum", "--protocol=prepared", "--log", "--file=insert.sql"),
            f"--client={clients}",
            f"--jobs={min(THREADS, clients)}",
            f"--time={seconds}",
            *("-h", ADDRESS, "-p", str(self._running.postgres_port), "-U", spec.owner, spec.name),
            cwd=folder,
            env={**os.environ, "PGPASSWORD": PASSWORD},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        if process.returncode != 0:
            raise RuntimeError(f"pgbench failed:\n{output.decode()}")
        return output.decode()


def _latencies(folder: Path) -> list[float]:
    """Seconds of each transaction; a log line is `client number microseconds …`."""
    return sorted(
        int(line.split(" ")[2]) / 1e6
        for log in folder.glob("pgbench_log*")
        for line in log.read_text().splitlines()
    )
