"""Wires the ledger."""

from typing import Any

from evslot.spine.config import Config
from evslot.spine.service import Service
from tests.spine.ledger import messages
from tests.spine.ledger.handlers import handlers, jobs
from tests.spine.ledger.queries import queries
from tests.spine.ledger.switches import Switches


def build_resources(config: Config) -> list[Any]:
    return [Switches()]


SERVICE = Service(
    name="ledger",
    messages=messages,
    handlers=handlers,
    queries=queries,
    jobs=jobs,
    resources=build_resources,
)
