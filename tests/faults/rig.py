"""A running system that is about to be hurt: its processes, its history, its way back to rest."""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.faults.history import History
from tests.faults.quiet import Left, come_to_rest
from tests.journeys.people import Town
from tests.journeys.running_system import PARTS as PARTS  # faults name these from here
from tests.journeys.running_system import RunningSystem

STILL_SECONDS = 5.0
POLL_SECONDS = 0.1
REST_SECONDS = 120.0
"""After a heal; what is not done by then is not live (I13)."""

SETTINGS = {
    # Holds lapse while drivers still think about them, and nobody pauses for that; a few
    # drivers book all there is.
    "EVSLOT_RESERVATION_HOLD_SECONDS": "12",
    "EVSLOT_RESERVATION_HOLD_SECONDS_SOON": "9",
    "EVSLOT_RESERVATION_PROLONG_SECONDS": "5",
    "EVSLOT_RESERVATION_LAPSED_HOLDS": "1000000",
    "EVSLOT_RESERVATION_LIVE_BOOKINGS": "1000000",
}


class Rig:
    """One system of a run; faults change `system.environment` before it starts."""

    def __init__(self, system: RunningSystem, folder: Path, seed: int) -> None:
        self.system = system
        self.folder = folder
        self.seed = seed
        self.history = History(folder / "history.jsonl")
        self.hits: Counter[str] = Counter()
        """Strikes by fault and target, such as `kill reservation`."""
        self.town: Town
        """There once the system runs."""

    def hit(self, fault: str, target: str, **args: Any) -> None:
        """A fault has struck: a line in the history, and counted."""
        self.hits[f"{fault} {target}"] += 1
        self.history.nemesis(fault, "hit", target=target, **args)

    def victim(self, dice: random.Random, among: tuple[str, ...] = PARTS) -> str | None:
        """One of these that is ready now; None where none is."""
        states = self.system.states()
        ready = [name for name in among if name in states and states[name]["ready"]]
        return dice.choice(ready) if ready else None

    def signal(self, name: str, number: signal.Signals) -> None:
        """To the process of a name; one that has ended this moment has had its share."""
        try:
            os.kill(self.system.pids()[name], number)
        except ProcessLookupError:
            self.history.nemesis("signal", "missed", target=name)

    def family(self, name: str) -> list[psutil.Process]:
        """A process with its children; none where another fault was here first."""
        try:
            return self.system.family(name)
        except psutil.NoSuchProcess:
            return []

    async def healed(self, within: float = REST_SECONDS) -> float:
        """Until the supervisor finds every process ready; the seconds, or raises."""
        started = time.monotonic()
        while not self.system.is_ready():
            if time.monotonic() - started > within:
                raise AssertionError(f"not ready after {within} s:\n{self.system.said()}")
            await asyncio.sleep(POLL_SECONDS)
        return time.monotonic() - started

    async def at_rest(self) -> tuple[Left, float]:
        """What is still on its way after at most two minutes (nothing = good), and the seconds."""
        left, seconds = await come_to_rest(self.system, STILL_SECONDS, REST_SECONDS)
        self.history.nemesis("rest", "stop", left=left, seconds=round(seconds, 1))
        return left, seconds


@asynccontextmanager
async def running_rig(rig: Rig) -> AsyncIterator[Rig]:
    """The system of a rig, started, with a way to its gateways; stopped at the end."""
    system = rig.system
    system.environment |= {**SETTINGS, **_webhooks(system)}
    try:
        await asyncio.to_thread(system.start)
        rig.town = Town(system)
        try:
            yield rig
        finally:
            await rig.town.close()
    finally:
        await asyncio.to_thread(system.stop)
        rig.history.close()


def _webhooks(system: RunningSystem) -> Mapping[str, str]:
    """The provider's events come in over HTTP, as a real one's do."""
    address = f"{system.gateways[0]}/v1/providers/simulated/events"
    return {"EVSLOT_PAYMENT_SIMULATED_WEBHOOK_URL": address}
