"""What the build makes of an extract of OpenStreetMap, and that it goes on without one."""

import hashlib
import json
import zipfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.architecture.house import ROOT

BOX = (0.0, 0.0, 4.0, 2.0)
"""West, south, east, north."""


def loaded(path: Path) -> ModuleType:
    """A script that is no part of the package."""
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


STREETS = loaded(ROOT / "web" / "streets.py")


def sea(*coasts: list[tuple[float, float]]) -> list[set[tuple[float, float]]]:
    """The corners of each piece of water."""
    found: list[dict[str, Any]] = list(STREETS.water(list(coasts), BOX))
    for one in found:
        ring = one["geometry"]["coordinates"][0]
        assert ring[0] == ring[-1]
    return [set(one["geometry"]["coordinates"][0]) for one in found]


def test_the_sea_lies_at_the_right_of_its_coast() -> None:
    eastward = [(0.0, 1.0), (4.0, 1.0)]
    assert sea(eastward) == [{(0.0, 1.0), (4.0, 1.0), (4.0, 0.0), (0.0, 0.0)}]
    assert sea(eastward[::-1]) == [{(0.0, 1.0), (4.0, 1.0), (4.0, 2.0), (0.0, 2.0)}]


def test_a_strait_is_the_water_between_two_coasts() -> None:
    north = [(0.0, 1.5), (4.0, 1.5)]
    south = [(4.0, 0.5), (0.0, 0.5)]
    assert sea(north, south) == [{*north, *south}]


def test_coasts_that_cut_off_corners_leave_two_bays_or_one_sea_between() -> None:
    west = [(1.0, 0.0), (0.0, 1.0)]
    east = [(4.0, 1.0), (3.0, 0.0)]
    assert sea(west, east) == [{*west, (0.0, 2.0), (4.0, 2.0), *east}]
    assert sea(west[::-1], east[::-1]) == [{*west, (0.0, 0.0)}, {*east, (4.0, 0.0)}]


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ({"highway": "primary_link"}, "main"),
        ({"highway": "residential"}, "minor"),
        ({"highway": "service", "service": "driveway"}, "path"),
        ({"highway": "steps"}, "path"),
        ({"highway": "footway", "tunnel": "yes"}, None),
        ({"railway": "tram"}, "rail"),
        ({"railway": "abandoned"}, None),
    ],
)
def test_a_line_is_drawn_by_what_goes_along_it(tags: dict[str, str], kind: str | None) -> None:
    assert STREETS.kind_of_way(tags) == kind


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The build of an app whose bundler notes that it ran, with streets of a package not there."""
    build = loaded(ROOT / "hatch_build.py")
    web, built = tmp_path / "web", tmp_path / "built"
    bundler = web / "node_modules" / "vite" / "bin" / "vite.js"
    for folder in (bundler.parent, built):
        folder.mkdir(parents=True)
    note = f"require('fs').appendFileSync({json.dumps(str(tmp_path / 'builds'))}, 'built ')"
    bundler.write_text(note)
    lock = web / "package-lock.json"
    lock.write_text("{}")
    (web / "package.json").write_text("{}")
    (web / "node_modules" / ".evslot").write_text(hashlib.sha256(lock.read_bytes()).hexdigest())
    (web / "streets.py").write_text("import sys, pathlib\npathlib.Path(sys.argv[2]).mkdir()\n")
    package = wheel(tmp_path / "away" / "extract-1-py3-none-any.whl")
    pinned = hashlib.sha256(package.read_bytes()).hexdigest()
    streets = tmp_path / "streets.txt"
    streets.write_text(f"extract @ {(tmp_path / package.name).as_uri()} --hash=sha256:{pinned}\n")
    for name, value in {
        "SOURCES": web,
        "BUILT": built,
        "STAMP": built / ".built",
        "STREETS": web / "node_modules" / ".evslot-streets",
        "STREETS_LOCK": streets,
    }.items():
        monkeypatch.setattr(build, name, value)
    monkeypatch.delenv("EVSLOT_WEB", raising=False)
    return build


def wheel(path: Path) -> Path:
    """A package with nothing in it."""
    path.parent.mkdir()
    about = "extract-1.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: extract\nVersion: 1\n")
        file.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        file.writestr(f"{about}/RECORD", "")
    return path


def test_streets_that_could_not_be_had_are_tried_again(
    build: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without an extract the build goes on, and says so in one line."""

    def built() -> tuple[str, int]:
        build.build()
        return capsys.readouterr().out, (tmp_path / "builds").read_text().count("built")

    monkeypatch.setenv("EVSLOT_STREETS", "skip")
    said, builds = built()
    assert said.startswith("Building the browser app")
    assert builds == 1
    assert built() == ("", 1)
    monkeypatch.delenv("EVSLOT_STREETS")
    said, builds = built()
    assert said.startswith("The map goes without streets: ")
    assert said.count("\n") == builds == 1
    assert not build.STREETS.exists()
    (package,) = (tmp_path / "away").iterdir()
    package.rename(tmp_path / package.name)
    assert built() == ("", 2)
    assert build.STREETS.exists()
    assert built() == ("", 2)
    monkeypatch.setenv("EVSLOT_STREETS", "skip")
    assert built() == ("", 2)
