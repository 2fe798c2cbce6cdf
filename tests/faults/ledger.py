"""The ledger of proof runs: what was done to which commit, and how often something was wrong."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct

from tests.faults.history import Op, operations, read_history
from tests.faults.prove import Outcome

PATH = Path(__file__).parents[2] / "benchmarks" / "faults" / "ledger.json"


class Entry(Struct, frozen=True, kw_only=True):
    """One run."""

    commit: str
    date: str
    seed: int
    fault: str
    seconds: int
    """Of the whole run, start and collection included."""
    hits: dict[str, int]
    operations: int
    ok: int
    info: int
    """Operations whose outcome the client does not know."""
    bookings: int
    """Holds that were answered with a yes, each booking once."""
    valid: bool | str
    violations: int
    note: str = ""
    """Where somebody has looked into what was found."""


def entry_of(seed: int, fault: str, outcome: Outcome, verdict: dict[str, Any]) -> Entry:
    """The line of a run that was judged."""
    ops = operations(read_history(outcome.folder / "history.jsonl"))
    return Entry(
        commit=commit(),
        date=datetime.now(UTC).date().isoformat(),
        seed=seed,
        fault=fault,
        seconds=round(outcome.seconds),
        hits=outcome.hits,
        operations=verdict["operations"],
        ok=verdict["ok"],
        info=verdict["info"],
        bookings=bookings(ops),
        valid=verdict["valid"],
        violations=verdict["violations"],
    )


def bookings(ops: list[Op]) -> int:
    """How many different bookings were held."""
    held = [op.body for op in ops if op.f == "hold" and op.outcome == "ok"]
    return len({body["reservation_id"] for body in held if isinstance(body, dict)})


def commit() -> str:
    """Of the checkout; with a star where it holds changes to the code that is proved."""
    head = _git("rev-parse", "--short", "HEAD")
    return head + ("*" if _git("status", "--porcelain", "--", "src") else "")


def append(entry: Entry, path: Path = PATH) -> None:
    """Add a line to the ledger; the whole file is written anew, keys sorted."""
    entries = read(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    fields = {name: getattr(entry, name) for name in entry.__struct_fields__}
    path.write_text(json.dumps([*entries, fields], indent=1, sort_keys=True) + "\n")


def read(path: Path = PATH) -> list[dict[str, Any]]:
    """All lines so far, oldest first."""
    return json.loads(path.read_text()) if path.exists() else []


def total(entries: list[dict[str, Any]]) -> str:
    """One line that sums the ledger up."""
    hits = sum(sum(entry["hits"].values()) for entry in entries)
    seconds = sum(entry["seconds"] for entry in entries)
    booked = sum(entry["bookings"] for entry in entries)
    wrong = sum(entry["violations"] for entry in entries)
    return (
        f"{len(entries)} runs, {seconds / 60:.0f} minutes, {hits} hits, {booked} bookings,"
        f" {wrong} violations"
    )


def _git(*words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=PATH.parent.parent, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
