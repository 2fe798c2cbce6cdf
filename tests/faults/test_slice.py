"""A slice of the proof for every change, in a process of its own beside other tests."""

import subprocess

SECONDS = 400.0


def test_under_kills_and_cut_connections_every_promise_holds(
    proof_slice: subprocess.Popen[str],
) -> None:
    """Every part is killed, the broker as well, and databases end their connections."""
    printed, _ = proof_slice.communicate(timeout=SECONDS)
    assert proof_slice.returncode == 0, printed
