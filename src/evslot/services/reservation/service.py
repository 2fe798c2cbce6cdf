"""The reservation service: its settings and its wiring."""

from evslot.services.reservation import messages
from evslot.services.reservation.domain.booking import Rules
from evslot.services.reservation.handlers import handlers
from evslot.services.reservation.queries import queries
from evslot.services.reservation.saga import BOOKING, SETTLEMENT
from evslot.spine.config import Config
from evslot.spine.service import Service


def build_resources(config: Config) -> list[object]:
    """The rules of holding, as this installation sets them, and what it is."""
    return [config.read(Rules, "reservation")]


SERVICE = Service(
    name="reservation",
    messages=messages,
    handlers=handlers,
    queries=queries,
    sagas=(BOOKING, SETTLEMENT),
    resources=build_resources,
)
