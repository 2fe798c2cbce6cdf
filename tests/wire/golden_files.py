"""Which golden files there must be, and what would be written into each today."""

from pathlib import Path
from typing import Any

from msgspec import Struct

from evslot.spine import message
from evslot.spine.message import Event, Message, outcome_type, wire_name
from tests.architecture.house import all_messages
from tests.wire.examples import answer_example, example, pretty, seal, unseal

FOLDER = Path(__file__).parent / "golden"


class Golden(Struct, frozen=True):
    """One golden file: a message, or what a command or query answers."""

    name: str
    kind: Any
    """The type the bytes are read as."""
    made: Any

    @property
    def path(self) -> Path:
        return FOLDER / f"{self.name}.json"

    def today(self) -> str:
        """As it would be written now."""
        return pretty(message.encode(self.made, seal))

    def again(self, text: str) -> bytes:
        """Read with today's types and written again."""
        return message.encode(message.decode(text.encode(), self.kind, unseal), seal)


def golden_files() -> list[Golden]:
    """`<service>.<Name>.v1`, and `<service>.<Name>.v1.answer` of those that are answered."""
    files = []
    for kind in all_messages():
        name = f"{wire_name(kind)}.v{kind.VERSION}"
        files.append(Golden(name, kind, example(kind)))
        if _answers_something_new(kind):
            files.append(Golden(f"{name}.answer", outcome_type(kind), answer_example(kind)))
    return files


def _answers_something_new(kind: type[Message]) -> bool:
    """A command that answers an event is covered by the event's file."""
    if issubclass(kind, Event):
        return False
    outcome = outcome_type(kind)
    return not (isinstance(outcome, type) and issubclass(outcome, Event))
