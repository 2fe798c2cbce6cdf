"""One data folder belongs to one running system at a time."""

import fcntl
import os
import time
from pathlib import Path

TAKEOVER_SECONDS = 10.0  # a killed supervisor's watchdog ends its processes well within this


class FolderInUse(Exception):
    """Another supervisor runs on this data folder."""

    def __init__(self, folder: Path, pid: int | None) -> None:
        holder = f"process {pid}" if pid else "another process"
        super().__init__(
            f"{folder} is in use by {holder}: stop that one first, "
            "or set EVSLOT_DATA_DIR to another folder."
        )
        self.pid = pid


class FolderLock:
    """An exclusive lock on a folder that the kernel releases however its holders die.

    The descriptor is handed to the watchdog as well: the folder counts as used until the last
    process of a killed supervisor is gone, so that the next start meets no leftovers.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor: int | None = None

    @property
    def descriptor(self) -> int:
        """The open file that carries the lock."""
        if self._descriptor is None:
            raise RuntimeError("the folder is not locked")
        return self._descriptor

    def acquire(self) -> None:
        """Take the folder, waiting only for the remains of a dead owner; else FolderInUse."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._folder / "supervisor.pid", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + TAKEOVER_SECONDS
        while not _try_lock(descriptor):
            pid = _written_pid(descriptor)
            if (pid and _alive(pid)) or time.monotonic() > deadline:
                os.close(descriptor)
                raise FolderInUse(self._folder, pid)
            time.sleep(0.05)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the folder back; the file stays, an unlocked file means nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _written_pid(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
