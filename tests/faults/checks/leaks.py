"""I15: what is secret or personal is found nowhere but where it belongs."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from tests.faults.checks.judging import Judged, Run
from tests.faults.checks.reading import SERVICES

HOME = "user"
"""Whose database may know people."""
SHOWN = 3
"""Findings in one file; more say nothing new."""


def nothing_leaks(run: Run) -> Judged:
    """I15: addresses of drivers, canaries in methods of payment, and what a run has planted.

    Planted canaries stand in `canaries.json` beside the history: `{text: what it is}`.
    """
    judged = Judged(check="I15", needs=("canaries", "bytes searched"))
    canaries = _canaries(run)
    judged.count("canaries", len(canaries))
    if not canaries:
        return judged
    wanted = re.compile(b"|".join(re.escape(text.encode()) for text in sorted(canaries)))
    for path in _places(run):
        content = path.read_bytes()
        judged.count("files")
        judged.count("bytes searched", len(content))
        for found in list(wanted.finditer(content))[:SHOWN]:
            name = canaries[found[0].decode()]
            where = path.relative_to(run.truth.folder)
            judged.find(f"{name} stands in {where} at byte {found.start()}")
    return judged


def _canaries(run: Run) -> dict[str, str]:
    """What it is, by its text."""
    found = {}
    for mail in run.truth.mails:
        for address in mail["recipients"]:
            found[address] = f"the address {address}"
    for op in run.ops:
        method = str(op.asked.args.get("method", ""))
        if ":" in method:
            found[method] = "a method of payment"
    planted = run.truth.folder.parent / "canaries.json"
    if planted.exists():
        found |= json.loads(planted.read_text())
    return found


def _places(run: Run) -> Iterator[Path]:
    """Every log, every topic, every database but that of the people."""
    folder = run.truth.folder
    yield from (path for path in run.truth.logs() if path.stem.partition(".")[0] != "mail")
    yield from sorted((folder / "topics").glob("*.jsonl"))
    for part in (*SERVICES, "gateway"):
        if part != HOME:
            yield from sorted((folder / "db" / part).glob("*.jsonl"))
