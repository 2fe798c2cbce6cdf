"""Runs one after the other until the minutes are over, each with a verdict and a ledger line."""

import importlib
import os
import pkgutil
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

import tests.faults
from tests.faults import ledger
from tests.faults.load import PROVIDER_FAULTY, Mix
from tests.faults.nemesis import FAULTS
from tests.faults.prove import Outcome, Plan, Round, Say, carry_out
from tests.faults.verdict import judged

ALL_SECONDS = 100.0
"""Of faults in one run."""
PROVIDER = "provider"


class Wish(Struct, frozen=True, kw_only=True):
    """What somebody wants proved."""

    minutes: float
    seed: int
    fault: str = ""
    """As `plan_of` takes it; empty: all there are, two in a run, in an order made of the seed."""


def load_faults() -> None:
    """Import every module of this package that may register faults."""
    for module in pkgutil.iter_modules(tests.faults.__path__):
        if module.name in ("crowds", "kills", "servers") or module.name.startswith("faults_"):
            importlib.import_module(f"tests.faults.{module.name}")


def plans(wish: Wish) -> Iterator[Plan]:
    """Without end: each a run of its own seed, made from the wish's."""
    dice = random.Random(wish.seed)
    seed = wish.seed  # the first run has the wish's own: so one run is repeated by it
    while True:
        names = sorted(FAULTS)
        dice.shuffle(names)
        turns = [wish.fault] if wish.fault else ["/".join(names[n : n + 2]) for n in _even(names)]
        for fault in turns:
            yield plan_of(seed, fault)
            seed = dice.randrange(1_000_000)


def plan_of(seed: int, fault: str) -> Plan:
    """One run: faults joined by `,` strike together, those joined by `/` one after the other."""
    rounds = [names.split(",") for names in fault.split("/")]
    unknown = {name for names in rounds for name in names} - set(FAULTS)
    if unknown:
        raise LookupError(f"no fault is called {', '.join(unknown)}; there are {sorted(FAULTS)}")
    seconds = ALL_SECONDS / len(rounds)
    mix = PROVIDER_FAULTY if PROVIDER in fault else Mix()
    return Plan(
        seed=seed,
        rounds=[Round(seed=seed, faults=names, seconds=seconds) for names in rounds],
        mix=mix,
    )


def fault_of(plan: Plan) -> str:
    """As FAULT= takes it."""
    return "/".join(",".join(one.faults) for one in plan.rounds)


def _even(names: list[str]) -> range:
    return range(0, len(names), 2)


async def prove(wish: Wish, say: Say) -> list[dict[str, Any]]:
    """The verdicts of all runs that were not valid; nothing = all was well."""
    load_faults()
    until = time.monotonic() + 60 * wish.minutes
    bad = []
    for plan in plans(wish):
        say(f"— FAULT={fault_of(plan)} SEED={plan.seed}")
        folder = fresh_folder(f"{'-'.join(plan.faults)}-{plan.seed}")
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
    entry = ledger.entry_of(plan.seed, fault_of(plan), outcome, verdict)
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
    return f"make prove MINUTES=0 SEED={plan.seed} FAULT={fault_of(plan)}"


def fresh_folder(name: str) -> Path:
    """In EVSLOT_PROOF_DIR, where that is set; else a throw-away."""
    wanted = os.environ.get("EVSLOT_PROOF_DIR")
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix=f"evslot-proof-{name}-"))
    folder = Path(wanted) / name
    shutil.rmtree(folder, ignore_errors=True)
    return folder
