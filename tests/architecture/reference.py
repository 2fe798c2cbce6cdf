"""`python -m tests.architecture.reference`: writes docs/reference from the code.

A test says when a page is no longer what this would write.
"""

import inspect
from importlib import import_module
from types import ModuleType
from typing import Any

from msgspec import Struct

from evslot import system
from evslot.cli import surroundings
from evslot.gateway.settings import GatewaySettings
from evslot.services.notification.adapters.smtp import MailSettings
from evslot.services.payment.domain.settings import PaymentSettings
from evslot.services.reservation.domain.booking import Rules
from evslot.services.user.domain.sessions import Settings as UserSettings
from evslot.spine.config import FaultSettings, PartSettings, SharedSettings
from evslot.spine.message import Event, Message, Refusal
from evslot.spine.topics import RECORD_BYTES, Topics
from tests.architecture.descriptions import FieldLine, fields_of, key_of, sentence
from tests.architecture.house import ROOT, messages_of, refusals_of, word_of

FOLDER = ROOT / "docs" / "reference"
WRITTEN = "<!-- Written by `make reference` from the code; changes belong there. -->\n"
HOUR = 3600 * 1000

SETTINGS: tuple[tuple[str, str, type[Struct], str], ...] = (
    (
        "`evslot up` and what it starts",
        "EVSLOT_",
        surroundings.Surroundings,
        "Where things are on this machine; `up` tells the parts the rest.",
    ),
    ("All parts", "EVSLOT_", SharedSettings, "What all parts must agree on."),
    ("Failures on purpose", "EVSLOT_", FaultSettings, "For tests; each place has a name."),
    (
        "Each part",
        "EVSLOT_<PART>_",
        PartSettings,
        "`<PART>` is GATEWAY, USER, STATION, RESERVATION, PAYMENT or NOTIFICATION. Under"
        " `evslot up` the addresses of databases and `HEALTH_PORT` are yours to set, and it sets"
        " the rest.",
    ),
    ("The gateway", "EVSLOT_GATEWAY_", GatewaySettings, "Limits of the HTTP edge."),
    ("The user service", "EVSLOT_USER_", UserSettings, "Sessions and what guards them."),
    ("The reservation service", "EVSLOT_RESERVATION_", Rules, "Rules of holding and paying."),
    ("The payment service", "EVSLOT_PAYMENT_", PaymentSettings, "Receipts, provider events."),
    ("The notification service", "EVSLOT_NOTIFICATION_", MailSettings, "Where mail goes out."),
)
"""Title, what the names begin with, the struct that reads them, a sentence."""


def setting_names() -> set[str]:
    """Every setting there is; each part's spelled out."""
    names = set()
    for _, prefix, kind, _ in SETTINGS:
        for line in fields_of(kind):
            for part in system.NAMES:
                names.add(prefix.replace("<PART>", part.upper()) + line.name.upper())
    return names


def settings_page() -> str:
    """docs/reference/settings.md."""
    text = (
        "# Settings\n\n"
        + WRITTEN
        + "\nSettings come from the environment and are read once, at the start; a wrong one ends"
        " the start with a line that names it. A variable set to nothing counts as not set.\n"
    )
    for title, prefix, kind, words in SETTINGS:
        text += f"\n## {title}\n\n{words}\n\n| setting | type | default | |\n|---|---|---|---|\n"
        for line in fields_of(kind):
            default = "**must be set**" if line.default is None else f"`{line.default}`"
            text += (
                f"| `{prefix}{line.name.upper()}` | `{_cell(line.kind)}` | {default} |"
                f" {_cell(line.words)} |\n"
            )
    return text


def topics_page() -> str:
    """docs/reference/topics.md."""
    rows = "".join(
        f"| `{topic.name}` | {topic.carries} | {topic.partitions} |"
        f" {kept(topic.retention_ms)} | {topic.written_by} |\n"
        for topic in Topics().table()
    )
    return (
        "# Topics\n\n"
        + WRITTEN
        + "\nMade by `evslot topics` (and by `evslot up`), which also set what is there already"
        " as said here; brokers make none by themselves."
        f" A record has at most {RECORD_BYTES // 1024} KiB; the broker's clock stamps it.\n\n"
        "| topic | carries | partitions | kept | written by |\n|---|---|---|---|---|\n" + rows
    )


def messages_page() -> str:
    """docs/reference/messages.md."""
    text = (
        "# Messages\n\n"
        + WRITTEN
        + "\nWhat each service can be asked, what it tells, and how it says no. The wire type is"
        " `<service>.<Name>`; fields marked `Secret` or `Personal` are sealed to their reader."
        " The key decides the partition, and with it what keeps its order.\n"
    )
    for service in system.SERVICES:
        text += _service(service)
    return text


def _service(service: str) -> str:
    kinds = messages_of(service)
    text = f"\n## {service}\n"
    for word, title in (("command", "Commands"), ("query", "Queries"), ("event", "Events")):
        text += f"\n### {title}\n" + "".join(
            _message(service, kind) for kind in kinds if word_of(kind) == word
        )
    text += "\n### Refusals\n\n| code | status | says |\n|---|---|---|\n"
    for no in sorted(refusals_of(service), key=lambda kind: kind.__name__):
        text += _refusal(no)
    shapes = _shapes(import_module(f"evslot.services.{service}.messages"))
    return text + "\n### Shapes\n" + "".join(_shape(kind) for kind in shapes)


def _message(service: str, kind: type[Message]) -> str:
    answers = "" if issubclass(kind, Event) else f" · answers {_outcome(kind)}"
    return (
        f"\n**{service}.{kind.__name__}** v{kind.VERSION} · key {key_of(kind)}{answers}<br>\n"
        f"{sentence(kind)}\n" + _table(fields_of(kind))
    )


def _outcome(kind: type[Message]) -> str:
    for base in vars(kind).get("__orig_bases__", ()):
        for inner in getattr(base, "__args__", ()):
            return f"`{getattr(inner, '__forward_arg__', getattr(inner, '__name__', inner))}`"
    raise TypeError(f"{kind.__name__} does not say what it answers")


def _refusal(kind: type[Refusal]) -> str:
    return f"| `{kind().code}` | {kind.status} | {_cell(sentence(kind))} |\n"


def _shapes(module: ModuleType) -> list[type[Struct]]:
    """What messages and answers are made of."""
    return [
        kind
        for kind in vars(module).values()
        if inspect.isclass(kind)
        and issubclass(kind, Struct)
        and not issubclass(kind, Message)
        and kind.__module__.startswith(module.__name__)
    ]


def _shape(kind: type[Any]) -> str:
    return f"\n**{kind.__name__}**<br>\n{sentence(kind)}\n" + _table(fields_of(kind))


def _table(lines: list[FieldLine]) -> str:
    if not lines:
        return ""
    text = "\n| field | type | |\n|---|---|---|\n"
    for line in lines:
        default = "" if line.default is None else f" (default `{_cell(line.default)}`)"
        text += f"| `{line.name}` | `{_cell(line.kind)}`{default} | {_cell(line.words)} |\n"
    return text


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def kept(milliseconds: int) -> str:
    hours = milliseconds / HOUR
    return f"{hours / 24:.0f} days" if hours >= 24 else f"{hours * 60:.0f} minutes"


PAGES = {
    "messages.md": messages_page,
    "settings.md": settings_page,
    "topics.md": topics_page,
}

if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page())
