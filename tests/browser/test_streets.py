"""What the build makes of an extract of OpenStreetMap, and that it goes on without one."""

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


def test_without_an_extract_the_build_goes_on_and_says_so_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    build = loaded(ROOT / "hatch_build.py")
    lock = tmp_path / "streets.txt"
    lock.write_text(f"osmium @ {(tmp_path / 'gone.whl').as_uri()} --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(build, "STREETS_LOCK", lock)
    monkeypatch.setattr(build, "STREETS", tmp_path / "streets")
    build._make_streets()
    said = capsys.readouterr().out
    assert said.startswith("The map goes without streets: ")
    assert said.count("\n") == 1
    assert not (tmp_path / "streets").exists()
