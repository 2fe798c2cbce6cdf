"""A machine that is at fault: disks full or broken, clocks that are off. Where it can be done.

All need what not every machine lets one do (mounting and tracing as root, libfaketime), so they
are there only where that is there; `python -m tests.faults --help` lists what is.
"""

import asyncio
import os
import random
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from evslot import system
from tests.faults.nemesis import FAULTS, Repeated
from tests.faults.rig import Rig

LIBRARIES = ("/usr/lib/*/faketime/libfaketime.so.1", "/usr/lib/faketime/libfaketime.so.1")
SIZE = "700m"
CHUNK = bytes(1 << 20)
BACK_SECONDS = 120.0


class DiskFull(Repeated):
    """F13: no space is left where PostgreSQL or Kafka write; after some seconds there is again."""

    name = "disk-full"
    every = (5.0, 12.0)
    lasts = (2.0, 12.0)

    async def prepare(self, rig: Rig) -> None:
        """Each has a small disk of its own."""
        self._disk = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="evslot-disks-"))
        await asyncio.to_thread(self._mount, rig)

    def _mount(self, rig: Rig) -> None:
        self._disk.chmod(0o711)
        rig.system.folder.mkdir(parents=True, exist_ok=True)
        for server in ("postgres", "kafka"):
            disk = self._disk / server
            disk.mkdir()
            options = f"size={SIZE},mode=711"
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", options, "evslot-full", str(disk)], check=True
            )
            (disk / server).mkdir()
            (rig.system.folder / server).symlink_to(disk / server)

    async def strike(self, rig: Rig, dice: random.Random) -> None:
        server = dice.choice(("postgres", "kafka"))
        filler = self._disk / server / "filler"
        before = rig.system.restarts()[server]
        try:
            await asyncio.to_thread(_fill, filler)
            await self.pause(dice.uniform(*self.lasts))
        finally:
            await asyncio.to_thread(filler.unlink, True)
        await rig.healed(BACK_SECONDS)
        rig.hit(self.name, server, restarts=rig.system.restarts()[server] - before)

    async def close(self) -> None:
        await asyncio.to_thread(self._unmount)

    def _unmount(self) -> None:
        for server in ("postgres", "kafka"):
            if (self._disk / server).is_mount():
                subprocess.run(["umount", "-l", str(self._disk / server)], check=True)


class FsyncError(Repeated):
    """F13: what is written cannot be brought to the disk: each fsync says EIO, for some seconds."""

    name = "fsync-error"
    every = (5.0, 12.0)
    lasts = (6.0, 8.0)
    """A broker writes what it must keep every five seconds."""

    async def strike(self, rig: Rig, dice: random.Random) -> None:
        server = dice.choice(("postgres", "kafka"))
        before = rig.system.restarts()[server]
        processes = ",".join(str(process.pid) for process in rig.system.family(server))
        with tempfile.NamedTemporaryFile(prefix="evslot-fsync-") as seen:
            tracer = await asyncio.create_subprocess_exec(
                *("strace", "-f", "-q", "-o", seen.name, "-p", processes),
                *("-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO"),
                stderr=asyncio.subprocess.DEVNULL,
            )
            try:
                await self.pause(dice.uniform(*self.lasts))
            finally:
                with suppress(ProcessLookupError):
                    tracer.send_signal(signal.SIGINT)  # lets go of all of them
                await tracer.wait()
            failed = seen.read().count(b"(INJECTED)")
        await rig.healed(BACK_SECONDS)
        if failed:
            restarts = rig.system.restarts()[server] - before
            rig.hit(self.name, server, failed=failed, restarts=restarts)


class ClockSkew(Repeated):
    """F14: clocks of some services are minutes off from the start on, each another way.

    Only where EVSLOT_PROOF_SKEW is set: under libfaketime a gateway never got ready, so they are
    left out here, and the services have not been proved so yet.
    """

    name = "clock-skew"
    every = (5.0, 6.0)
    offsets = ("-300s", "-60s", "-5s", "+5s", "+60s", "+300s")

    async def prepare(self, rig: Rig) -> None:
        dice = random.Random(f"skew {rig.seed}")
        skews = {name: dice.choice(self.offsets) for name in dice.sample(list(system.SERVICES), 3)}
        self._skews = skews
        folder = Path(__file__).parent / "skewed"
        environment = rig.system.environment
        paths = [str(folder), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        environment["EVSLOT_SKEWS"] = ",".join(f"{name}:{by}" for name, by in skews.items())
        environment["EVSLOT_SKEW_LIBRARY"] = next(_libraries())

    async def start(self, rig: Rig, dice: random.Random) -> None:
        """It is so from the start; who is told here is the history."""
        for name, by in self._skews.items():
            rig.hit(self.name, name, offset=by)
        await super().start(rig, dice)

    async def strike(self, rig: Rig, dice: random.Random) -> None:
        """Nothing more: one cannot change it under a process."""


def _fill(file: Path) -> None:
    """Until there is no space."""
    with file.open("wb", buffering=0) as filling:
        try:
            while filling.write(CHUNK):
                continue
        except OSError as full:
            if full.errno != 28:  # ENOSPC
                raise


def _libraries() -> Iterator[str]:
    for pattern in LIBRARIES:
        yield from map(str, Path("/").glob(pattern[1:]))


if os.geteuid() == 0 and Path("/bin/mount").exists():
    FAULTS[DiskFull.name] = DiskFull
if os.geteuid() == 0 and shutil.which("strace"):
    FAULTS[FsyncError.name] = FsyncError
if "EVSLOT_PROOF_SKEW" in os.environ and next(_libraries(), None) is not None:
    FAULTS[ClockSkew.name] = ClockSkew
