"""A machine that is at fault: disks full or broken, clocks that are off.

Disks need what not every machine lets one do (mounting and tracing as root), so those faults are
there only where that is; `python -m tests.faults --help` lists what is.
"""

import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from tests.faults.nemesis import FAULTS, Repeated, registered
from tests.faults.rig import PARTS, Rig

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
        processes = ",".join(str(process.pid) for process in rig.family(server))
        if not processes:
            return
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


@registered
class ClockSkew(Repeated):
    """F14: processes whose clocks are off, each another way, and jump while holds run.

    Gateways by less than what a token's time may be off: at more they refuse to let anybody in.
    """

    name = "clock-skew"
    every = (3.0, 6.0)
    offsets = (-300.0, -60.0, -5.0, 5.0, 60.0, 300.0)
    at_edge = (-45.0, -5.0, 5.0, 45.0)

    async def prepare(self, rig: Rig) -> None:
        self._file = rig.folder / "skews.json"
        self._skews: dict[str, float] = {}
        self._write()
        environment = rig.system.environment
        paths = [str(Path(__file__).parent / "skewed"), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        environment["EVSLOT_SKEWS"] = str(self._file)

    async def strike(self, rig: Rig, dice: random.Random) -> None:
        process = dice.choice(PARTS)
        offsets = self.at_edge if process.startswith("gateway") else self.offsets
        self._skews[process] = dice.choice(offsets)
        self._write()
        rig.hit(self.name, process, seconds=self._skews[process])

    async def stop(self) -> None:
        """All clocks jump back."""
        await super().stop()
        self._skews.clear()
        self._write()

    def _write(self) -> None:
        """Whole at any moment: processes read it as they like."""
        written = self._file.with_suffix(".new")
        written.write_text(json.dumps(self._skews))
        written.replace(self._file)


def _fill(file: Path) -> None:
    """Until there is no space."""
    with file.open("wb", buffering=0) as filling:
        try:
            while filling.write(CHUNK):
                continue
        except OSError as full:
            if full.errno != 28:  # ENOSPC
                raise


if os.geteuid() == 0 and Path("/bin/mount").exists():
    FAULTS[DiskFull.name] = DiskFull
if os.geteuid() == 0 and shutil.which("strace"):
    FAULTS[FsyncError.name] = FsyncError
