"""The measurement of searches: requests leave at their times, and who waits is counted."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import msgspec
import pytest
from benchmarks.arrivals import run_arrivals
from benchmarks.questions import KINDS, Questions
from benchmarks.search import SearchFindings

ROOT = Path(__file__).parents[2]
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.anyio
async def test_a_slow_system_is_asked_as_often_and_its_slowness_is_seen() -> None:
    """One that answers one request after the other, each after 20 ms, asked every 5 ms."""
    turn = asyncio.Lock()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            async with turn:
                await asyncio.sleep(0.02)
            writer.write(ANSWER)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        load = await run_arrivals(
            port, 200.0, lambda: ("one", b"GET /\n"), warm_up=0.0, seconds=0.1
        )
    assert load.statuses == {200: 20}
    assert len(load.latencies["one"]) == 20
    # The last was due after 95 ms and answered after 400.
    assert load.all()[-1] > 0.25


def test_the_mix_is_the_same_for_the_same_chance_and_has_all_kinds() -> None:
    asked = [Questions(Random(7)) for _ in range(2)]
    first, second = ([one.next() for _ in range(500)] for one in asked)
    assert [kind for kind, _ in first] == [kind for kind, _ in second]
    assert {kind for kind, _ in first} == KINDS.keys()
    assert sum(KINDS.values()) == 100
    assert all(content.startswith(b"GET /v1/") for _, content in first)


@pytest.mark.prove
def test_a_short_run_answers_every_search_and_every_booking_is_seen(tmp_path: Path) -> None:
    results = tmp_path / "search.json"
    short = ["--times", "1", "--rate", "20", "--seconds", "3", "--rounds", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "search", *short, "--to", str(results)],
        cwd=ROOT,
        env={name: text for name, text in os.environ.items() if not name.startswith("EVSLOT_")},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    findings = msgspec.json.decode(results.read_bytes(), type=SearchFindings)
    assert set(findings.statuses) == {200}
    assert findings.freshness_samples > 3
    assert findings.freshness_p99_ms < 5000
