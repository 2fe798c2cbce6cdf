"""The broker's libraries are those pinned, whatever the cache or the network says."""

import json
import threading
from pathlib import Path

import pytest

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


def test_a_java_that_is_none_is_named_with_its_setting(tmp_path: Path) -> None:
    program = tmp_path / "java"
    program.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    program.chmod(0o700)
    with pytest.raises(JavaUnavailable, match=r"no Java 17 or newer.*EVSLOT_JAVA"):
        find_java(str(program))
    with pytest.raises(JavaUnavailable, match="cannot be run"):
        find_java(str(tmp_path / "nothing"))
    assert find_java().major >= 17
