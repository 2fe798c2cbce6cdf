"""What the oracle is asked, and what it tells."""

from msgspec import Struct

from evslot.spine.message import Command, Event, Secret


class Advice(Struct, frozen=True, kw_only=True):
    """What the oracle says."""

    words: str
    whispered: Secret[str]


class Advise(Command[Advice], frozen=True, kw_only=True):
    """Say what to do."""

    question: str
    offering: Secret[str]

    def key(self) -> str:
        return self.question


class RateSet(Event, frozen=True, kw_only=True):
    """A rate has a new value."""

    name: str
    rate: int
    version: int

    def key(self) -> str:
        return self.name


class OmenSeen(Event, frozen=True, kw_only=True):
    """Nobody listens to this one."""

    name: str

    def key(self) -> str:
        return self.name
