"""What a part is wired with: its names, keys, settings and adapters; the same while it runs."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from msgspec import Struct

from evslot.spine.message import Catalogue
from evslot.spine.sealing import Keys
from evslot.spine.topics import Topics

T = TypeVar("T")


class Resources:
    """What a part was wired with: settings, keys, adapters, found by type."""

    def __init__(self, things: Sequence[Any] = ()) -> None:
        self._things = list(things)

    def get(self, kind: type[T]) -> T:
        """Raises LookupError where nothing of that type was wired."""
        for thing in self._things:
            if isinstance(thing, kind):
                return thing
        raise LookupError(f"no {kind.__name__} among the resources of this part")

    def add(self, thing: Any) -> None:
        self._things.append(thing)

    def __iter__(self) -> Any:
        return iter(self._things)


class Wiring(Struct, frozen=True, kw_only=True):
    """What does not change while a part runs."""

    part: str
    topics: Topics
    keys: Keys
    resources: Resources
    catalogue: Catalogue
    """The part's own commands and queries."""
    job_deadlines: Mapping[str, float] = {}
    """Seconds from the call, by kind of job."""
