"""`make test`: every test, in two runs side by side, and the types.

The journeys and the browser talk to one whole system after another, and take more than one core of
two. Beside them goes the rest: what computes beside the journeys, what mostly waits beside the
browser.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent
PYTHON = (sys.executable, "-m")
SYSTEMS = ("journeys", "browser")
WAITING = ("embedded", "faults", "gateway", "spine")


def main() -> int:
    """0 where all is well. What the run beside says is printed when the first one has ended."""
    with ThreadPoolExecutor() as pool:
        beside = pool.submit(
            subprocess.run,
            [*_pytest(rest()), "-o", "cache_dir=.pytest_cache/beside"],
            check=False,
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        statuses = [
            subprocess.call(_pytest(SYSTEMS), cwd=ROOT),
            subprocess.call([*PYTHON, "mypy"], cwd=ROOT),
        ]
        ended = beside.result()
    sys.stdout.write(ended.stdout)
    return next(filter(None, [*statuses, ended.returncode]), 0)


def rest() -> list[str]:
    """All other folders, whatever they are called."""
    folders = sorted(path.name for path in TESTS.iterdir() if any(path.glob("**/test_*.py")))
    others = [folder for folder in folders if folder not in SYSTEMS]
    return sorted(others, key=WAITING.__contains__)


def _pytest(folders: tuple[str, ...] | list[str]) -> list[str]:
    return [*PYTHON, "pytest", *(f"tests/{folder}" for folder in folders)]


if __name__ == "__main__":
    sys.exit(main())
