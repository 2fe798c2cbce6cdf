"""The supervisor starts in order, keeps alive, stops in order and leaves nothing behind."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from evslot.embedded.folder import FolderInUse
from evslot.embedded.ports import PortTaken, ensure_ports_free, free_port
from evslot.embedded.supervisor import Process, StartFailed, Step, StillRecovering, Supervisor

pytestmark = pytest.mark.anyio

PATIENCE_SECONDS = 30.0


async def _always() -> bool:
    return True


def _sleeper(
    folder: Path,
    name: str,
    *,
    script: str = "exec sleep 1000",
    depends_on: Sequence[str] = (),
    stop_timeout: float = 5.0,
) -> Process:
    return Process(
        name=name,
        argv=["/bin/sh", "-c", script],
        log_file=folder / "logs" / f"{name}.log",
        ready=_always,
        depends_on=depends_on,
        stop_timeout=stop_timeout,
    )


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not true():  # noqa: ASYNC110 - what is waited for lies in other processes
            await asyncio.sleep(0.02)


async def test_what_is_needed_starts_first_and_stops_last(tmp_path: Path) -> None:
    story = tmp_path / "story"
    tell = "trap 'echo -{0} >> {1}; exit 0' TERM; echo +{0} >> {1}; while :; do sleep 0.05; done"

    def process(name: str, *needs: str) -> Process:
        async def ready() -> bool:
            return story.exists() and f"+{name}" in story.read_text().split()

        return Process(
            name=name,
            argv=["/bin/sh", "-c", tell.format(name, story)],
            log_file=tmp_path / f"{name}.log",
            ready=ready,
            depends_on=needs,
        )

    async def step() -> None:
        with story.open("a") as file:
            file.write("step\n")

    nodes: list[Process | Step] = [
        process("service", "migrate", "bus"),
        Step(name="migrate", action=step, depends_on=["database"]),
        process("bus"),
        process("database"),
    ]
    async with Supervisor(nodes, folder=tmp_path):
        told = story.read_text().split()
    assert told.index("+database") < told.index("step") < told.index("+service") == 3
    told = story.read_text().split()
    assert told[4] == "-service"
    assert set(told[5:]) == {"-bus", "-database"}


async def test_a_killed_process_is_back_and_it_is_said_in_one_line(tmp_path: Path) -> None:
    said: list[str] = []
    async with Supervisor([_sleeper(tmp_path, "part")], folder=tmp_path, say=said.append) as it:
        for times in (1, 2, 3):
            old = it.pid("part")
            os.kill(old, signal.SIGKILL)
            await _until(lambda old=old: it.pid("part") != old)  # type: ignore[misc]
            await _until(lambda times=times: len(said) == 2 * times)  # type: ignore[misc]
        assert it.restarts("part") == 3
        state = json.loads((tmp_path / "processes.json").read_text())
        assert state["part"] == {"pid": it.pid("part"), "ready": True, "restarts": 3}
    assert said[0::2] == [
        "part ended with SIGKILL; starting it again now",
        "part ended with SIGKILL; starting it again in 0.1 s",
        "part ended with SIGKILL; starting it again in 0.2 s",
    ]


async def test_a_full_disk_is_said_once_and_keeps_nobody_from_being_started_again(
    tmp_path: Path,
) -> None:
    said: list[str] = []
    async with Supervisor([_sleeper(tmp_path, "part")], folder=tmp_path, say=said.append) as it:
        blocked = tmp_path / "processes.json.new"
        blocked.mkdir()  # as good as no space: what is to be written here cannot be
        for _ in range(2):
            old = it.pid("part")
            os.kill(old, signal.SIGKILL)
            await _until(lambda old=old: it.pid("part") != old)  # type: ignore[misc]
        await _until(lambda: len(said) == 5)
        blocked.rmdir()
        os.kill(it.pid("part"), signal.SIGKILL)
        await _until(lambda: it.restarts("part") == 3 and _state(tmp_path)["restarts"] == 3)
    assert len([line for line in said if line.startswith("processes.json cannot be written")]) == 1


def _state(folder: Path) -> dict[str, Any]:
    state: dict[str, Any] = json.loads((folder / "processes.json").read_text())["part"]
    return state


async def test_it_is_said_when_nobody_looks_after_a_process_any_more(tmp_path: Path) -> None:
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if "starting it again" in line:
            raise RuntimeError("a bug of ours")

    async with Supervisor([_sleeper(tmp_path, "part")], folder=tmp_path, say=say) as it:
        os.kill(it.pid("part"), signal.SIGKILL)
        await _until(lambda: len(said) == 2)
    assert said[1] == "part is not kept alive any more: RuntimeError('a bug of ours')"


async def test_a_process_that_ends_while_starting_fails_the_start_with_its_last_words(
    tmp_path: Path,
) -> None:
    async def never() -> bool:
        return False

    bad = Process(
        name="bad",
        argv=["/bin/sh", "-c", "echo no such setting; exit 3"],
        log_file=tmp_path / "bad.log",
        ready=never,
    )
    with pytest.raises(StartFailed, match=r"(?s)bad ended with exit code 3.*no such setting"):
        async with Supervisor([bad, _sleeper(tmp_path, "good")], folder=tmp_path):
            pytest.fail("it must not start")


async def test_who_recovers_is_waited_for_and_it_is_said(tmp_path: Path) -> None:
    recovered = time.monotonic() + 0.7

    async def ready() -> bool:
        if time.monotonic() < recovered:
            raise StillRecovering
        return True

    said: list[str] = []
    server = replace(_sleeper(tmp_path, "server"), ready=ready, ready_timeout=0.3)
    async with Supervisor([server], folder=tmp_path, say=said.append) as it:
        assert time.monotonic() >= recovered
        assert it.restarts("server") == 0
    assert "server is still recovering" in said[0]


async def test_what_ignores_the_signal_is_killed_and_takes_its_children_along(
    tmp_path: Path,
) -> None:
    stubborn = _sleeper(
        tmp_path,
        "stubborn",
        script="trap '' TERM; sleep 1000 & while :; do sleep 0.05; done",
        stop_timeout=0.3,
    )
    async with Supervisor([stubborn], folder=tmp_path) as it:
        leader = psutil.Process(it.pid("stubborn"))
        await _until(lambda: len(leader.children()) >= 1)
        family = [leader, *leader.children(recursive=True)]
    await _until(lambda: not any(_lives(member) for member in family))


async def test_a_second_start_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    async with Supervisor([_sleeper(tmp_path, "part")], folder=tmp_path) as first:
        with pytest.raises(FolderInUse, match=rf"in use by process {os.getpid()}.*EVSLOT_DATA_DIR"):
            async with Supervisor([_sleeper(tmp_path, "part")], folder=tmp_path):
                pytest.fail("it must not start")
        assert psutil.pid_exists(first.pid("part"))
    async with Supervisor([_sleeper(tmp_path, "part")], folder=tmp_path):
        pass


async def test_needs_that_are_unknown_or_circular_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a needs b, which is not there"):
        Supervisor([_sleeper(tmp_path, "a", depends_on=["b"])], folder=tmp_path)
    circle = [
        _sleeper(tmp_path, "a", depends_on=["b"]),
        _sleeper(tmp_path, "b", depends_on=["a"]),
    ]
    with pytest.raises(ValueError, match="needs itself"):
        Supervisor(circle, folder=tmp_path)


async def test_a_taken_port_is_named_with_its_setting_and_nothing_starts(tmp_path: Path) -> None:
    free, taken = free_port(), free_port()
    ports = {"EVSLOT_POSTGRES_PORT": free, "EVSLOT_KAFKA_PORT": taken}
    nodes: list[Process | Step] = [
        Step(name="ports", action=lambda: ensure_ports_free(ports)),
        _sleeper(tmp_path, "part", depends_on=["ports"]),
    ]
    with socket.create_server(("127.0.0.1", taken)):
        with pytest.raises(PortTaken, match=rf"{taken}.*EVSLOT_KAFKA_PORT"):
            async with Supervisor(nodes, folder=tmp_path):
                pytest.fail("it must not start")
        assert not (tmp_path / "logs" / "part.log").exists()
    async with Supervisor(nodes, folder=tmp_path):
        pass


SYSTEM = """
import asyncio, sys
from pathlib import Path
from evslot.embedded.ports import free_port
from evslot.embedded.postgres import EmbeddedPostgres
from evslot.embedded.supervisor import Process, Step, Supervisor

