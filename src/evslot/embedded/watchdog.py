"""Ends the processes of a supervisor that died without stopping them; run as a script.

Standard input is a pipe that only the supervisor writes: `+ <pid> <signal>` when a process
starts, `- <pid>` when it has ended. End of file means that the supervisor is gone, however it
died: neither a signal handler nor a parent-death signal is needed, so it works on every Unix.
It runs in a session of its own, so that no terminal and no group signal reaches it.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable

GRACE_SECONDS = 5.0  # PostgreSQL's own bound for ending its children after SIGQUIT


def main(lines: Iterable[str]) -> None:
    """Keep the list of living processes; when the supervisor is gone, end them."""
    living: dict[int, int] = {}
    for line in lines:
        sign, pid, *rest = line.split()
        if sign == "+":
            living[int(pid)] = int(rest[0])
        else:
            living.pop(int(pid), None)
    end(living)


def end(living: dict[int, int]) -> None:
    """Send each process its signal, wait a bounded time, then kill every group."""
    for pid, number in living.items():
        _send(pid, number)
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline and any(_lives(pid) for pid in living):
        time.sleep(0.02)
    for pid in living:
        _send(pid, signal.SIGKILL)


def _lives(pid: int) -> bool:
    """False for a process that has ended, also where nobody has asked for its exit code yet."""
    if not _send(pid, 0):
        return False
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return not os.path.isdir("/proc/self")  # no /proc here: the signal's word counts


def _send(pid: int, number: int) -> bool:
    """Signal the group that this process leads; False when nobody is left in it."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        # macOS answers so for a group of zombies; there is nothing more to end.
        return False
    return True


if __name__ == "__main__":
    # Ctrl-C in a terminal is the supervisor's business; its end reaches us by end of file.
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    main(sys.stdin)
