"""The user service, wired: settings, password hashing, handlers, queries."""

from msgspec.structs import replace

from evslot.services.user import messages
from evslot.services.user.adapters.hashing import PasswordHashing
from evslot.services.user.domain.sessions import Settings
from evslot.services.user.handlers import handlers
from evslot.services.user.queries import queries
from evslot.spine.config import Config, SharedSettings
from evslot.spine.service import Service


def build_resources(config: Config) -> list[object]:
    settings = config.read(Settings, "user")
    if settings.approve_organisations is None:
        development = config.shared(SharedSettings).in_development
        settings = replace(settings, approve_organisations=development)
    return [settings, PasswordHashing(settings.hashing_threads)]


SERVICE = Service(
    name="user",
    messages=messages,
    handlers=handlers,
    queries=queries,
    jobs=None,
    sagas=(),
    resources=build_resources,
)
