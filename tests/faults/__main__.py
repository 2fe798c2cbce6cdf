"""`python -m tests.faults`: the proof for some minutes, as `make prove` runs it."""

import argparse
import asyncio
import random
import sys
import time

from tests.faults.nemesis import FAULTS
from tests.faults.turns import Wish, load_faults, prove

FAULT = "`,` joins what strikes together, `/` what comes one after the other: {}"


def main() -> int:
    """The exit code: 0 where every run was valid."""
    load_faults()
    words = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    words.add_argument("--minutes", default="10")
    words.add_argument("--seed", default="", help="a number; without one a fresh one is taken")
    words.add_argument("--fault", default="", help=FAULT.format(", ".join(sorted(FAULTS))))
    given = words.parse_args()
    seed = int(given.seed) if given.seed else random.SystemRandom().randrange(1_000_000)
    wish = Wish(minutes=float(given.minutes or 10), seed=seed, fault=given.fault)
    started = time.monotonic()

    def say(line: str) -> None:
        sys.stdout.write(f"{time.monotonic() - started:6.0f} s  {line}\n")
        sys.stdout.flush()

    bad = asyncio.run(prove(wish, say))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
