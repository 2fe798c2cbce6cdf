"""The whole system as `evslot up` starts it, on free ports and with a data folder of its own."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.processes import cpu_seconds
from evslot import system
from evslot.embedded.ports import LOOPBACK, free_port
from evslot.embedded.postgres import EmbeddedPostgres
from evslot.spine.sealing import PUBLIC_FILE, Keys

START_SECONDS = 240.0  # a first run downloads the broker's libraries
STOP_SECONDS = 20.0
ADDRESS = LOOPBACK
QUIET_SHARE = 0.4
"""Of one processor, by all parts together: what they use when nobody asks anything."""
HOLD_SECONDS = 4 * 3600
"""No hold of a run lapses during it: a sweep would be measured with some rounds only."""


class RunningSystem:
    """Where the parts of a started system are, and which processes they are."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.folder = home / "data"
        self.gateway_port = free_port()
        self.postgres_port = free_port()
        self.kafka_port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def superuser_url(self) -> str:
        """For databases of the peers on the same server."""
        return EmbeddedPostgres(self.folder, self.postgres_port).superuser_dsn

    @property
    def supervisor(self) -> int:
        """Process id of `evslot up` itself."""
        assert self._process is not None
        return self._process.pid

    def keys(self, part: str) -> Keys:
        """The keys of a part, to act as its issuer."""
        folder = self.folder / "keys"
        return Keys.load(part, folder / f"{part}.json", folder / PUBLIC_FILE)

    def pids(self) -> dict[str, int]:
        """Process ids by name: six parts, postgres, kafka, the mail catcher."""
        states = json.loads((self.folder / "processes.json").read_text())
        return {name: state["pid"] for name, state in states.items()}

    def restarts(self) -> int:
        """How many processes died so far; a run with any is worth nothing."""
        states = json.loads((self.folder / "processes.json").read_text())
        return sum(int(state["restarts"]) for state in states.values())

    def start(self) -> float:
        """Seconds until all is ready."""
        started = time.monotonic()
        with (self._home / "up.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "evslot", "up", "--empty"],
                env=self._environment(),
                cwd=self._home,
                stdout=log,
                stderr=log,
            )
        while "Open http" not in self._said():
            if self._process.poll() is not None or time.monotonic() - started > START_SECONDS:
                raise RuntimeError(f"the system did not come up:\n{self._said()}")
            time.sleep(0.1)
        return time.monotonic() - started

    def command(self, *arguments: str) -> None:
        """An `evslot` command on this system; raises where it fails."""
        subprocess.run(
            [sys.executable, "-m", "evslot", *arguments],
            env=self._environment(),
            cwd=self._home,
            stdout=subprocess.DEVNULL,
            timeout=600.0,
            check=True,
        )

    async def quiet(self, seconds: float = 60.0) -> None:
        """Until the parts use next to nothing: events of what was done are heard."""
        pids = list(self.pids().values())
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            before = cpu_seconds(pids)
            await asyncio.sleep(2.0)
            if cpu_seconds(pids) - before < QUIET_SHARE * 2.0:
                return

    def stop(self) -> None:
        """As Ctrl-C does it."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_SECONDS)
        finally:
            self._process.kill()

    def _said(self) -> str:
        return (self._home / "up.log").read_text(errors="replace")

    def _environment(self) -> dict[str, str]:
        # Settings of the caller's shell stay in force, so that one can be tried in a run.
        ports = {
            "POSTGRES": self.postgres_port,
            "KAFKA": self.kafka_port,
            "GATEWAY": self.gateway_port,
            "MAIL_SMTP": free_port(),
            "MAIL_HTTP": free_port(),
            **{f"{name.upper()}_HEALTH": free_port() for name in system.NAMES},
        }
        return {
            "EVSLOT_GATEWAY_LIMITS": "false",  # all the load comes from one address
            # As a broker that serves for days runs; ours is set to be there quickly.
            "EVSLOT_KAFKA_JAVA_OPTIONS": "-XX:TieredStopAtLevel=4",
            **os.environ,
            "EVSLOT_DATA_DIR": str(self.folder),
            "EVSLOT_RESERVATION_HOLD_SECONDS": str(HOLD_SECONDS),
            **{f"EVSLOT_{name}_PORT": str(port) for name, port in ports.items()},
        }


@contextmanager
def running_system() -> Iterator[RunningSystem]:
    """Up, and gone at the end with its folder."""
    home = Path(tempfile.mkdtemp(prefix="evslot-bench-"))
    home.chmod(0o711)  # PostgreSQL may have to run as another user than root
    running = RunningSystem(home)
    try:
        running.start()
        yield running
    finally:
        running.stop()
        shutil.rmtree(home, ignore_errors=True)
