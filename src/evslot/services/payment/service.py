"""Settings and wiring of the payment service."""

from pathlib import Path

from evslot.services.payment import messages
from evslot.services.payment.adapters.calls import jobs
from evslot.services.payment.adapters.simulated import SimulatedProvider
from evslot.services.payment.adapters.trying import described
from evslot.services.payment.adapters.typesetting import Typesetter
from evslot.services.payment.adapters.webhooks import WebhookKey
from evslot.services.payment.domain.settings import PaymentSettings
from evslot.services.payment.handlers import handlers
from evslot.services.payment.queries import queries
from evslot.spine.config import Config, PartSettings, SharedSettings
from evslot.spine.sealing import Keys
from evslot.spine.service import Service


def build_resources(env: Config) -> list[object]:
    """The provider; the simulated one keeps its books apart, on connections of its own."""
    settings = env.read(PartSettings, "payment")
    own = env.read(PaymentSettings, "payment")
    shared = env.shared(SharedSettings)
    keys = Keys.load("payment", Path(settings.keys_file), Path(shared.keys_public_file))
    key = WebhookKey.of(own, keys)
    provider = SimulatedProvider.on(settings.database_url, own.simulated_webhook_url, key)
    return [provider, key, Typesetter(), own, described(shared.in_development)]


SERVICE = Service(
    name="payment",
    messages=messages,
    handlers=handlers,
    queries=queries,
    jobs=jobs,
    resources=build_resources,
)
