"""One real gateway for the tests of the edge."""

from collections.abc import AsyncIterator

import pytest

from evslot.embedded.throwaway import PostgresServer
from tests.gateway.edge_bench import Edge, running_edge


@pytest.fixture(scope="session")
async def running(kafka_bootstrap: str, postgres_server: PostgresServer) -> AsyncIterator[Edge]:
    """Started once; waits are short, so that what takes too long does not take the tests long."""
    settings = {
        "EVSLOT_GATEWAY_WAIT_SECONDS": "1.0",
        "EVSLOT_GATEWAY_LOG_REQUESTS": "false",
        "EVSLOT_GATEWAY_INBOX_URL": "http://127.0.0.1:8025",
        # The edge's tests all come from one address.
        "EVSLOT_GATEWAY_LIMITS": "false",
    }
    async with running_edge(kafka_bootstrap, postgres_server, **settings) as edge:
        yield edge


@pytest.fixture
async def edge(running: Edge) -> Edge:
    """The gateway with a responder that knows nothing yet."""
    running.responder.forget()
    return running
