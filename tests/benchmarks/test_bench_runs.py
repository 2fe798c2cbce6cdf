"""The measurements run: a short round of each, every answer a booking."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from benchmarks.load import Load
from benchmarks.report import Findings, doubts
from benchmarks.rounds import medians, round_of

ROOT = Path(__file__).parents[2]


@pytest.mark.prove
def test_quick_run_measures_everybody_and_nobody_is_refused(tmp_path: Path) -> None:
    results = tmp_path / "quick.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--to", str(results)],
        cwd=ROOT,
        env={name: text for name, text in os.environ.items() if not name.startswith("EVSLOT_")},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    findings = msgspec.json.decode(results.read_bytes(), type=Findings)
    invalid = [one for one in findings.rounds if not one.is_valid]
    assert not invalid, invalid
    measured = {(figure.subject, figure.connections) for figure in findings.figures}
    everybody = {"evslot", "chatty", "best", "pgbench"}
    assert measured == {(who, count) for who in everybody for count in (1, 32, 128)}
    assert findings.restarts == 0
    assert not [line for line in doubts(findings) if "client itself" in line]


def load_of(rate: int, statuses: dict[int, int], connections: int = 1) -> Load:
    """One second with so many answers, each after a longer time."""
    latencies = [(place + 1) / 1000 for place in range(rate)]
    return Load(
        connections=connections,
        seconds=1.0,
        latencies=latencies,
        statuses=statuses,
        own_cpu=0.1,
    )


def test_a_round_with_any_other_answer_than_201_counts_for_nothing() -> None:
    good = round_of("evslot", load_of(100, {201: 100}), {"gateway": 0.5})
    bad = round_of("evslot", load_of(500, {201: 499, 409: 1}), {"gateway": 0.1})
    [figure] = medians([good, bad])
    assert (figure.rounds, figure.invalid, figure.holds_per_second) == (1, 1, 100)


def test_figures_are_medians_and_percentiles_nearest_ranks() -> None:
    rounds = [
        round_of("evslot", load_of(rate, {201: rate}), {"gateway": rate / 100})
        for rate in (100, 1000, 300)
    ]
    [figure] = medians(rounds)
    assert figure.holds_per_second == 300
    assert (figure.lowest, figure.highest) == (100, 1000)
    assert figure.p50_ms == pytest.approx(151)
    assert figure.p99_ms == pytest.approx(298)
    assert figure.cpu_seconds_per_1000 == {"gateway": 10.0}
