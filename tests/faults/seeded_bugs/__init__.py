"""Bugs put into the running system from outside, each to be found by the checker.

The folder is put on PYTHONPATH of the system under test, whose interpreters then run
`sitecustomize.py`; with EVSLOT_SEEDED_BUG it patches the parts that have the bug. Nothing of it
is in the system itself.
"""

import os
from collections.abc import Callable
from pathlib import Path

SETTING = "EVSLOT_SEEDED_BUG"
HERE = Path(__file__).parent

Bug = Callable[[], None]
BUGS: dict[str, tuple[frozenset[str], Bug]] = {}
"""By name: the parts that have it, and what breaks them."""
EVERY = frozenset(("user", "station", "reservation", "payment", "notification"))


def bug(*parts: str) -> Callable[[Bug], Bug]:
    """Registers a patch under its own name; without parts all services have it."""

    def register(plant: Bug) -> Bug:
        BUGS[plant.__name__] = (frozenset(parts) or EVERY, plant)
        return plant

    return register


def environment(name: str) -> dict[str, str]:
    """The settings by which a system under test gets a bug."""
    paths = (str(HERE), str(HERE.parents[2]), os.environ.get("PYTHONPATH", ""))
    return {SETTING: name, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}


def plant(name: str, part: str) -> None:
    """Break this process; raises LookupError for an unknown bug."""
    from tests.faults.seeded_bugs import in_services, in_spine  # noqa: F401 - they register

    if name not in BUGS:
        raise LookupError(f"no seeded bug is called {name}; there are {', '.join(sorted(BUGS))}")
    parts, break_it = BUGS[name]
    if part in parts:
        break_it()
