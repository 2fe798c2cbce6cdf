"""A seeded bug is in the processes that have it, in no other, and each has its test."""

import os
import subprocess
import sys

import pytest

from tests.faults import test_seeded_bugs
from tests.faults.seeded_bugs import BUGS, environment, in_services, in_spine

ASK = """
from evslot.spine import inbox
print(inbox.arrive.__module__)
"""


def test_every_bug_is_looked_for() -> None:
    assert in_services
    assert in_spine
    looked_for = {seeded.bug for seeded in test_seeded_bugs.SEEDED}
    assert looked_for == set(BUGS) | test_seeded_bugs.PATCHED_ELSEWHERE


@pytest.mark.parametrize(
    ("bug", "process", "where"),
    [
        ("no_inbox", ("run", "payment"), "tests.faults.seeded_bugs.in_spine"),
        ("no_inbox", ("up", "--empty"), "evslot.spine.inbox"),
        ("blind_retry", ("run", "payment"), "evslot.spine.inbox"),
    ],
)
def test_a_bug_is_where_it_belongs(bug: str, process: tuple[str, ...], where: str) -> None:
    """The interpreter of a part gets it before anything else is imported."""
    done = subprocess.run(
        [sys.executable, "-c", ASK, *process],
        env={**os.environ, **environment(bug)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == where, done.stderr
