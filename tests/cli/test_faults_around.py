"""What is wrong around a command is told in one line; a traceback is for our own mistakes."""

import sys
from pathlib import Path
from unittest.mock import patch

import pytest

from evslot.cli import main
from evslot.spine.kafka.client import COMMON

NOWHERE = "postgresql://role:password@127.0.0.1:1/database"
BROKEN_TLS = {
    "EVSLOT_KAFKA_SECURITY": "ssl",
    "EVSLOT_KAFKA_CA_FILE": "damaged",
    "EVSLOT_KAFKA_BOOTSTRAP": "127.0.0.1:1",
}
"""The client says no at once, where for a broker that is away it waits ten seconds."""
FAULTS: tuple[tuple[str, dict[str, str], int, str], ...] = (
    ("migrate user", {"EVSLOT_USER_OWNER_DATABASE_URL": NOWHERE}, 1, "OWNER_DATABASE_URL: Postgr"),
    ("reconcile", {"EVSLOT_PAYMENT_DATABASE_URL": NOWHERE}, 2, "nothing was compared"),
    ("topics", BROKEN_TLS, 1, "Kafka at 127.0.0.1:1: "),
    ("dead list user", BROKEN_TLS, 1, "Kafka at 127.0.0.1:1: "),
    ("up", {"EVSLOT_USER_HEALTH_PORT": "91O1"}, 1, "EVSLOT_USER_HEALTH_PORT must be a whole num"),
    ("up", {"EVSLOT_DATA_DIR": "latin.json/data"}, 1, "latin.json/data: Not a directory"),
    ("import ocm latin.json", {}, 1, "latin.json is not in UTF-8"),
    ("keys .", {}, 1, "gateway.json cannot be read"),
    ("keys . --rotate-part gateway", {}, 1, "gateway.json cannot be read"),
)


@pytest.mark.parametrize(("command", "settings", "status", "told"), FAULTS)
def test_a_fault_around_a_command_is_one_line(
    command: str,
    settings: dict[str, str],
    status: int,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("latin.json").write_bytes('[{"Title": "Köln"}]'.encode("latin-1"))
    Path("gateway.json").write_text('{"part": "gatew')
    Path("damaged").write_text("no certificate")
    monkeypatch.setattr(sys, "argv", ["evslot", *command.split()])
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with patch.dict(COMMON), pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == status
    said = capsys.readouterr().err.strip()
    assert told in said
    assert len(said.splitlines()) == 1
