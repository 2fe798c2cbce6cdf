"""I7: whoever has written reads it, and nobody's view goes back, over whichever gateway."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from tests.faults.checks.judging import Judged, Run
from tests.faults.checks.reading import told_reservation
from tests.faults.history import Op

WRITES = ("hold", "pay", "cancel", "check_in", "complete", "prolong")
READS = ("get", "list")


def views_never_go_back(run: Run) -> Judged:
    """I7: a read shows at least the version that its reader knew when asking."""
    judged = Judged(check="I7", needs=("reads", "writes"))
    known: dict[tuple[str | None, str], list[tuple[int, int, Op]]] = defaultdict(list)
    for op in sorted(run.ops, key=_ended):
        if op.outcome != "ok":
            continue
        for booking in _bookings(op):
            place = (op.asked.user, booking["reservation_id"])
            version = int(booking["version"])
            judged.count("reads" if op.f in READS else "writes")
            if op.f in READS:
                before = [one for one in known[place] if one[0] < op.asked.t_ns]
                newest = max(before, key=lambda one: one[1], default=None)
                if newest is not None and version < newest[1]:
                    judged.find(
                        f"{op.asked.user} knew version {newest[1]} of {place[1]}"
                        f" and was shown version {version}",
                        op,
                        newest[2],
                        ids=(place[1],),
                    )
            known[place].append((_ended(op), version, op))
    return judged


def _ended(op: Op) -> int:
    return op.told.t_ns if op.told else op.asked.t_ns


def _bookings(op: Op) -> Iterator[dict[str, Any]]:
    """The bookings with versions in an answer."""
    if op.f == "list" and isinstance(op.body, dict):
        yield from op.body.get("reservations", [])
    elif op.f in WRITES or op.f == "get":
        told = told_reservation(op.body)
        if told is not None and "version" in told:
            yield told
