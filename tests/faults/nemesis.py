"""Faults by name, and what each of them must offer to be done to a running system."""

import asyncio
import random
from collections.abc import Callable
from typing import Protocol, TypeVar

from tests.faults.rig import Rig


class Fault(Protocol):
    """Something that goes wrong for a while: `prepare`, then (`start`, `stop`) once or more."""

    name: str

    async def prepare(self, rig: Rig) -> None:
        """Before the system starts: settings go into `rig.system.environment`."""

    async def start(self, rig: Rig, dice: random.Random) -> None:
        """Begin; returns at once. Each single hit is told by `rig.hit(self.name, target)`."""

    async def stop(self) -> None:
        """Returns when nothing is broken any more from this side; healing is the system's."""

    async def close(self) -> None:
        """After the system has stopped: what `prepare` opened."""


FAULTS: dict[str, Callable[[], Fault]] = {}
"""By name, as `make prove FAULT=` takes it; filled by `registered`."""

Kind = TypeVar("Kind", bound=Callable[[], Fault])


def registered(kind: Kind) -> Kind:
    """A class of faults whose name is its `name`."""
    name: str = kind.name  # type: ignore[attr-defined]
    if name in FAULTS:
        raise ValueError(f"two faults are called {name}")
    FAULTS[name] = kind
    return kind


class Repeated(Fault):
    """A fault that strikes again and again until it is stopped; a subclass says how, and how often.

    An error in a strike is not swallowed: `stop` raises it.
    """

    every: tuple[float, float] = (2.0, 3.0)
    """Seconds between two strikes, at least and at most."""

    def __init__(self) -> None:
        self._striking: asyncio.Task[None] | None = None
        self._over = asyncio.Event()

    async def prepare(self, rig: Rig) -> None:
        """Most need nothing."""

    async def start(self, rig: Rig, dice: random.Random) -> None:
        self._over = asyncio.Event()
        self._striking = asyncio.create_task(self._strike_on(rig, dice))

    async def stop(self) -> None:
        """The strike in hand ends first: what is suspended is let go."""
        self._over.set()
        if self._striking is not None:
            await self._striking
            self._striking = None

    async def close(self) -> None:
        """Most have nothing open."""

    async def strike(self, rig: Rig, dice: random.Random) -> None:
        """Once."""
        raise NotImplementedError

    async def pause(self, seconds: float) -> bool:
        """Wait inside a strike; True where the fault was stopped meanwhile."""
        try:
            async with asyncio.timeout(seconds):
                await self._over.wait()
        except TimeoutError:
            return False
        return True

    async def _strike_on(self, rig: Rig, dice: random.Random) -> None:
        while not await self.pause(dice.uniform(*self.every)):
            await self.strike(rig, dice)
