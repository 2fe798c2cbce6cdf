"""A slice of the proof for every change, in a process of its own."""

import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECONDS = 400.0
STOP_SECONDS = 60.0


def test_under_kills_and_cut_connections_every_promise_holds(tmp_path: Path) -> None:
    """Every part is killed, the broker as well, and databases end their connections."""
    command = [sys.executable, "-m", "tests.faults.slice", str(tmp_path)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            printed, _ = process.communicate(timeout=SECONDS)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)  # it takes its system down
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
    assert process.returncode == 0, printed
