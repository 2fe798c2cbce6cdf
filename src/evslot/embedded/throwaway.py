"""A PostgreSQL and a Kafka for one run of tests or measurements, gone with their data after it."""

import asyncio
import shutil
import signal
import tempfile
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from evslot.embedded.kafka import EmbeddedKafka
from evslot.embedded.ports import free_port
from evslot.embedded.postgres import EmbeddedPostgres
from evslot.embedded.supervisor import Process, Step, Supervisor

START_SECONDS = 240  # a first run downloads the broker's libraries
STOP_SECONDS = 15

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A PostgreSQL for this run, and its superuser."""

    host: str
    port: int
    superuser_dsn: str


class Servers:
    """Both servers, each started when it is first asked for, in a thread with a loop of its own."""

    def __init__(self, cache_dir: Path) -> None:
        self._cache = cache_dir
        self._folder = Path(tempfile.mkdtemp(prefix="evslot-"))
        self._folder.chmod(0o711)  # PostgreSQL may have to run as another user than root
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._postgres: Future[PostgresServer] | None = None
        self._kafka: Future[str] | None = None
        self._supervisors: list[Supervisor] = []

    def start_postgres(self) -> "Future[PostgresServer]":
        """Begin to start PostgreSQL, once."""
        if self._postgres is None:
            self._postgres = self._submit(self._run_postgres())
        return self._postgres

    def start_kafka(self) -> "Future[str]":
        """Begin to start Kafka, once."""
        if self._kafka is None:
            self._kafka = self._submit(self._run_kafka())
        return self._kafka

    def stop(self) -> None:
        """Stop what was started and remove its data."""
        for supervisor in self._supervisors:
            self._submit(supervisor.stop()).result(STOP_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_SECONDS)
        shutil.rmtree(self._folder)

    async def _run_postgres(self) -> PostgresServer:
        folder = self._folder / "postgres-server"
        postgres = EmbeddedPostgres(folder, free_port())
        prepare = Step(name="prepare", action=postgres.prepare)
        server = _forgetful(postgres.process(["prepare"]))
        await self._supervise(Supervisor([prepare, server], folder=folder))
        return PostgresServer(postgres.host, postgres.port, postgres.superuser_dsn)

    async def _run_kafka(self) -> str:
        folder = self._folder / "käfka-server"  # homes have such letters: each run shows them read
        kafka = EmbeddedKafka(folder, free_port(), cache_dir=self._cache)
        prepare = Step(name="prepare", action=kafka.prepare)
        await self._supervise(Supervisor([prepare, kafka.process(["prepare"])], folder=folder))
        return kafka.bootstrap

    async def _supervise(self, supervisor: Supervisor) -> None:
        self._supervisors.append(supervisor)
        await supervisor.start()

    def _submit(self, work: Coroutine[Any, Any, Result]) -> "Future[Result]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)


def _forgetful(server: Process) -> Process:
    """Nothing of it outlives the run: not flushed while it runs, not written out at its end.

    What a killed process would leave is the same; only a machine that loses power would notice.
    Passwords of roles are hashed once, not 4,096 times: two thousand tests connect.
    """
    settings = ("-c", "fsync=off", "-c", "scram_iterations=1")
    return replace(server, argv=[*server.argv, *settings], stop_signal=signal.SIGQUIT)
