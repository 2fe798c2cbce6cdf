"""`python -m tests.faults.slice FOLDER`: a slice of the proof, one fixed seed and a fresh one."""

import asyncio
import os
import random
import sys
from pathlib import Path

from tests.faults.load import Mix
from tests.faults.prove import Plan, Round, carry_out
from tests.faults.turns import fresh_folder, load_faults
from tests.faults.verdict import judged

FIXED_SEED = 20
PARTS_SECONDS = 21.0
"""At least so long that each part has its turn to be killed."""
BROKER_SECONDS = 8.0
"""At least so long that the broker is killed once; then it is waited for."""


async def main(folder: Path) -> int:
    """0 where every promise held and every fault struck; prints what happened and the verdict."""
    load_faults()
    fresh = int(os.environ.get("EVSLOT_PROOF_SEED") or random.SystemRandom().randrange(1_000_000))
    rounds = [one for seed in (FIXED_SEED, fresh) for one in rounds_of(seed)]
    plan = Plan(seed=fresh, rounds=rounds, calm=5.0, healed=8.0, mix=Mix(thinks=0.4))
    if "EVSLOT_PROOF_DIR" in os.environ:
        folder = fresh_folder(f"slice-{fresh}")
    outcome = await carry_out(plan, folder, say)
    verdict = await judged(folder)
    say(verdict["printed"])
    say(f"again: EVSLOT_PROOF_SEED={fresh} EVSLOT_PROOF_DIR=… pytest tests/faults/test_slice.py")
    struck = {hit.partition(" ")[0] for hit in outcome.hits}
    if struck != set(plan.faults):
        say(f"only {struck} struck of {plan.faults}")
        return 1
    return 0 if verdict["valid"] is True else 1


def rounds_of(seed: int) -> list[Round]:
    """The broker has a round of its own: where it is away, nothing else can go wrong for long."""
    return [
        Round(seed=seed, faults=("kill", "terminate"), seconds=PARTS_SECONDS),
        Round(seed=seed, faults=("kill-broker", "terminate"), seconds=BROKER_SECONDS),
    ]


def say(line: str) -> None:
    """At once, also into a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]))))
