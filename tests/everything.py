"""`make test`: every test, those that mostly wait in a second run beside the first; and the types.

The journeys take one core of two for three minutes, and what stands in WAITING a third of one.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent
PYTHON = (sys.executable, "-m")
WAITING = ("embedded", "faults", "gateway", "spine")
SLICE = "tests/faults/test_slice.py"
"""Runs a whole system for two minutes: not beside another one."""
FIRST = "journeys"
"""What goes well beside those that wait."""


def main() -> int:
    """0 where all is well. What runs beside is printed when the first run has ended."""
    with ThreadPoolExecutor() as pool:
        beside = [pool.submit(_hushed, command) for command in (waiting(), [*PYTHON, "mypy"])]
        status = subprocess.call(rest(), cwd=ROOT)
        for ended in (one.result() for one in beside):
            sys.stdout.write(ended.stdout)
            status = ended.returncode or status
    return status


def waiting() -> list[str]:
    """The command of the second run."""
    folders = [f"tests/{folder}" for folder in WAITING]
    return [
        *PYTHON,
        "pytest",
        *folders,
        f"--ignore={SLICE}",
        "-o",
        "cache_dir=.pytest_cache/waiting",
    ]


def rest() -> list[str]:
    """The command of the first run: all other folders, whatever they are called, and the slice."""
    folders = sorted(path.name for path in TESTS.iterdir() if any(path.glob("**/test_*.py")))
    others = [one for one in folders if one not in (*WAITING, FIRST)]
    return [*PYTHON, "pytest", f"tests/{FIRST}", *(f"tests/{one}" for one in others), SLICE]


def _hushed(command: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, check=False, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


if __name__ == "__main__":
    sys.exit(main())
