"""Reads compose.yaml and brings up what it says with podman, in the order it says."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Semaphore
from typing import Any

import yaml
from msgspec import Struct

from tests.containers.podman import Podman, PodmanFailed

VARIABLE = re.compile(r"\$(?:\$|\{(\w+)(?:(:-|:\?)([^}]*))?\})")
HEALTHY_SECONDS = 120.0
CHECK_SECONDS = 0.7
CHECKS_AT_ONCE = 2
"""Each check starts several programs; more at once would slow what they ask after."""
NETWORK = "evslot_default"


class SettingMissing(Exception):
    """A variable that the compose file demands, in the file's own words."""


class Container(Struct, frozen=True):
    """One service of the compose file."""

    service: str
    said: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.said["container_name"])

    @property
    def waits_for(self) -> dict[str, str]:
        """Other services, and what must be true of them."""
        listed = self.said.get("depends_on", {})
        if isinstance(listed, list):
            return dict.fromkeys(listed, "service_started")
        return {service: says["condition"] for service, says in listed.items()}

    @property
    def environment(self) -> dict[str, Any]:
        """What it is told."""
        told: dict[str, Any] = self.said.get("environment", {})
        return told

    @property
    def ports(self) -> list[str]:
        """As `127.0.0.1:8080:8080`."""
        return [str(port) for port in self.said.get("ports", [])]


def read(path: Path, variables: Mapping[str, str]) -> dict[str, Container]:
    """The services without those of a profile, variables filled in."""
    return {
        service: Container(service, said)
        for service, said in read_whole(path, variables)["services"].items()
        if not said.get("profiles")
    }


def read_whole(path: Path, variables: Mapping[str, str]) -> dict[str, Any]:
    """All that the file says, variables filled in; raises SettingMissing."""
    whole: dict[str, Any] = _filled(yaml.safe_load(path.read_text()), variables)
    return whole


def read_variables(path: Path) -> dict[str, str]:
    """A file such as .env.example."""
    lines = (line.strip() for line in path.read_text().splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(inner, variables) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, variables) for inner in value]
    if not isinstance(value, str):
        return value
    return VARIABLE.sub(lambda found: _value(found, variables), value)


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    name, how, text = found.groups()
    if name is None:
        return "$"
    if variables.get(name):
        return variables[name]
    if how == ":?":
        raise SettingMissing(f"{name}: {text}")
    return text or ""


class Composition:
    """The services, running; what one waits for is waited for."""

    def __init__(self, podman: Podman, containers: dict[str, Container], folder: Path) -> None:
        self._podman = podman
        self.containers = containers
        self._folder = folder
        self._checking = Semaphore(CHECKS_AT_ONCE)
        self.healthy_after: dict[str, float] = {}
        """Seconds from a container's start until it said that it is well."""

    def up(self) -> None:
        """Returns when every service is well, as its health check has it."""
        self._podman("network", "create", NETWORK)
        with ThreadPoolExecutor(len(self.containers)) as pool:
            started: dict[str, Future[None]] = {}
            for container in in_order(self.containers):
                before = [started[name] for name in container.waits_for]
                started[container.service] = pool.submit(self._up, container, before)
            for future in started.values():
                future.result()

    def down(self) -> None:
        """Stopped as compose stops them: those that others need come last."""
        for container in reversed(list(in_order(self.containers))):
            self._podman.tried("stop", container.name)

    def wait_healthy(self, container: Container, seconds: float = HEALTHY_SECONDS) -> None:
        """Runs the health check, as the engine's timer would, until it is passed."""
        began = time.monotonic()
        while not self._is_healthy(container):
            if time.monotonic() - began > seconds:
                said = "".join(self._podman.tried("logs", "--tail", "40", container.name)[1:])
                raise PodmanFailed(f"{container.name} is not well after {seconds} s:\n{said}")
            time.sleep(CHECK_SECONDS)
        self.healthy_after.setdefault(container.name, time.monotonic() - began)

    def _is_healthy(self, container: Container) -> bool:
        with self._checking:
            return self._podman.tried("healthcheck", "run", container.name)[0] == 0

    def _up(self, container: Container, before: list[Future[None]]) -> None:
        for future in before:
            future.result()
        self._podman(*run_arguments(container, self._folder))
        if container.said.get("restart") == "no":
            self._wait_completed(container)
        else:
            self.wait_healthy(container)

    def _wait_completed(self, container: Container) -> None:
        began = time.monotonic()
        status = self._podman("wait", container.name).strip()
        said = "".join(self._podman.tried("logs", container.name)[1:])
        if status != "0":
            raise PodmanFailed(f"{container.name} ended with {status}:\n{said}")
        self.healthy_after[container.name] = time.monotonic() - began


def in_order(containers: dict[str, Container]) -> Iterator[Container]:
    """Each after all that it waits for."""
    given: set[str] = set()
    while len(given) < len(containers):
        ready = [
            container
            for service, container in containers.items()
            if service not in given and given >= set(container.waits_for)
        ]
        assert ready, "the services wait for each other in a circle"
        for container in ready:
            given.add(container.service)
            yield container


def run_arguments(container: Container, folder: Path) -> list[str]:
    """`podman run …` for a service; limits are not here, for there are no cgroups to hold them."""
    said = container.said
    arguments = ["run", "--detach", "--name", container.name]
    arguments += ["--network", NETWORK, "--network-alias", container.service]
    arguments += ["--hostname", container.service, "--restart", str(said.get("restart", "no"))]
    for name, value in container.environment.items():
        arguments += ["--env", f"{name}={value}"]
    for option, key in (("--publish", "ports"), ("--tmpfs", "tmpfs"), ("--cap-drop", "cap_drop")):
        for value in said.get(key, []):
            arguments += [option, str(value)]
    for value in said.get("security_opt", []):
        arguments += ["--security-opt", value.removesuffix(":true")]
    for value in said.get("volumes", []):
        arguments += ["--volume", _volume(value, folder)]
    for option, key in (
        ("--user", "user"),
        ("--stop-signal", "stop_signal"),
        ("--shm-size", "shm_size"),
    ):
        if key in said:
            arguments += [option, str(said[key])]
    if said.get("read_only"):
        arguments.append("--read-only")
    if "stop_grace_period" in said:
        arguments += ["--stop-timeout", said["stop_grace_period"].removesuffix("s")]
    arguments += _health(said.get("healthcheck", {}))
    if "entrypoint" in said:
        arguments += ["--entrypoint", json.dumps(said["entrypoint"])]
    return [*arguments, said["image"], *map(str, said.get("command", []))]


def _health(check: dict[str, Any]) -> list[str]:
    if check.get("disable"):
        return ["--no-healthcheck"]
    if "test" not in check:
        return []
    how, *words = check["test"]
    # Podman takes a list without the word CMD for a program with its arguments.
    test = words if how == "CMD" else [how, *words]
    return ["--health-cmd", json.dumps(test), "--health-timeout", check["timeout"]]


def _volume(text: str, folder: Path) -> str:
    source, rest = text.split(":", 1)
    if source.startswith("."):
        return f"{(folder / source).resolve()}:{rest}"
    return f"evslot_{source}:{rest}"
