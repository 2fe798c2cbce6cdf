"""Processes that die, stand still or lose answers at named places of the code."""

import json
import random
import tempfile
from collections import Counter
from pathlib import Path

from evslot.spine.failpoints import POINTS
from tests.faults.kills import GATEWAYS, SERVICES
from tests.faults.nemesis import Repeated, registered
from tests.faults.rig import Rig

HIT_SECONDS = 3.0
"""A process that was not there by then does not come there soon: it holds no lease, has no jobs."""
POLL_SECONDS = 0.05
OF_GATEWAYS = tuple(name for name in POINTS if name.startswith("edge."))
OF_SERVICES = tuple(name for name in POINTS if not name.startswith(("edge.", "migration.")))


class AtPoints(Repeated):
    """Orders are files in a folder that all processes of the system look into."""

    async def prepare(self, rig: Rig) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="evslot-orders-"))
        environment = rig.system.environment
        if environment.get("EVSLOT_FAIL", "").startswith("@"):  # another fault's, for all
            self._folder = Path(environment["EVSLOT_FAIL"][1:])
        environment["EVSLOT_FAIL"] = f"@{self._folder}"

    async def close(self) -> None:
        for file in self._folder.glob("*"):
            file.unlink()

    async def order(self, process: str, point: str, text: str, seconds: float) -> bool:
        """Whether it came to that within so long; else it is taken back."""
        order = Order(self._folder / f"{process}.{point}", text)
        waited = 0.0
        while not order.is_done() and waited < seconds and not await self.pause(POLL_SECONDS):
            waited += POLL_SECONDS
        order.take_back()
        return order.is_done()


class Order:
    """A file that tells one process what to do at one point."""

    def __init__(self, file: Path, text: str) -> None:
        self._file = file
        self._done = Path(f"{file}.hit")
        self._done.unlink(missing_ok=True)
        whole = Path(f"{file}.new")
        whole.write_text(text)
        whole.rename(file)

    def is_done(self) -> bool:
        return self._done.exists()

    def take_back(self) -> None:
        """Where it was not carried out yet."""
        self._file.unlink(missing_ok=True)


@registered
class CrashAtPoint(AtPoints):
    """F2: a process dies at a named place, such as after the charge and before its record."""

    name = "crash-at-point"
    every = (0.2, 0.8)

    async def strike(self, rig: Rig, dice: random.Random) -> None:
        gateway = dice.random() < 0.15
        victim = rig.victim(dice, GATEWAYS if gateway else SERVICES)
        if victim is None:
            return
        point = dice.choice(OF_GATEWAYS if gateway else OF_SERVICES)
        if await self.order(victim, point, f"{dice.randint(1, 3)}:exit", HIT_SECONDS):
            rig.hit(self.name, f"{victim} {point}")


@registered
class StandStillAtPoint(AtPoints):
    """F3: a process stands still at a named place for longer than its lease lasts."""

    name = "stand-still-at-point"
    every = (0.5, 1.5)

    async def strike(self, rig: Rig, dice: random.Random) -> None:
        victim = rig.victim(dice, SERVICES)
        if victim is None:
            return
        point = dice.choice(OF_SERVICES)
        seconds = dice.uniform(4.0, 10.0)
        if await self.order(victim, point, f"1:sleep={seconds:.1f}", HIT_SECONDS):
            rig.hit(self.name, f"{victim} {point}", seconds=round(seconds, 1))
            await self.pause(seconds)


@registered
class LoseReplies(AtPoints):
    """F10: for some seconds the answers of a service are lost on their way to the gateways."""

    name = "lose-replies"
    every = (0.5, 2.0)

    async def start(self, rig: Rig, dice: random.Random) -> None:
        self._before = dropped(rig)
        self._rig = rig
        await super().start(rig, dice)

    async def strike(self, rig: Rig, dice: random.Random) -> None:
        victim = rig.victim(dice, SERVICES)
        if victim is not None:
            await self.order(victim, "reply.before_send", "1+:drop", dice.uniform(1.0, 4.0))

    async def stop(self) -> None:
        """Counted where they were lost."""
        await super().stop()
        for process, lost in (dropped(self._rig) - self._before).items():
            self._rig.hit(self.name, process, lost=lost)
            self._rig.hits[f"{self.name} {process}"] += lost - 1


def dropped(rig: Rig) -> Counter[str]:
    """How many answers each process has lost so far, by its log."""
    lost: Counter[str] = Counter()
    for process in SERVICES:
        with (rig.system.folder / "logs" / f"{process}.log").open() as log:
            for line in log:
                if '"failpoint"' in line and json.loads(line).get("action") == "drop":
                    lost[process] += 1
    return lost
