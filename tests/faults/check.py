"""Judges a run: `python -m tests.faults.check FOLDER`; its word is in `verdict.json` there."""

import json
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from tests.faults.checks import CHECKS, Finding, Judged, Run
from tests.faults.history import Line

AROUND = 20
"""Events of the history shown around the first counter-example."""
SHOWN = 20
"""Findings of a check that are written down; all are counted."""

Say = Callable[[str], None]


def judge(run: Run, names: Iterable[str] = CHECKS) -> list[Judged]:
    """Every check's word; one that breaks on what it reads knows nothing, and says where."""
    return [_judged(name, run) for name in names]


def _judged(name: str, run: Run) -> Judged:
    started = time.monotonic()
    try:
        judged = CHECKS[name](run)
    except Exception:
        judged = Judged(check=name, unknown=[f"the check broke:\n{traceback.format_exc()}"])
    judged.count("milliseconds", int((time.monotonic() - started) * 1000))
    return judged


def verdict(run: Run, words: list[Judged]) -> dict[str, Any]:
    """Valid only where every check is; False where one found something, else unknown."""
    said = {judged.valid for judged in words}
    valid: bool | str = False if False in said else "unknown" if "unknown" in said else True
    first = next((judged.findings[0] for judged in words if judged.findings), None)
    about = run.truth.about
    return {
        "valid": valid,
        "seed": about.get("seed"),
        "commit": _commit(),
        "faults": about.get("faults", sorted(run.faults)),
        "operations": len(run.ops),
        "ok": sum(op.outcome == "ok" for op in run.ops),
        "info": sum(op.is_unknown for op in run.ops),
        "violations": sum(len(judged.findings) for judged in words),
        "checks": {judged.check: _told(judged) for judged in words},
        "counter_example": first and _example(run, first),
    }


def _told(judged: Judged) -> dict[str, Any]:
    return {
        "valid": judged.valid,
        "counts": judged.counts,
        "findings": [finding.what for finding in judged.findings[:SHOWN]],
        "found": len(judged.findings),
        "unknown": judged.unknown,
        "proved_nothing": judged.vacuous,
    }


def _example(run: Run, finding: Finding) -> dict[str, Any]:
    """The finding with the events around it: of the history, about the same things if it can."""
    return {
        "check": finding.check,
        "what": finding.what,
        "events": [msgspec.to_builtins(line) for line in _around(run.lines, finding)],
    }


def _around(lines: list[Line], finding: Finding) -> list[Line]:
    place = finding.lines[0] if finding.lines else None
    if place is None:
        wanted = [number.encode() for number in finding.ids]
        for line in lines:
            encoded = msgspec.json.encode(line)
            if any(number in encoded for number in wanted):
                place = line.i
                break
    if place is None:
        return []
    return lines[max(0, place - AROUND // 2) : place + AROUND // 2]


def _commit() -> str:
    here = Path(__file__).parent
    asked = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False
    )
    return asked.stdout.strip()


def summary(said: dict[str, Any]) -> str:
    """A line for each check, what was found, and the word on all."""
    lines = []
    for name, told in said["checks"].items():
        counts = ", ".join(f"{count} {what}" for what, count in told["counts"].items())
        lines.append(f"{name:4} {told['valid']!s:7} {counts}")
        lines += [f"       {what}" for what in told["findings"][:5]]
        lines += [f"       not known: {what}" for what in told["unknown"]]
        lines += [f"       proved nothing: no {what}" for what in told["proved_nothing"]]
    return "\n".join([*lines, f"valid: {said['valid']} ({said['violations']} violations)"])


def check_folder(folder: Path) -> dict[str, Any]:
    """Judge a folder and leave `verdict.json` in it."""
    run = Run.read(folder)
    said = verdict(run, judge(run))
    (folder / "verdict.json").write_text(json.dumps(said, indent=1, default=str) + "\n")
    return said


def main() -> int:
    """0 where all holds, 1 where something does not, 2 where it is not known."""
    said = check_folder(Path(sys.argv[1]))
    sys.stdout.write(summary(said) + "\n")
    return {True: 0, False: 1}.get(said["valid"], 2)


if __name__ == "__main__":
    sys.exit(main())
