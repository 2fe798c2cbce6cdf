"""Settings and wiring of the payment service."""

from evslot.services.payment import messages
from evslot.services.payment.adapters.calls import jobs
from evslot.services.payment.adapters.simulated import SimulatedProvider
from evslot.services.payment.handlers import handlers
from evslot.services.payment.queries import queries
from evslot.spine.config import Config, PartSettings
from evslot.spine.service import Service


def build_resources(env: Config) -> list[object]:
    """The provider; the simulated one keeps its books apart, on connections of its own."""
    settings = env.read(PartSettings, "payment")
    return [SimulatedProvider.on(settings.database_url)]


SERVICE = Service(
    name="payment",
    messages=messages,
    handlers=handlers,
    queries=queries,
    jobs=jobs,
    resources=build_resources,
)
