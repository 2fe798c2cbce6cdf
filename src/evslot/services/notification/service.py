"""The notification service: its settings and its wiring."""

from evslot.services.notification import messages
from evslot.services.notification.adapters.calendars import Calendars
from evslot.services.notification.adapters.letters import Letters
from evslot.services.notification.adapters.mailing import jobs
from evslot.services.notification.adapters.smtp import Mailer, MailSettings
from evslot.services.notification.handlers import handlers
from evslot.services.notification.queries import queries
from evslot.spine.config import Config
from evslot.spine.service import Service


def build_resources(config: Config) -> list[object]:
    """What handlers and jobs work with; raises SettingInvalid."""
    settings = config.read(MailSettings, "notification")
    letters = Letters(settings.support_contact)
    return [letters, Calendars(settings, letters), Mailer(settings)]


SERVICE = Service(
    name="notification",
    messages=messages,
    handlers=handlers,
    queries=queries,
    jobs=jobs,
    resources=build_resources,
)
