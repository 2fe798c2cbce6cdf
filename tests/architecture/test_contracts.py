"""The import contracts of pyproject.toml bite: one planted violation each, in a copy."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.house import ROOT

OPEN = {
    *("callers", "config", "handling", "jobs", "message", "saga", "sealing", "service"),
    *("telemetry", "transaction", "wiring"),
}
"""What services may see of the spine."""

PLANTED = (
    ("1 ", "values.py", "import evslot.spine.message"),
    ("1 ", "attic.py", "import evslot.values"),
    ("2 ", "services/station/store.py", "import evslot.services.payment.domain"),
    ("3 ", "services/user/messages.py", "import evslot.services.user.store"),
    ("3 ", "services/user/drawer.py", "import evslot.values"),
    ("4 ", "gateway/store.py", "import evslot.services.reservation.queries"),
    ("5 ", "services/reservation/store.py", "import evslot.spine.outbox"),
    ("5 ", "services/station/queries/search.py", "import evslot.spine.db"),
    ("6a ", "services/reservation/domain/booking.py", "import evslot.spine.transaction"),
    ("6b ", "services/payment/messages.py", "import time"),
    ("7 ", "spine/message.py", "import evslot.spine.db"),
    ("7 ", "spine/attic.py", "import evslot.values"),
    ("8a ", "gateway/live.py", "import asyncpg"),
    ("8b ", "spine/outbox.py", "import confluent_kafka"),
    ("9 ", "services/payment/messages.py", "import evslot.services.user.messages"),
    ("10 ", "embedded/ports.py", "import evslot.values"),
)


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What import-linter says of a copy with all violations planted, by contract."""
    copy = tmp_path_factory.mktemp("house")
    kept = shutil.ignore_patterns("__pycache__", "*.sql", "*.j2")
    shutil.copytree(ROOT / "src", copy / "src", ignore=kept)
    shutil.copy(ROOT / "pyproject.toml", copy)
    for _, file, line in PLANTED:
        with (copy / "src" / "evslot" / file).open("a") as module:
            module.write(f"\n{line}\n")
    return _broken(copy)


@pytest.mark.parametrize(("contract", "file", "line"), PLANTED)
def test_a_planted_violation_is_found(
    contract: str, file: str, line: str, verdicts: dict[str, str]
) -> None:
    found = next(text for name, text in verdicts.items() if name.startswith(contract))
    module = "evslot." + file.removesuffix(".py").replace("/", ".")
    assert module in found, f"{line} in {file}"


def test_every_spine_module_is_open_or_closed_to_services() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    fifth = text[text.index('name = "5 ') : text.index('name = "6a ')]
    modules = {
        path.stem
        for path in (ROOT / "src" / "evslot" / "spine").iterdir()
        if path.stem not in ("__init__", "__pycache__", "schema")
    }
    closed = {name for name in modules if f'"evslot.spine.{name}"' in fifth}
    assert modules - closed == OPEN


def _broken(folder: Path) -> dict[str, str]:
    """Contract name -> the lines of the report below it."""
    ended = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1, ended.stdout + ended.stderr
    report = ended.stdout[ended.stdout.index("Broken contracts") :].splitlines()
    sections: dict[str, str] = {}
    name = ""
    for number, line in enumerate(report[:-1]):
        if line and set(report[number + 1]) == {"-"}:
            name = line
        sections[name] = sections.get(name, "") + line + "\n"
    return sections
