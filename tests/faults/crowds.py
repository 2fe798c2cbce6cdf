"""F17: more processes of a service come and go, so that its partitions move from hand to hand."""

import asyncio
import random
import signal
import sys

from msgspec import convert

from evslot import system
from evslot.cli.surroundings import Surroundings, environment
from evslot.embedded.ports import free_port
from tests.faults.nemesis import Repeated, registered
from tests.faults.rig import Rig

GONE_SECONDS = 15.0


@registered
class Crowd(Repeated):
    """Two reservation services become four and two again; who goes is told to, or dies."""

    name = "crowd"
    every = (1.0, 2.0)
    part = "reservation"
    slots = (2, 3)
    """Behind those of the supervisor."""
    stays = (3.0, 6.0)

    async def strike(self, rig: Rig, dice: random.Random) -> None:
        log = (rig.folder / "crowd.log").open("ab")
        with log:
            crowd = [
                await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "evslot", "run", self.part),
                    env=_environment(rig, self.part, slot),
                    stdout=log,
                    stderr=log,
                )
                for slot in self.slots
            ]
        rig.hit(self.name, self.part, processes=2 + len(crowd))
        try:
            await self.pause(dice.uniform(*self.stays))
        finally:
            number = dice.choice((signal.SIGTERM, signal.SIGKILL))
            for process in crowd:
                await _gone(process, number)
        rig.hit(self.name, self.part, processes=2, signal=number.name)


async def _gone(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Raises TimeoutError where a process that was told to stop does not."""
    if process.returncode is None:
        process.send_signal(number)
    try:
        async with asyncio.timeout(GONE_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise


def _environment(rig: Rig, name: str, slot: int) -> dict[str, str]:
    """As the supervisor would start one more, with a health port of its own."""
    given = {
        field: rig.system.environment[f"EVSLOT_{field.upper()}"]
        for field in ("data_dir", "cache_dir", "postgres_port", "kafka_port", "gateway_port")
    }
    where = convert(given, Surroundings, strict=False)
    told = dict(environment(where, system.part(name), slot))
    told[f"EVSLOT_{name.upper()}_HEALTH_PORT"] = str(free_port())
    return {**rig.system.environment, **told}
