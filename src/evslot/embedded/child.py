"""One running instance of a supervised process: its start, its output and its end."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from evslot.embedded.logfile import LogFile

# The shell holds the program back until the watchdog knows the pid: a supervisor killed between
# the two leaves an end of file on this pipe instead of a program that nobody would ever end.
HOLD = 'read -r go && exec "$@" </dev/null'
WATCHDOG = Path(__file__).with_name("watchdog.py")


class Child(asyncio.SubprocessProtocol):
    """A process in a session of its own, so that only its supervisor signals it."""

    def __init__(self, log: LogFile) -> None:
        self.pid = 0
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._log = log
        self._transport: asyncio.SubprocessTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember what to signal."""
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._transport = transport
        self.pid = transport.get_pid()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Copy output to the log as it comes."""
        self._log.write(data)

    def process_exited(self) -> None:
        """Settle the end; what the process started itself does not outlive it."""
        assert self._transport is not None
        self.kill()
        code = self._transport.get_returncode()
        if not self.exited.done():
            self.exited.set_result(-1 if code is None else code)

    def connection_lost(self, exc: Exception | None) -> None:
        """All pipes are closed: the log has everything."""
        self._log.close()

    def go(self) -> None:
        """Let the program begin."""
        assert self._transport is not None
        pipe = self._transport.get_pipe_transport(0)
        assert isinstance(pipe, asyncio.WriteTransport)
        pipe.write(b"go\n")
        pipe.close()

    def signal(self, number: int) -> None:
        """Signal the process alone: what it started itself is its own to stop."""
        if not self.exited.done():
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill the whole group that the process leads, if anyone is left in it."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return  # nobody left; macOS says EPERM for a group of zombies

    def tail(self) -> str:
        """The last lines of its output."""
        return self._log.tail()


async def spawn(argv: Sequence[str], env: Mapping[str, str], log: LogFile) -> Child:
    """Start a process that waits for `go`; raises OSError when there is no shell to hold it."""
    loop = asyncio.get_running_loop()
    _, child = await loop.subprocess_exec(
        lambda: Child(log),
        "/bin/sh",
        "-c",
        HOLD,
        "sh",
        *argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **env},
        start_new_session=True,
    )
    return child


class Watchdog:
    """The supervisor's end of the pipe to watchdog.py; started anew when it is killed itself."""

    def __init__(self, lock: int) -> None:
        self._lock = lock
        self._process: asyncio.subprocess.Process | None = None
        self._living: dict[int, int] = {}

    async def start(self) -> None:
        """Start the process and tell it of everything that lives."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-S",
            str(WATCHDOG),
            stdin=asyncio.subprocess.PIPE,
            pass_fds=(self._lock,),
            start_new_session=True,
        )
        for pid, number in self._living.items():
            self._write(f"+ {pid} {number}\n")

    async def died(self) -> None:
        """Return when the watchdog process has ended."""
        assert self._process is not None
        await self._process.wait()

    def guard(self, pid: int, number: int) -> None:
        """From now on this process is ended with that signal should the supervisor vanish."""
        self._living[pid] = number
        self._write(f"+ {pid} {number}\n")

    def forget(self, pid: int) -> None:
        """This process has ended; its number may soon belong to a stranger."""
        if self._living.pop(pid, None) is not None:
            self._write(f"- {pid}\n")

    async def stop(self) -> None:
        """Close the pipe and wait: the watchdog ends whatever is still on its list."""
        if self._process is None or self._process.stdin is None:
            return
        self._process.stdin.close()
        await self._process.wait()

    def _write(self, line: str) -> None:
        # A pipe takes lines this short at once; what is written is read even after our death.
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(line.encode())