async def always():
    return True

async def main():
    folder = Path(sys.argv[1])
    postgres = EmbeddedPostgres(folder, free_port())
    sleepers = [
        Process(
            name=f"sleeper-{n}",
            argv=["/bin/sh", "-c", "trap '' TERM INT; sleep 1000 & sleep 1000"],
            log_file=folder / "logs" / f"sleeper-{n}.log",
            ready=always,
            stop_timeout=0.5,
        )
        for n in range(3)
    ]
    prepare = Step(name="prepare", action=postgres.prepare)
    nodes = [prepare, postgres.process(["prepare"]), *sleepers]
    say = lambda line: print(line, flush=True)
    await Supervisor(nodes, folder=folder, say=say).run(lambda: say("started"))

asyncio.run(main())
"""


class System:
    """A real supervisor in a process of its own, with PostgreSQL and children that have some."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SYSTEM, str(folder)], stdout=subprocess.PIPE, text=True
        )
        assert self.line() == "started\n"
        self.all = psutil.Process(self.process.pid).children(recursive=True)

    def line(self) -> str:
        """The next line that the supervisor says."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def left(self) -> list[str]:
        """What still runs of all that was started."""
        return [" ".join(member.cmdline()) for member in self.all if _lives(member)]


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    system = System(tmp_path)
    yield system
    if system.process.poll() is None:
        system.process.terminate()
    system.process.wait(PATIENCE_SECONDS)
    assert system.process.stdout is not None
    system.process.stdout.close()


def test_a_killed_supervisor_leaves_nothing_and_can_start_again_at_once(
    system: System, tmp_path: Path
) -> None:
    # PostgreSQL with its own, three sleepers with two each, the watchdog.
    assert len(system.all) >= 1 + 5 + 3 * 3
    os.kill(system.process.pid, signal.SIGKILL)
    system.process.wait(PATIENCE_SECONDS)
    again = System(tmp_path)  # waits for the folder, which the watchdog gives back when done
    assert system.left() == []
    again.process.send_signal(signal.SIGTERM)
    again.process.wait(PATIENCE_SECONDS)
    assert again.left() == []


def test_ctrl_c_stops_everything_within_ten_seconds(system: System) -> None:
    began = time.monotonic()
    system.process.send_signal(signal.SIGINT)
    assert system.process.wait(PATIENCE_SECONDS) == 0
    assert time.monotonic() - began < 10
    assert system.left() == []


def test_a_killed_watchdog_is_replaced_and_does_its_work(system: System) -> None:
    (watchdog,) = [member for member in system.all if _is_watchdog(member)]
    watchdog.kill()
    assert system.line() == "the watchdog ended; starting it again\n"
    assert system.line() == "the watchdog is back\n"
    system.process.kill()
    deadline = time.monotonic() + PATIENCE_SECONDS
    system.process.wait(PATIENCE_SECONDS)
    while system.left():
        assert time.monotonic() < deadline, system.left()
        time.sleep(0.02)


def _is_watchdog(process: psutil.Process) -> bool:
    try:
        return any(part.endswith("watchdog.py") for part in process.cmdline())
    except psutil.NoSuchProcess:
        return False


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
