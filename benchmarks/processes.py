"""What processes cost in processor seconds and memory; PostgreSQL told apart by database."""

from collections.abc import Iterable
from pathlib import Path

import psutil


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time so far, of children that ended included."""
    total = 0.0
    for pid in pids:
        times = psutil.Process(pid).cpu_times()
        total += times.user + times.system + times.children_user + times.children_system
    return total


def memory_bytes(pids: Iterable[int]) -> int:
    """Proportional set size: shared pages are counted once over all who share them."""
    return sum(_pss(pid) for pid in pids)


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


class PostgresCost:
    """Processor seconds of one server, by whose database a backend serves.

    Backends come and go; what a gone one used is in its parent's children's time, and belongs to
    nobody here: `watch` must come by before and after what is measured.
    """

    def __init__(self, postmaster: int, databases: Iterable[str]) -> None:
        self._postmaster = psutil.Process(postmaster)
        self._databases = set(databases)
        """Those of the peers; all others are the system's."""
        self._owners: dict[int, str | None] = {}

    def pids(self) -> list[int]:
        """The server with all its children."""
        return [self._postmaster.pid, *(c.pid for c in self._postmaster.children(recursive=True))]

    def seconds(self, database: str | None) -> float:
        """Of a peer's backends, or with None of the system's; the server's own work in both.

        Checkpointer, log writer and the like work for whom is measured: one at a time is.
        """
        total = 0.0
        for child in self._postmaster.children():
            try:
                owner = self._owner(child)
                times = child.cpu_times()
            except psutil.NoSuchProcess:
                continue
            if owner == "" or owner == (database or "system"):
                total += times.user + times.system
        own = self._postmaster.cpu_times()
        return float(total + own.user + own.system)

    def _owner(self, child: psutil.Process) -> str:
        """Of `postgres: user database host(port) state`; "" for the server's own processes."""
        words = " ".join(child.cmdline()).split()
        if len(words) < 4 or "(" not in words[3]:
            return ""
        return words[2] if words[2] in self._databases else "system"
