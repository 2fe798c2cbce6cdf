"""What a check is given, and what it says: what it counted, what it found, what it cannot tell."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from msgspec import Struct

from tests.faults.history import Line, Op, operations, read_history
from tests.faults.truth import Truth


class Finding(Struct, kw_only=True):
    """Something that must not be."""

    check: str
    what: str
    """One sentence with the ids that tell it."""
    lines: list[int] = []
    """Places in the history that it is about; the events around the first are shown."""
    ids: list[str] = []
    """Ids of what it is about: where no line is named, events that name one are looked for."""


class Judged(Struct, kw_only=True):
    """A check's word. Without findings it holds only if it `proved` something and knows all."""

    check: str
    counts: dict[str, int] = {}
    """How much was looked at, by what it is."""
    needs: tuple[str, ...] = ()
    """Counts that must not be 0: a check that looked at nothing has proved nothing."""
    findings: list[Finding] = []
    unknown: list[str] = []
    """What could not be decided, and why."""

    def count(self, what: str, by: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + by

    def find(self, what: str, *about: Op | Line, ids: tuple[Any, ...] = ()) -> None:
        lines = [one.asked.i if isinstance(one, Op) else one.i for one in about]
        names = [str(number) for number in ids]
        self.findings.append(Finding(check=self.check, what=what, lines=lines, ids=names))

    @property
    def vacuous(self) -> list[str]:
        """What had to be seen and was not."""
        return [what for what in self.needs if not self.counts.get(what)]

    @property
    def valid(self) -> bool | str:
        if self.findings:
            return False
        return "unknown" if self.unknown or self.vacuous else True


class Run:
    """A history and the truth after it."""

    def __init__(self, lines: list[Line], truth: Truth) -> None:
        self.lines = lines
        self.truth = truth

    @classmethod
    def read(cls, folder: Path) -> "Run":
        return cls(read_history(folder / "history.jsonl"), Truth(folder / "truth"))

    @cached_property
    def ops(self) -> list[Op]:
        return operations(self.lines)

    @cached_property
    def nemesis(self) -> list[Line]:
        return [line for line in self.lines if line.type == "nemesis"]

    def phase_began(self, phase: str) -> int | None:
        """Monotonic nanoseconds; None where the run had no such phase."""
        for line in self.nemesis:
            if line.f == "phase" and line.args.get("phase") == phase:
                return line.t_ns
        return None

    @cached_property
    def faults(self) -> set[str]:
        """Faults that hit something."""
        return {line.f for line in self.nemesis if line.args.get("phase") == "hit"}

    @cached_property
    def wall_offset_ns(self) -> int | None:
        """Nanoseconds to add to a line's time to get those since 1970; from its `clock` line."""
        for line in self.nemesis:
            if line.f == "clock":
                return int(line.args["wall_ns"]) - line.t_ns
        return None


Check = Callable[[Run], Judged]
