"""One run of the proof: a system, a load, faults in rounds, rest, and what is true in the end."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct, field

from tests.faults import truth
from tests.faults.bank import keep_bank
from tests.faults.load import Load, Mix
from tests.faults.nemesis import FAULTS, Fault
from tests.faults.quiet import Left
from tests.faults.rig import Rig, running_rig
from tests.journeys.running_system import RunningSystem

CACHE = Path(os.environ.get("EVSLOT_CACHE_DIR", "~/.cache/evslot")).expanduser()

Say = Callable[[str], None]


class Round(Struct, frozen=True, kw_only=True):
    """Faults that strike together for some seconds, in the order that a seed gives."""

    seed: int
    faults: Sequence[str]
    seconds: float


class Plan(Struct, frozen=True, kw_only=True):
    """A run: calm seconds, rounds of faults, healed seconds."""

    seed: int
    rounds: Sequence[Round]
    calm: float = 10.0
    healed: float = 12.0
    drivers: int = 8
    mix: Mix = field(default_factory=Mix)
    environment: Mapping[str, str] = {}
    """Settings of the system beside the rig's own; a seeded bug comes in by them."""

    @property
    def faults(self) -> list[str]:
        """Names of all, each once, in order."""
        return list(dict.fromkeys(name for one in self.rounds for name in one.faults))


class Outcome(Struct, kw_only=True):
    """What a run did, whatever the checks say of it."""

    folder: Path
    hits: dict[str, int]
    left: Left
    """What was not at rest two minutes after the last fault; empty = all was."""
    rest_seconds: float
    seconds: float


async def carry_out(plan: Plan, folder: Path, say: Say) -> Outcome:
    """The run and the collection of its truth into `folder`; judging it is another thing."""
    started = time.monotonic()
    rig = Rig(RunningSystem(CACHE), folder, plan.seed)
    rig.system.environment |= plan.environment
    faults = {name: FAULTS[name]() for name in plan.faults}
    async with _prepared(rig, list(faults.values())), running_rig(rig):
        say(f"up after {time.monotonic() - started:.0f} s; faults {', '.join(faults)}")
        async with _watched(rig):
            load = await _begun(rig, plan)
            await _strike_all(rig, plan, faults, say)
            left, rest_seconds = await _wound_up(rig, plan, load, say)
        truth.note(
            folder,
            {
                "seed": plan.seed,
                "faults": plan.faults,
                "hits": dict(rig.hits),
                "quiesced": not left,
                "left": left,
                "rest_seconds": round(rest_seconds, 1),
            },
        )
        await truth.collect(rig.system, folder)
    return Outcome(
        folder=folder,
        hits=dict(rig.hits),
        left=left,
        rest_seconds=rest_seconds,
        seconds=time.monotonic() - started,
    )


@asynccontextmanager
async def _prepared(rig: Rig, faults: list[Fault]) -> AsyncIterator[None]:
    """What faults stand up around the system is there before it, and after it."""
    ready: list[Fault] = []
    try:
        for fault in faults:
            ready.append(fault)
            await fault.prepare(rig)
        yield
    finally:
        for fault in reversed(ready):
            await fault.close()


@asynccontextmanager
async def _watched(rig: Rig) -> AsyncIterator[None]:
    """Mails, memory and the sums of the ledger are looked at beside the run."""
    beside = [
        asyncio.create_task(truth.keep_mails(rig.system, rig.folder)),
        asyncio.create_task(truth.keep_samples(rig.system, rig.folder)),
        asyncio.create_task(keep_bank(rig.system, rig.folder)),
    ]
    try:
        yield
    finally:
        for task in beside:
            task.cancel()
        ended = await asyncio.gather(*beside, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            raise error


async def _begun(rig: Rig, plan: Plan) -> Load:
    load = Load(rig, plan.mix)
    await load.settle(plan.drivers)
    rig.history.nemesis("clock", "start", wall_ns=time.time_ns())
    rig.history.phase("calm")
    load.begin()
    await asyncio.sleep(plan.calm)
    return load


async def _strike_all(rig: Rig, plan: Plan, faults: Mapping[str, Fault], say: Say) -> None:
    rig.history.phase("faulty")
    for one in plan.rounds:
        say(f"seed {one.seed}: {', '.join(one.faults)} for {one.seconds:.0f} s")
        for name in one.faults:
            rig.history.nemesis(name, "start", seed=one.seed)
            await faults[name].start(rig, random.Random(f"{name} {one.seed}"))
        await asyncio.sleep(one.seconds)
        await asyncio.gather(*(faults[name].stop() for name in one.faults))
        for name in one.faults:
            rig.history.nemesis(name, "stop")
        await rig.healed()


async def _wound_up(rig: Rig, plan: Plan, load: Load, say: Say) -> tuple[Left, float]:
    """The load goes on for a while, then ends; what is still on its way comes to rest."""
    rig.history.phase("healed")
    await asyncio.sleep(plan.healed)
    await load.end()
    left, seconds = await rig.at_rest()
    say(f"hits {dict(rig.hits)}; at rest after {seconds:.0f} s" + (f", but {left}" if left else ""))
    return left, seconds
