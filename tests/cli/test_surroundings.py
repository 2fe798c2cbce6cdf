"""A command beside `evslot up` finds what that has started, without being told."""

import uuid
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from evslot.cli.operating import broker
from evslot.cli.surroundings import Surroundings, beside_up
from evslot.cli.upping import nodes
from evslot.embedded.supervisor import Step
from evslot.spine.config import PartSettings
from evslot.spine.topics import Topics


def test_a_command_finds_the_broker_where_up_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVSLOT_KAFKA_BOOTSTRAP", raising=False)
    monkeypatch.setenv("EVSLOT_KAFKA_PORT", "19092")
    assert broker().kafka_bootstrap == "127.0.0.1:19092"
    monkeypatch.setenv("EVSLOT_KAFKA_ADVERTISED_PORT", "19093")
    assert broker().kafka_bootstrap == "127.0.0.1:19093"
    monkeypatch.setenv("EVSLOT_KAFKA_BOOTSTRAP", "elsewhere:9092")
    assert broker().kafka_bootstrap == "elsewhere:9092"


def test_a_command_finds_database_and_keys_of_a_part_where_up_has_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EVSLOT_DATA_DIR", "/somewhere")
    monkeypatch.setenv("EVSLOT_POSTGRES_PORT", "15432")
    monkeypatch.setenv("EVSLOT_STATION_DATABASE_URL", " ")  # as compose files say "not set"
    found = beside_up("station").read(PartSettings, "station")
    assert found.database_url.startswith("postgresql://ev_station_user_app:")
    assert "@127.0.0.1:15432/ev_station_db?" in found.database_url
    assert found.keys_file == "/somewhere/keys/station.json"
    monkeypatch.setenv("EVSLOT_STATION_DATABASE_URL", "postgresql://of@my/own")
    found = beside_up("station").read(PartSettings, "station")
    assert found.database_url == "postgresql://of@my/own"


@pytest.mark.anyio
async def test_up_makes_the_topics_under_the_names_that_its_parts_use(
    kafka_bootstrap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = f"up-{uuid.uuid4().hex[:8]}-"
    monkeypatch.setenv("EVSLOT_TOPIC_PREFIX", prefix)
    where = Surroundings(data_dir=str(tmp_path), kafka_port=int(kafka_bootstrap.split(":")[1]))
    steps = {node.name: node for node in nodes(where, {}) if isinstance(node, Step)}
    await steps["topics"].action()
    there = AdminClient({"bootstrap.servers": kafka_bootstrap}).list_topics(timeout=10).topics
    assert {name for name in there if name.startswith(prefix)} == {
        topic.name for topic in Topics(prefix).table()
    }
