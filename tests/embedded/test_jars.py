"""The broker's libraries are those pinned, whatever the cache or the network says."""

import fcntl
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from evslot.embedded import jars
from evslot.embedded.jars import LOCK_FILE, JarsUnavailable, ensure_jars, read_lock
from evslot.embedded.java import JavaUnavailable, find_java


def test_the_lock_pins_one_version_of_each_library() -> None:
    jars = read_lock(LOCK_FILE.read_text())
    assert len({(jar.group, jar.artifact) for jar in jars}) == len(jars) > 40
    assert all(len(jar.sha256) == 64 for jar in jars)
    versions = {jar.version for jar in jars if jar.group == "org.apache.kafka"}
    assert versions == {"4.3.1"}


def test_a_full_cache_is_taken_and_a_cut_file_is_not(
    tmp_path: Path, kafka_bootstrap: str, cache_dir: Path
) -> None:
    assert kafka_bootstrap  # the broker's own start has filled the cache
    paths = ensure_jars(cache_dir)
    (manifest,) = cache_dir.glob("kafka-jars-*.json")
    copy = tmp_path / "cut.jar"
    copy.write_bytes(paths[0].read_bytes()[:-1])
    sizes = json.loads(manifest.read_text())
    cut = {str(copy): sizes[str(paths[0])]}
    (tmp_path / manifest.name).write_text(json.dumps(cut))
    given_up = threading.Event()
    given_up.set()
    with pytest.raises(JarsUnavailable, match="given up"):
        ensure_jars(tmp_path, cancel=given_up)
    (tmp_path / manifest.name).write_text("")  # as a loss of power may leave it
    with pytest.raises(JarsUnavailable, match="given up"):
        ensure_jars(tmp_path, cancel=given_up)


def test_a_java_that_is_none_is_named_with_its_setting(tmp_path: Path) -> None:
    program = tmp_path / "java"
    program.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    program.chmod(0o700)
    with pytest.raises(JavaUnavailable, match=r"no Java 17 or newer.*EVSLOT_JAVA"):
        find_java(str(program))
    with pytest.raises(JavaUnavailable, match="cannot be run"):
        find_java(str(tmp_path / "nothing"))
    assert find_java().major >= 17


WHOLE = b"a library"
PREPARE = """
import asyncio, signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
from evslot.embedded.kafka import EmbeddedKafka
asyncio.run(EmbeddedKafka(Path(sys.argv[1]), 1, cache_dir=Path(sys.argv[1])).prepare())
"""


class Breaking(BaseHTTPRequestHandler):
    """Breaks off in the midst of a library, but for the last try."""

    tries = 0

    def do_GET(self) -> None:
        if not self.path.endswith(".jar"):
            self.send_error(404)
            return
        Breaking.tries += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(WHOLE)))
        self.end_headers()
        self.wfile.write(WHOLE if Breaking.tries == jars.TRIES else WHOLE[:3])

    def log_message(self, *_: object) -> None:
        """Not into the tests' own words."""


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from jgo.maven import _core

    with ThreadingHTTPServer(("127.0.0.1", 0), Breaking) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setitem(_core.DEFAULT_REMOTE_REPOS, "central", address)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield
        server.shutdown()


@pytest.mark.usefixtures("breaking")
def test_a_library_that_broke_off_costs_one_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "lock"
    lock.write_text(f"org.example:a:1 {hashlib.sha256(WHOLE).hexdigest()}\n")
    monkeypatch.setattr(jars, "LOCK_FILE", lock)
    cut = tmp_path / "maven" / "org" / "example" / "a" / "1" / "a-1.jar"
    cut.parent.mkdir(parents=True)
    cut.write_bytes(WHOLE[:3])  # of a start that was killed
    assert [path.read_bytes() for path in ensure_jars(tmp_path)] == [WHOLE]


def test_who_waits_for_anothers_download_is_told_and_may_give_up(tmp_path: Path) -> None:
    given_up = threading.Event()
    told: list[str] = []

    def hear(line: str) -> None:
        told.append(line)
        threading.Timer(2.5 * jars.LOOK_SECONDS, given_up.set).start()

    with (tmp_path / "kafka-jars.busy").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(JarsUnavailable, match="given up"):
            ensure_jars(tmp_path, hear, given_up)
    assert told == ["another start downloads the libraries; waiting for it"]


def test_an_interrupted_download_ends_at_once_though_the_network_hangs(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        proxy = f"http://127.0.0.1:{silent.getsockname()[1]}"
        environment = {**os.environ, "https_proxy": proxy, "HTTPS_PROXY": proxy, "no_proxy": ""}
        command = [sys.executable, "-c", PREPARE, str(tmp_path)]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process:
            try:
                connection, _ = silent.accept()
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=20)
                connection.close()
            finally:
                process.kill()
    assert process.returncode == -signal.SIGINT
