"""Runs one after the other until the minutes are over, each with a verdict and a ledger line."""

import importlib
import os
import pkgutil
import random
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

import tests.faults
from tests.faults import ledger
from tests.faults.load import PROVIDER_FAULTY, Mix
from tests.faults.nemesis import FAULTS
from tests.faults.prove import Outcome, Plan, Round, Say, carry_out
from tests.faults.verdict import judged

FAULT_SECONDS = 75.0
PROVIDER = "provider"


class Wish(Struct, frozen=True, kw_only=True):
    """What somebody wants proved."""

    minutes: float
    seed: int
    fault: str = ""
    """Names by commas, which then strike together; empty: all there are, one after the other."""


def load_faults() -> None:
    """Import every module of this package that may register faults."""
    for module in pkgutil.iter_modules(tests.faults.__path__):
        if module.name in ("crowds", "kills", "servers") or module.name.startswith("faults_"):
            importlib.import_module(f"tests.faults.{module.name}")


def plans(wish: Wish) -> Iterator[Plan]:
    """Without end: each a run of its own seed, made from the wish's."""
    dice = random.Random(wish.seed)
    while True:
        turns: list[Sequence[str]] = [[name] for name in sorted(FAULTS)]
        if wish.fault:
            turns = [wish.fault.split(",")]
        dice.shuffle(turns)
        for faults in turns:
            # The first run of a wish has the wish's seed: so one run is repeated by it.
            yield plan_of(wish.seed, faults)
            wish = Wish(minutes=wish.minutes, seed=dice.randrange(1_000_000), fault=wish.fault)


def plan_of(seed: int, faults: Sequence[str], seconds: float = FAULT_SECONDS) -> Plan:
    """A run of one round; FAULT=… MINUTES=0 SEED=… repeats it."""
    unknown = [name for name in faults if name not in FAULTS]
    if unknown:
        raise LookupError(f"no fault is called {', '.join(unknown)}; there are {sorted(FAULTS)}")
    mix = PROVIDER_FAULTY if PROVIDER in faults else Mix()
    return Plan(seed=seed, rounds=[Round(seed=seed, faults=faults, seconds=seconds)], mix=mix)


async def prove(wish: Wish, say: Say) -> list[dict[str, Any]]:
    """The verdicts of all runs that were not valid; nothing = all was well."""
    load_faults()
    until = time.monotonic() + 60 * wish.minutes
    bad = []
    for plan in plans(wish):
        name = ",".join(plan.faults)
        say(f"— FAULT={name} SEED={plan.seed}")
        folder = fresh_folder(f"{name}-{plan.seed}")
        outcome = await carry_out(plan, folder, say)
        verdict = await tell(plan, outcome, say)
        if verdict["valid"] is not True:
            bad.append(verdict)
        elif "EVSLOT_PROOF_DIR" not in os.environ:
            shutil.rmtree(folder)
        if time.monotonic() > until:
            break
    say(f"ledger: {ledger.total(ledger.read())}")
    return bad


async def tell(plan: Plan, outcome: Outcome, say: Say) -> dict[str, Any]:
    """Have a run judged, write its line into the ledger, print both."""
    verdict = await judged(outcome.folder)
    entry = ledger.entry_of(plan, outcome, verdict)
    ledger.append(entry)
    say(
        f"valid: {entry.valid}; {entry.operations} operations, {entry.ok} ok, {entry.info}"
        f" unknown, {entry.bookings} bookings, {entry.violations} violations"
        f" in {entry.seconds} s"
    )
    if entry.valid is not True:
        say(f"{verdict['printed']}\nkept in {outcome.folder}; again: {repeat(plan)}")
    return verdict


def repeat(plan: Plan) -> str:
    """The command that does the same again."""
    return f"make prove MINUTES=0 SEED={plan.seed} FAULT={','.join(plan.faults)}"


def fresh_folder(name: str) -> Path:
    """In EVSLOT_PROOF_DIR, where that is set; else a throw-away."""
    wanted = os.environ.get("EVSLOT_PROOF_DIR")
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix=f"evslot-proof-{name}-"))
    folder = Path(wanted) / name
    shutil.rmtree(folder, ignore_errors=True)
    return folder
