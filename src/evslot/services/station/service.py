"""The station service: settings and wiring."""

from typing import Any

from evslot.services.station import messages
from evslot.services.station.adapters.zones import Zones
from evslot.services.station.handlers import handlers
from evslot.services.station.queries import queries
from evslot.spine.config import Config
from evslot.spine.service import Service


def build_resources(config: Config) -> list[Any]:
    """What handlers and queries find with `resource`; keys come from the spine."""
    return [Zones()]


SERVICE = Service(
    name="station",
    messages=messages,
    handlers=handlers,
    queries=queries,
    resources=build_resources,
)
