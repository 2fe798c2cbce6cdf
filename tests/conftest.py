"""The real PostgreSQL and Kafka of a test run, started once, in parallel, only when needed."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from evslot.embedded.throwaway import START_SECONDS, PostgresServer, Servers

# How fast examples are made is the machine's business: it may have other things to do.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

SLOW_FOLDERS = ("embedded", "journeys", "faults")
"""Their tests start processes, or talk to a whole system."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs a server or processes is `real`; the rest is the fast tier of `make check`."""
    for item in items:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        if folder in SLOW_FOLDERS or "_servers" in _fixtures(item):
            item.add_marker(pytest.mark.real)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Everything here is asyncio."""
    return "asyncio"


@pytest.fixture(scope="session")
def cache_dir() -> Path:
    """Where downloads are kept between runs."""
    return Path(os.environ.get("EVSLOT_CACHE_DIR", "~/.cache/evslot")).expanduser()


@pytest.fixture(scope="session")
def _servers(request: pytest.FixtureRequest, cache_dir: Path) -> Iterator[Servers]:
    """Both begin to start together when the collected tests use both."""
    servers = Servers(cache_dir)
    try:
        needed = {name for item in request.session.items for name in _fixtures(item)}
        if "postgres_server" in needed:
            servers.start_postgres()
        if "kafka_bootstrap" in needed:
            servers.start_kafka()
        yield servers
    finally:
        servers.stop()


@pytest.fixture(scope="session")
def postgres_server(_servers: Servers) -> PostgresServer:
    """A real PostgreSQL: `host`, `port`, `superuser_dsn`."""
    return _servers.start_postgres().result(START_SECONDS)


@pytest.fixture(scope="session")
def kafka_bootstrap(_servers: Servers) -> str:
    """`host:port` of a real Kafka without topics; name yours so that no other test has them."""
    return _servers.start_kafka().result(START_SECONDS)


def _fixtures(item: pytest.Item) -> list[str]:
    names: list[str] = getattr(item, "fixturenames", [])
    return names
