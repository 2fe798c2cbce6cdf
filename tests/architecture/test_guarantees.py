"""What `docs/concepts/guarantees.md` promises is shown by tests that exist, by these names."""

import re
from pathlib import Path

from tests.faults.checks import CHECKS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "concepts" / "guarantees.md").read_text()
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
PROMISES = re.compile(r"^\| \*\*.*$", re.MULTILINE)


def test_each_promise_names_a_test_and_each_named_test_exists() -> None:
    promises = PROMISES.findall(PAGE)
    assert len(promises) > 10
    for promise in promises:
        named = NAMED.findall(promise)
        assert named, promise
        for file, test in named:
            assert f"def {test}(" in (ROOT / file).read_text(), (file, test)


def test_the_checks_it_names_are_those_of_the_proof() -> None:
    named = set(re.findall(r"\bI\d+\b", PAGE))
    unknown = named - set(CHECKS)
    assert not unknown
    assert {f"I{number}" for number in range(1, 12)} <= named


def test_the_files_and_pages_it_names_exist() -> None:
    for place in re.findall(r"`((?:docs|benchmarks|tests)/[\w/.-]*)`", PAGE):
        assert (ROOT / place).exists(), place
