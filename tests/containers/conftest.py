"""The whole composition, built and brought up once, seen from outside."""

import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.containers import images
from tests.containers.compose import Composition, Container, read, read_variables
from tests.containers.podman import Podman
from tests.containers.tools import Tools
from tests.journeys.people import Person, Town

ROOT = Path(__file__).resolve().parents[2]


class Composed(Composition):
    """What compose.yaml makes, as people and the checks see it."""

    def __init__(self, podman: Podman, containers: dict[str, Container], keys: Path) -> None:
        super().__init__(podman, containers, ROOT)
        self.podman = podman
        self.gateways = [f"http://127.0.0.1:{self._published('gateway')}"]
        self.mail_url = f"http://127.0.0.1:{self._published('mail')}"
        self.keys_folder = keys

    def _published(self, service: str) -> str:
        return self.containers[service].ports[0].split(":")[1]

    def name(self, service: str) -> str:
        """The name of a service's container."""
        return self.containers[service].name

    def inside(self, service: str, *command: str) -> tuple[int, str]:
        """Exit status and all output of a command in a service's container."""
        status, said, complained = self.podman.tried("exec", self.name(service), *command)
        return status, said + complained


@pytest.fixture(scope="session")
def podman() -> Iterator[Podman]:
    """With nothing left of an earlier run that was killed."""
    kept = os.environ.get("EVSLOT_CONTAINERS_DIR", "/var/tmp/evslot-containers")
    podman = Podman(Path(kept))
    podman.remove_all()
    yield podman
    podman.remove_all()


@pytest.fixture(scope="session")
def tools(cache_dir: Path) -> Tools:
    """What checks the chart; asked for early, for it may have to be built."""
    return Tools(cache_dir / "container-tools")


@pytest.fixture(scope="session")
def built(podman: Podman, tools: Tools, cache_dir: Path) -> dict[str, float]:
    """All images; how many seconds each took."""
    assert tools
    seconds = {}
    work: list[tuple[str, Callable[[], None]]] = [
        ("base", lambda: images.make_base(podman)),
        ("evslot", lambda: images.make_ours(podman)),
        ("postgres", lambda: images.make_postgres(podman)),
        ("kafka", lambda: images.make_kafka(podman, cache_dir)),
    ]
    for name, make in work:
        began = time.monotonic()
        make()
        seconds[name] = time.monotonic() - began
    return seconds


@pytest.fixture(scope="session")
def composed(
    podman: Podman, built: dict[str, float], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Composed]:
    """Up and well; down at the end."""
    assert built
    variables = read_variables(ROOT / ".env.example") | {
        "EVSLOT_IMAGE": images.OURS,
        "EVSLOT_POSTGRES_IMAGE": images.POSTGRES,
        "EVSLOT_KAFKA_IMAGE": images.KAFKA,
    }
    composed = Composed(
        podman, read(ROOT / "compose.yaml", variables), tmp_path_factory.mktemp("keys")
    )
    composed.up()
    podman("cp", "Ev-setup:/keys/all/.", str(composed.keys_folder))
    yield composed
    composed.down()


@pytest.fixture(scope="session")
async def town(composed: Composed) -> AsyncIterator[Town]:
    """HTTP clients to the published ports."""
    town = Town(composed)
    yield town
    await town.close()


@pytest.fixture(scope="session")
async def operator(town: Town) -> Person:
    """Somebody who owns an organisation."""
    person = await town.sign_up()
    await person.make_organisation()
    return person
