"""A slice of the proof for every change: one seed that is always the same, and a fresh one."""

import os
import random
from pathlib import Path

import pytest

from tests.faults.load import Mix
from tests.faults.prove import Plan, Round, carry_out
from tests.faults.turns import fresh_folder, load_faults
from tests.faults.verdict import judged

pytestmark = pytest.mark.anyio

FIXED_SEED = 20
PARTS_SECONDS = 21.0
"""At least so long that each part has its turn to be killed."""
BROKER_SECONDS = 8.0
"""At least so long that the broker is killed once; then it is waited for."""


async def test_under_kills_and_cut_connections_every_promise_holds(tmp_path: Path) -> None:
    """Every part is killed, the broker as well, and databases end their connections."""
    load_faults()
    fresh = int(os.environ.get("EVSLOT_PROOF_SEED") or random.SystemRandom().randrange(1_000_000))
    rounds = [one for seed in (FIXED_SEED, fresh) for one in rounds_of(seed)]
    plan = Plan(seed=fresh, rounds=rounds, calm=5.0, healed=8.0, mix=Mix(thinks=0.4))
    told: list[str] = []
    kept = "EVSLOT_PROOF_DIR" in os.environ
    folder = fresh_folder(f"slice-{fresh}") if kept else tmp_path
    outcome = await carry_out(plan, folder, told.append)
    verdict = await judged(folder)
    again = f"EVSLOT_PROOF_SEED={fresh} EVSLOT_PROOF_DIR=… pytest {Path(__file__).name}"
    assert verdict["valid"] is True, "\n".join([verdict["printed"], *told, f"again: {again}"])
    assert {hit.partition(" ")[0] for hit in outcome.hits} == set(plan.faults)


def rounds_of(seed: int) -> list[Round]:
    """The broker has a round of its own: where it is away, nothing else can go wrong for long."""
    return [
        Round(seed=seed, faults=("kill", "terminate"), seconds=PARTS_SECONDS),
        Round(seed=seed, faults=("kill-broker", "terminate"), seconds=BROKER_SECONDS),
    ]
