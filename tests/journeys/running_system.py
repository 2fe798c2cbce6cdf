"""The whole system as `evslot up` starts it, seen from outside: addresses, processes, folders."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import psutil

from evslot import system
from evslot.cli.surroundings import process_name
from evslot.embedded.ports import LOOPBACK, PortTaken, ensure_port_free, free_port

START_SECONDS = 240.0  # a first run downloads the broker's libraries
STOP_SECONDS = 20.0
TWO_OF = {"gateway": 2, "reservation": 2}
PARTS = tuple(
    process_name(name, slot) for name in system.NAMES for slot in range(TWO_OF.get(name, 1))
)
"""The processes of the parts then, as the supervisor names them."""
SETTINGS = {
    # A slot that starts within the hour is held so short that a test can wait for its end.
    "EVSLOT_RESERVATION_HOLD_SECONDS_SOON": "2",
    # Hundreds of people sign in from one address here.
    "EVSLOT_GATEWAY_LIMITS": "false",
}


class RunningSystem:
    """Started on free ports and a folder of its own; two gateways and two reservation services."""

    def __init__(self, cache_dir: Path, counts: Mapping[str, int] = TWO_OF) -> None:
        self.counts = dict(counts)
        self._home = Path(tempfile.mkdtemp(prefix="evslot-journey-"))
        self._home.chmod(0o711)  # PostgreSQL may have to run as another user than root
        self.folder = self._home / "data"
        self.postgres_port = free_port()
        self.kafka_port = _free_block(0, 1)
        self.gateway_port = _free_block(0, 1)
        self.mail_smtp_port = free_port()
        self.mail_http_port = free_port()
        self.health_ports = {name: _free_block(0, 10) for name in system.NAMES}
        kept = {name: text for name, text in os.environ.items() if not name.startswith("EVSLOT_")}
        self.environment = {
            **kept,
            **SETTINGS,
            "EVSLOT_DATA_DIR": str(self.folder),
            "EVSLOT_CACHE_DIR": str(cache_dir),
            "EVSLOT_POSTGRES_PORT": str(self.postgres_port),
            "EVSLOT_KAFKA_PORT": str(self.kafka_port),
            "EVSLOT_GATEWAY_PORT": str(self.gateway_port),
            "EVSLOT_MAIL_SMTP_PORT": str(self.mail_smtp_port),
            "EVSLOT_MAIL_HTTP_PORT": str(self.mail_http_port),
            **{
                f"EVSLOT_{name.upper()}_HEALTH_PORT": str(port)
                for name, port in self.health_ports.items()
            },
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        return f"{LOOPBACK}:{self.kafka_port}"

    @property
    def gateways(self) -> list[str]:
        """Base addresses of the gateways."""
        count = self.counts.get("gateway", 1)
        return [f"http://{LOOPBACK}:{self.gateway_port + slot}" for slot in range(count)]

    @property
    def mail_url(self) -> str:
        return f"http://{LOOPBACK}:{self.mail_http_port}"

    @property
    def keys_folder(self) -> Path:
        return self.folder / "keys"

    def start(self) -> None:
        """Returns when everything says that it is ready."""
        processes = ",".join(f"{name}={count}" for name, count in self.counts.items())
        with (self._home / "up.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "evslot", "up", "--empty", "--processes", processes],
                env=self.environment,
                cwd=self._home,
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + START_SECONDS
        while "Open http" not in self.said():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the system did not come up:\n{self.said()}")
            time.sleep(0.1)

    def stop(self) -> None:
        """As Ctrl-C does it; the folder goes with it."""
        assert self._process is not None
        try:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(STOP_SECONDS)
        finally:
            self._process.kill()
            self._keep_logs()
            shutil.rmtree(self._home)

    def _keep_logs(self) -> None:
        """For who has to find out what went wrong: into EVSLOT_TEST_LOGS, where that is set."""
        if wanted := os.environ.get("EVSLOT_TEST_LOGS"):
            kept = Path(wanted) / self._home.name
            shutil.copytree(self.folder / "logs", kept)
            shutil.copy(self._home / "up.log", kept)

    def said(self) -> str:
        """What `evslot up` printed so far."""
        return (self._home / "up.log").read_text(errors="replace")

    def family(self, name: str) -> list[psutil.Process]:
        """A process with its children: all of PostgreSQL."""
        parent = psutil.Process(self.pids()[name])
        return [parent, *parent.children(recursive=True)]

    def kill(self, name: str) -> None:
        """SIGKILL; the supervisor starts it again."""
        os.kill(self.pids()[name], signal.SIGKILL)

    def is_ready(self) -> bool:
        """Whether the supervisor has seen every process ready since it was started."""
        return all(state["ready"] for state in self.states().values())

    def restarts(self) -> dict[str, int]:
        return {name: int(state["restarts"]) for name, state in self.states().items()}

    @asynccontextmanager
    async def database(self, part: str) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
        """A part's database as the superuser, for looking at what is in it."""
        connection = await asyncpg.connect(self.database_url(part))
        try:
            yield connection
        finally:
            await connection.close()

    def database_url(self, part: str) -> str:
        password = (self.folder / "postgres" / "superuser-password").read_text().strip()
        database = system.part(part).database
        return f"postgresql://postgres:{password}@{LOOPBACK}:{self.postgres_port}/{database}"

    def command(self, *arguments: str) -> str:
        """What an `evslot` command prints; fails where it fails."""
        done = subprocess.run(
            [sys.executable, "-m", "evslot", *arguments],
            env=self.environment,
            cwd=self._home,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def pids(self) -> dict[str, int]:
        """Every process by its name (`reservation-1` is a second one)."""
        return {name: state["pid"] for name, state in self.states().items()}

    async def back_after(self, pids: Mapping[str, int], seconds: float = 30.0) -> None:
        """Until the supervisor has replaced these processes and finds them ready."""
        until = time.monotonic() + seconds
        while not self.is_ready() or any(self.pids()[name] == pid for name, pid in pids.items()):
            assert time.monotonic() < until, self.said()
            await asyncio.sleep(0.05)

    def states(self) -> dict[str, dict[str, int]]:
        """What the supervisor says of each process: pid, ready, restarts."""
        states: dict[str, dict[str, int]] = json.loads((self.folder / "processes.json").read_text())
        return states


def _free_block(*offsets: int) -> int:
    """A port from which all these offsets are free."""
    for _ in range(50):
        port = free_port()
        try:
            for offset in offsets:
                ensure_port_free(port + offset, "")
        except PortTaken:
            continue
        return port
    raise OSError("no free ports")
