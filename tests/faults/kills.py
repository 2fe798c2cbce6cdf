"""Processes killed, suspended, or told to go, at random moments, while drivers book."""

import asyncio
import random
import signal

from tests.faults.nemesis import Repeated, registered
from tests.faults.rig import PARTS, Rig

GATEWAYS = ("gateway", "gateway-1")
SERVICES = tuple(name for name in PARTS if name not in GATEWAYS)


class _Kill(Repeated):
    """SIGKILL to one process that is ready; each has its turn before one has its second."""

    among: tuple[str, ...] = PARTS

    def __init__(self) -> None:
        super().__init__()
        self._due: list[str] = []

    async def strike(self, rig: Rig, dice: random.Random) -> None:
        if not self._due:
            self._due = dice.sample(self.among, len(self.among))
        victim = rig.victim(dice, tuple(self._due))
        if victim is not None:
            self._due.remove(victim)
            rig.signal(victim, signal.SIGKILL)
            rig.hit(self.name, victim)


@registered
class Kill(_Kill):
    """F1: any part, every two or three seconds; the supervisor starts it again."""

    name = "kill"


@registered
class KillGateway(_Kill):
    """F11: a gateway dies while callers wait for it; they ask the other one."""

    name = "kill-gateway"
    among = GATEWAYS
    every = (1.5, 3.0)


@registered
class KillBooking(_Kill):
    """F1, on those that a payment goes through: the sagas are cut off in the middle."""

    name = "kill-booking"
    among = ("reservation", "reservation-1", "payment")
    every = (1.0, 2.5)


@registered
class Provider(_Kill):
    """F16: most payments go wrong at the provider, and who calls it dies as well now and then."""

    name = "provider"
    among = ("payment",)
    every = (8.0, 16.0)


@registered
class Zombie(Repeated):
    """F3: suspended for longer than its lease and its session last, then let on."""

    name = "zombie"
    every = (0.5, 1.5)
    lasts = (4.0, 11.0)
    """Seconds: a lease lasts 3, a session 8."""

    async def strike(self, rig: Rig, dice: random.Random) -> None:
        victim = rig.victim(dice, SERVICES)
        if victim is None:
            return
        rig.signal(victim, signal.SIGSTOP)
        seconds = dice.uniform(*self.lasts)
        rig.hit(self.name, victim, seconds=round(seconds, 1))
        try:
            await self.pause(seconds)
        finally:
            rig.signal(victim, signal.SIGCONT)


@registered
class Rebalance(Repeated):
    """F17: processes of the services come and go in good order, so that partitions move."""

    name = "rebalance"
    every = (2.0, 4.0)

    async def strike(self, rig: Rig, dice: random.Random) -> None:
        """One process is told to stop; it hands over, and the supervisor starts it again."""
        victim = rig.victim(dice)
        if victim is not None:
            rig.signal(victim, signal.SIGTERM)
            rig.hit(self.name, victim)


@registered
class Storm(Repeated):
    """F17: both reservation services at once go or die, again and again, every few seconds."""

    name = "storm"
    every = (4.0, 7.0)

    async def strike(self, rig: Rig, dice: random.Random) -> None:
        for victim in ("reservation", "reservation-1"):
            number = dice.choice((signal.SIGTERM, signal.SIGKILL))
            rig.signal(victim, number)
            rig.hit(self.name, victim, signal=number.name)
            await asyncio.sleep(dice.uniform(0.0, 1.0))
