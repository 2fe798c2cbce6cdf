"""I13: after the last fault all works again. I14: the run has shown what it was to show."""

from collections import defaultdict

from tests.faults.checks.judging import Judged, Run
from tests.faults.checks.reading import SERVICES, opened
from tests.faults.history import Op
from tests.faults.truth import Row

LAST = 100
FEWEST = 20
"""Operations after the heal; with fewer, nothing is proved."""
SLOW_NS = 3_000_000_000
"""Up to here a p99 is never too slow: calm figures of a small machine are tiny."""
BACK_SECONDS = {"broker": 60.0, "": 30.0}
WAIT_FOR_OTHERS = ("pay", "challenge")
"""They take as long as a slow provider does."""
GROWTH = 1.05
SLACK = 20
"""File descriptors, connections or threads that pools may add without being a leak."""
YOUNG_NS = 60_000_000_000
CALM_OK_PERCENT = 80


def alive_again(run: Run) -> Judged:
    """I13."""
    judged = Judged(check="I13", needs=("operations after the heal", "samples"))
    _answers_again(run, judged)
    if run.truth.about.get("quiesced") is False:
        judged.find(f"not at rest after the heal: {run.truth.about.get('left')}")
    elif "quiesced" not in run.truth.about:
        judged.unknown.append("nobody noted whether the system came to rest")
    _nothing_grows(run, judged)
    return judged


def _answers_again(run: Run, judged: Judged) -> None:
    healed, calm = run.phase_began("healed"), run.phase_began("calm")
    faulty = run.phase_began("faulty")
    if healed is None or calm is None:
        judged.unknown.append("the history has no calm or no healed phase")
        return
    broker = any("broker" in fault for fault in run.faults)
    back = healed + int(BACK_SECONDS["broker" if broker else ""] * 1e9)
    after = [op for op in run.ops if op.asked.t_ns >= healed]
    judged.count("operations after the heal", len(after) if len(after) >= FEWEST else 0)
    unknown = [op for op in after[-LAST:] if op.is_unknown and op.status != 202]
    for op in unknown:
        # What was asked while the system was allowed to be on its way back proves nothing.
        if op.asked.t_ns > back or len(unknown) > LAST // 4:
            judged.find(f"{op.f} had no outcome after the heal: {op.status} {op.code}", op)
    before = [op for op in run.ops if calm <= op.asked.t_ns < (faulty or healed)]
    limit = max(SLOW_NS, 2 * _p99(before))
    slow = _p99([op for op in after if op.asked.t_ns > back])
    if slow > limit:
        judged.find(f"p99 after the heal is {slow / 1e9:.1f} s, allowed {limit / 1e9:.1f} s")


def _p99(ops: list[Op]) -> int:
    """Nanoseconds of the 99th percentile of operations that ended; 0 without any."""
    quick = [op for op in ops if op.told is not None and op.f not in WAIT_FOR_OTHERS]
    took = sorted(op.told.t_ns - op.asked.t_ns for op in quick if op.told is not None)
    return took[max(0, len(took) * 99 // 100 - 1)] if took else 0


def _nothing_grows(run: Run, judged: Judged) -> None:
    """Descriptors, connections and threads of each process, from a minute of age to the end."""
    lives: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in run.truth.samples:
        judged.count("samples")
        lives[row["name"], row["pid"]].append(row)
    for (name, pid), rows in lives.items():
        first, last = rows[0], rows[-1]
        grown_up = [row for row in rows if row["t_ns"] - first["t_ns"] >= YOUNG_NS]
        if not grown_up:
            continue
        judged.count("long lives")
        for what in ("fds", "connections", "threads"):
            if last[what] > grown_up[0][what] * GROWTH + SLACK:
                was, now = grown_up[0][what], last[what]
                judged.find(f"{what} of {name} ({pid}) grew from {was} to {now}")


def has_shown_enough(run: Run) -> Judged:
    """I14: a green run in which nothing happened is no proof."""
    needs = ["calm operations", "409", "expired holds", "replayed answers", "compensations"]
    hits = sum(line.args.get("phase") == "hit" for line in run.nemesis)
    if run.truth.about.get("faults"):
        needs.append("hits")
    if hits:
        needs.append("unknown outcomes")
    if "zombie" in run.faults:
        needs.append("owners of a duty after the first")
    if any("poison" in fault for fault in run.faults):
        needs.append("parked records")
    judged = Judged(check="I14", needs=tuple(needs))
    judged.count("hits", hits)
    _calm_is_calm(run, judged)
    for op in run.ops:
        judged.count("unknown outcomes", int(op.is_unknown))
        judged.count("409", int(op.status == 409))
    for row in run.truth.table("reservation", "story"):
        judged.count("expired holds", int(row["what"] == "expired"))
    for row in run.truth.table("reservation", "saga"):
        judged.count("compensations", int(row["state"] == "failed"))
    for record in run.truth.topic("gateway-replies"):
        body = record.body()
        replayed = isinstance(body, dict) and body.get("replayed")
        judged.count("replayed answers", int(bool(replayed)))
    for part in SERVICES:
        judged.count("parked records", len(run.truth.topic(f"{part}-dead")))
        for row in run.truth.table(part, "lease"):
            judged.count("owners of a duty after the first", int(row["epoch"]) - 1)
    _doubled(run, judged)
    return judged


def _calm_is_calm(run: Run, judged: Judged) -> None:
    calm, faulty = run.phase_began("calm"), run.phase_began("faulty")
    if calm is None:
        return
    until = faulty if faulty is not None else run.lines[-1].t_ns
    ops = [op for op in run.ops if calm <= op.asked.t_ns < until]
    judged.count("calm operations", len(ops))
    # Those still open when the first fault struck may have been hit by it.
    known = [op for op in ops if op.told is not None and op.told.t_ns < until]
    answered = sum(not op.is_unknown or op.status == 202 for op in known)
    if known and answered * 100 < len(known) * CALM_OK_PERCENT:
        judged.find(f"only {answered} of {len(known)} operations were answered in the calm")


def _doubled(run: Run, judged: Judged) -> None:
    """Records that are in their topic more than once."""
    for part in SERVICES:
        for topic in (f"{part}-service", f"{part}-events"):
            ids = [record.id for record in run.truth.topic(topic)]
            judged.count("doubled records", len(ids) - len(set(ids)))
    for row in run.truth.table("reservation", "inbox"):
        answer = opened(row["answer"]) or {}
        judged.count("refusals stored", int(int(answer.get("status", 0)) >= 400))
