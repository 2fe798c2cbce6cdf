"""Runs first in every interpreter of a system under a wrong clock: its own follows a file.

`EVSLOT_SKEWS` names it: `{process: seconds ahead}`, read again and again. Only what Python says
of the time is wrong (time-machine); how long something takes is measured as ever.
"""

import os
import sys

POLL_SECONDS = 0.2


def _process() -> str:
    """`reservation-1`, as its supervisor calls it."""
    part = sys.orig_argv[-1]
    slot = os.environ.get(f"EVSLOT_{part.upper()}_SLOT", "0")
    return part if slot == "0" else f"{part}-{slot}"


def _follow(process: str, path: str) -> None:
    import json
    import threading
    import time
    from datetime import UTC, datetime

    import time_machine

    def wanted() -> float:
        with open(path) as skews:
            return float(json.load(skews).get(process, 0.0))

    ahead = 0.0
    clock = time_machine.travel(datetime.now(UTC), tick=True).start()

    def follow() -> None:
        nonlocal ahead
        before, ahead = ahead, wanted()
        if before != ahead:
            clock.shift(ahead - before)

    def go_on() -> None:
        while True:
            time.sleep(POLL_SECONDS)
            follow()

    follow()
    threading.Thread(target=go_on, name="wrong-clock", daemon=True).start()


if "EVSLOT_SKEWS" in os.environ and sys.orig_argv[-2:-1] == ["run"]:
    _follow(_process(), os.environ["EVSLOT_SKEWS"])
