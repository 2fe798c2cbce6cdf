"""Starts processes in the order of their needs, keeps them alive, and stops them all."""

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from evslot.embedded.child import Child, Watchdog, spawn
from evslot.embedded.folder import FolderLock
from evslot.embedded.logfile import LogFile

FIRST_BACKOFF_SECONDS = 0.1
LONGEST_BACKOFF_SECONDS = 10.0
HEALTHY_SECONDS = 30.0  # after so long a death counts as the first one again
STOP_SECONDS = 9.0  # everything stops within 10 s; the last one is for SIGKILL
PROBE_SECONDS = 0.05

Say = Callable[[str], None]


class StartFailed(Exception):
    """A process ended, or was not ready in time, while the system started."""


class StillRecovering(Exception):
    """A process says that it is at work on getting ready: to kill it would only begin that anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process to keep alive. `ready` answers False or raises OSError while it is not.

    Where it raises StillRecovering, it is waited for as long as it takes.
    """

    name: str
    argv: Sequence[str]
    log_file: Path
    ready: Callable[[], Awaitable[bool]]
    env: Mapping[str, str] = field(default_factory=dict)
    depends_on: Sequence[str] = ()
    ready_timeout: float = 60.0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout: float = 5.0
    orphan_signal: signal.Signals = signal.SIGKILL


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something done once between processes: prepare a folder, create databases, migrate."""

    name: str
    action: Callable[[], Awaitable[None]]
    depends_on: Sequence[str] = ()


@dataclass(slots=True)
class _Running:
    process: Process
    child: Child
    ready_at: float | None = None
    restarts: int = 0


class Supervisor:
    """Runs processes and steps on one data folder, which it holds exclusively."""

    def __init__(
        self,
        nodes: Sequence[Process | Step],
        *,
        folder: Path,
        say: Say = lambda line: None,
        echo: Callable[[str, str], None] | None = None,
    ) -> None:
        """`say` gets one line per event; `echo(name, line)`, when given, every line of output."""
        self._nodes = {node.name: node for node in nodes}
        self._folder = folder
        self._say = say
        self._echo = echo
        self._lock = FolderLock(folder)
        self._watchdog: Watchdog | None = None
        self._done = {name: asyncio.Event() for name in self._nodes}
        self._running: dict[str, _Running] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._state_unwritten = False
        _refuse_unknown_needs(self._nodes)

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start all; returns when the last is ready, raises FolderInUse or StartFailed."""
        await asyncio.to_thread(self._lock.acquire)
        self._watchdog = Watchdog(self._lock.descriptor)
        await self._watchdog.start()
        self._keep_on("the watchdog", self._keep_watchdog(self._watchdog))
        starts = [asyncio.create_task(self._start(node)) for node in self._nodes.values()]
        try:
            await asyncio.gather(*starts)
        finally:
            for task in starts:
                task.cancel()
            await asyncio.gather(*starts, return_exceptions=True)

    async def run(self, started: Callable[[], None] = lambda: None) -> None:
        """Start, call `started`, and stay until SIGINT or SIGTERM; a second one hurries."""
        asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in signals:
            loop.add_signal_handler(number, lambda: self._kill() if asked.is_set() else asked.set())
        waiting = asyncio.create_task(asked.wait())
        starting = asyncio.create_task(self.start())
        try:
            await asyncio.wait({waiting, starting}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                started()
                await waiting
        finally:
            waiting.cancel()
            starting.cancel()
            await asyncio.gather(waiting, starting, return_exceptions=True)
            await self.stop()
            for number in signals:
                loop.remove_signal_handler(number)

    async def stop(self) -> None:
        """Stop in reverse order; what is not gone in time is killed."""
        for task in self._keepers:
            task.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self._keepers.clear()
        stops = [asyncio.create_task(self._stop(name)) for name in self._running]
        if stops:
            _, late = await asyncio.wait(stops, timeout=STOP_SECONDS)
            if late:
                self._kill()
                await asyncio.wait(late)
        if self._watchdog is not None:
            await self._watchdog.stop()
            self._watchdog = None
        self._running.clear()
        self._lock.release()

    def pid(self, name: str) -> int:
        """The present process number of a process; KeyError when it never started."""
        return self._running[name].child.pid

    def restarts(self, name: str) -> int:
        """How often a process has been started again."""
        return self._running[name].restarts

    async def _start(self, node: Process | Step) -> None:
        for need in node.depends_on:
            await self._done[need].wait()
        if isinstance(node, Step):
            await node.action()
        else:
            running = await self._launch(node)
            await self._ready_or_failed(running)
            self._keep_on(node.name, self._keep(running))
        self._done[node.name].set()

    async def _launch(self, process: Process) -> _Running:
        echo = self._echo
        show = (lambda line: echo(process.name, line)) if echo is not None else None
        child = await spawn(process.argv, process.env, LogFile(process.log_file, show))
        # No await from here to `go`: a cancelled start must not lose a running process.
        assert self._watchdog is not None
        watchdog = self._watchdog
        watchdog.guard(child.pid, process.orphan_signal)
        child.exited.add_done_callback(lambda _: watchdog.forget(child.pid))
        earlier = self._running.get(process.name)
        restarts = earlier.restarts + 1 if earlier else 0
        running = self._running[process.name] = _Running(process, child, restarts=restarts)
        child.go()
        self._write_state()
        return running

    async def _ready_or_failed(self, running: _Running) -> None:
        process, child = running.process, running.child
        if await self._becomes_ready(running):
            return
        why = (
            f"ended with {_how(child.exited.result())}"
            if child.exited.done()
            else f"was not ready within {process.ready_timeout:g} s"
        )
        log = process.log_file
        raise StartFailed(f"{process.name} {why}; last lines of {log}:\n{child.tail()}")

    async def _becomes_ready(self, running: _Running) -> bool:
        process, child = running.process, running.child
        loop = asyncio.get_running_loop()
        deadline = loop.time() + process.ready_timeout
        while not child.exited.done() and loop.time() < deadline:
            try:
                if await _answers(process):
                    running.ready_at = loop.time()
                    self._write_state()
                    return True
            except StillRecovering:
                # Well before the end: a probe on a busy machine takes its time, too.
                if loop.time() >= deadline - process.ready_timeout / 2:
                    self._say(f"{process.name} is still recovering; {process.log_file} says more")
                    deadline = loop.time() + process.ready_timeout
            await asyncio.wait({child.exited}, timeout=PROBE_SECONDS)
        return False

    def _keep_on(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Until `stop`; should it end by itself, that is said: nobody looks after `name` then."""
        keeper = asyncio.create_task(work)
        keeper.add_done_callback(lambda ended: self._keeper_ended(name, ended))
        self._keepers.append(keeper)

    def _keeper_ended(self, name: str, keeper: asyncio.Task[None]) -> None:
        if not keeper.cancelled() and (problem := keeper.exception()) is not None:
            self._say(f"{name} is not kept alive any more: {problem!r}")

    async def _keep(self, running: _Running) -> None:
        process = running.process
        failures = 0
        while True:
            code = await asyncio.shield(running.child.exited)
            failures = 0 if _was_healthy(running) else failures
            delay = _backoff(failures)
            failures += 1
            running.ready_at = None
            self._write_state()
            soon = f"in {delay:g} s" if delay else "now"
            self._say(f"{process.name} ended with {_how(code)}; starting it again {soon}")
            await asyncio.sleep(delay)
            running = await self._restart(running)

    async def _restart(self, ended: _Running) -> _Running:
        process = ended.process
        try:
            running = await self._launch(process)
        except OSError as problem:
            # No memory or no process numbers left: the known end of the old one leads to
            # the next try, after a longer wait.
            self._say(f"{process.name} cannot be started: {problem}")
            return ended
        try:
            ready = await self._becomes_ready(running)
        except Exception as problem:
            self._say(f"{process.name} cannot be asked whether it is ready: {problem!r}")
            ready = False
        if ready:
            self._say(f"{process.name} is back (process {running.child.pid})")
        elif not running.child.exited.done():
            self._say(f"{process.name} is not ready after {process.ready_timeout:g} s: killed")
            running.child.kill()
        return running

    async def _keep_watchdog(self, watchdog: Watchdog) -> None:
        while True:
            await watchdog.died()
            self._say("the watchdog ended; starting it again")
            await asyncio.sleep(FIRST_BACKOFF_SECONDS)
            await watchdog.start()
            self._say("the watchdog is back")

    async def _stop(self, name: str) -> None:
        running = self._running[name]
        for other in _dependents(name, self._nodes):
            if other in self._running:
                await asyncio.shield(self._running[other].child.exited)
        child = running.child
        if child.exited.done():
            return
        child.signal(running.process.stop_signal)
        await asyncio.wait({child.exited}, timeout=running.process.stop_timeout)
        if not child.exited.done():
            self._say(f"{name} did not stop within {running.process.stop_timeout:g} s: killed")
            child.kill()
            await asyncio.wait({child.exited})

    def _kill(self) -> None:
        for running in self._running.values():
            if not running.child.exited.done():
                running.child.kill()

    def _write_state(self) -> None:
        """Leave `processes.json` for those who look from outside: name, pid, ready, restarts."""
        state = {
            name: {
                "pid": running.child.pid,
                "ready": running.ready_at is not None,
                "restarts": running.restarts,
            }
            for name, running in self._running.items()
        }
        fresh = self._folder / "processes.json.new"
        try:
            fresh.write_text(json.dumps(state, indent=1) + "\n")
            os.replace(fresh, self._folder / "processes.json")
        except OSError as problem:
            # A full disk, say. Who looks from outside sees what was; keeping alive goes on.
            if not self._state_unwritten:
                self._say(f"processes.json cannot be written: {problem}")
            self._state_unwritten = True
        else:
            self._state_unwritten = False


async def _answers(process: Process) -> bool:
    """One probe, bounded: a hung process must not hang its probe."""
    try:
        async with asyncio.timeout(2.0):
            return await process.ready()
    except (OSError, TimeoutError):
        return False


def _was_healthy(running: _Running) -> bool:
    ready_at = running.ready_at
    return ready_at is not None and (
        asyncio.get_running_loop().time() - ready_at >= HEALTHY_SECONDS
    )


def _backoff(failures: int) -> float:
    """Nothing at first (a killed service is back at once), then 0.1 s doubling up to 10 s."""
    if failures == 0:
        return 0.0
    return float(min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2 ** min(failures - 1, 10)))


def _how(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _dependents(name: str, nodes: Mapping[str, Process | Step]) -> set[str]:
    """Everything that needs this node, directly or through others."""
    found: set[str] = set()
    fresh = {name}
    while fresh:
        fresh = {n.name for n in nodes.values() if fresh & set(n.depends_on)} - found
        found |= fresh
    return found


def _refuse_unknown_needs(nodes: Mapping[str, Process | Step]) -> None:
    for node in nodes.values():
        for need in node.depends_on:
            if need not in nodes:
                raise ValueError(f"{node.name} needs {need}, which is not there")
        if node.name in _dependents(node.name, nodes):
            raise ValueError(f"{node.name} needs itself")
