"""A made-up run that is right, and short ways to ask the checker about it."""

import json
from typing import Any

from tests.faults.check import judge
from tests.faults.checks import Judged
from tests.faults.made_runs import Made
from tests.faults.made_truth import made_id


def ordinary() -> Made:
    """A run with a little of everything, all of it right."""
    made = Made()
    made.nemesis("phase", phase="calm")
    first = made.hold("first")
    made.refuse(first, "late")
    payment = made.pay(first)
    made.get(first)
    used = made.hold("used", hour=19)
    made.use(used, made.pay(used))
    made.cancel(first, payment)
    again = made.hold("again", user="other")  # the slot that was given up
    made.pay(again)
    lapsed = made.hold("lapsed", hour=21)
    made.expire(lapsed)
    made.saga("declined", "failed")
    replies = made.record("gateway-replies", "spine.Answer", made_id("r"), {}, None, "reservation")
    replies.value = json.dumps({"status": 200, "replayed": True})
    made.nemesis("phase", phase="faulty")
    made.nemesis("kill", phase="hit", target="notification")
    made.op("search", "info", status=503)
    made.nemesis("phase", phase="healed")
    for _ in range(20):
        made.get(again)
    made.truth.about.update(quiesced=True, faults=["kill"], seed=7)
    made.truth.samples.append({"t_ns": 0, "name": "user", "pid": 1, "fds": 9})
    return made


def word(made: Made, name: str) -> Judged:
    """One check's word on a run."""
    [judged] = judge(made.run, [name])
    return judged


def found(made: Made, name: str) -> str:
    """What a check found, in one text."""
    return "\n".join(finding.what for finding in word(made, name).findings)


def row(made: Made, part: str, table: str, **fields: Any) -> dict[str, Any]:
    """The row that has these values."""
    rows = made.truth.tables[part, table]
    [one] = [row for row in rows if all(row[name] == value for name, value in fields.items())]
    return one
