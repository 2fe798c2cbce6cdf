"""The made-up ledger in a harness, with keys of its own."""

import sys
from collections.abc import AsyncIterator

import pytest
import structlog

from evslot.embedded.throwaway import PostgresServer
from evslot.spine.message import message_types
from evslot.spine.sealing import make_keys
from tests import harness
from tests.harness import Harness, keys_folder
from tests.spine.ledger import messages as ledger
from tests.spine.ledger.service import SERVICE
from tests.spine.oracle import messages as oracle


@pytest.fixture(autouse=True)
def plain_logs() -> None:
    """Without them a traceback is drawn with all its locals, which takes seconds."""
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


@pytest.fixture(scope="session")
def ledger_keys() -> None:
    """Keys of the made-up parts, beside those of the real ones."""
    make_keys(keys_folder(), ("ledger", "oracle"))
    harness.EXTRA_KINDS.extend([*message_types(ledger), *message_types(oracle)])


@pytest.fixture
async def h(postgres_server: PostgresServer, ledger_keys: None) -> AsyncIterator[Harness]:
    async with Harness(SERVICE, postgres_server) as harness_:
        yield harness_
