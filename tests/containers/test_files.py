"""What compose, chart, dashboard and alerts say agrees with the code; no container needed."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics_core import Metric

from evslot import system
from evslot.spine import telemetry
from tests.containers.compose import (
    Container,
    SettingMissing,
    in_order,
    read,
    read_variables,
    read_whole,
)

ROOT = Path(__file__).resolve().parents[2]
VALUES = yaml.safe_load((ROOT / "deploy/kubernetes/evslot/values.yaml").read_text())
GIVEN_NAMES = {
    "gateway": "Ev-api-gateway-db",
    "notification": "Ev-notification-service",
    "user": "Ev-user-db",
    "station": "Ev-station-service",
    "reservation": "Ev-reservation-service",
}
MADE_BY_PROMETHEUS = {"up"}


@pytest.fixture(scope="module")
def containers() -> dict[str, Container]:
    """As .env.example sets them."""
    return read(ROOT / "compose.yaml", read_variables(ROOT / ".env.example"))


@pytest.mark.parametrize("part", system.PARTS, ids=lambda part: part.name)
def test_compose_gives_each_part_the_database_it_was_given(
    containers: dict[str, Container], part: system.Part
) -> None:
    database = containers[f"{part.name}-db"]
    assert database.name == GIVEN_NAMES.get(part.name, database.name)
    assert database.ports == [f"127.0.0.1:{part.compose_port}:5432"]
    told = database.environment
    assert (told["EVSLOT_DATABASE"], told["EVSLOT_OWNER"], told["EVSLOT_OWNER_PASSWORD"]) == (
        part.database,
        part.owner,
        part.password,
    )
    url = containers[part.name].environment[f"EVSLOT_{part.name.upper()}_DATABASE_URL"]
    assert url == (
        f"postgresql://{part.owner}_app:{told['EVSLOT_APP_PASSWORD']}"
        f"@{part.name}-db:5432/{part.database}"
    )
    assert told["EVSLOT_APP_PASSWORD"] != part.password


def test_compose_demands_its_passwords() -> None:
    with pytest.raises(SettingMissing, match=r"copy \.env\.example to \.env"):
        read(ROOT / "compose.yaml", {})


def test_only_the_gateway_can_be_opened_to_other_machines() -> None:
    settings = read_variables(ROOT / ".env.example") | {"EVSLOT_PUBLISH": "0.0.0.0"}
    services = read_whole(ROOT / "compose.yaml", settings)["services"]
    published = [port for said in services.values() for port in said.get("ports", [])]
    assert len(published) == 11
    assert [port for port in published if not port.startswith("127.0.0.1:")] == [
        "0.0.0.0:8080:8080"
    ]


def test_no_part_knows_an_owner_or_the_superuser(containers: dict[str, Container]) -> None:
    owners = {part.password for part in system.PARTS} | {"postgres_password"}
    for name in (*system.NAMES, "mail"):
        told = " ".join(map(str, containers[name].environment.values()))
        assert not [password for password in owners if f":{password}@" in told]


def test_every_container_is_closed_and_limited(containers: dict[str, Container]) -> None:
    for container in in_order(containers):
        said = container.said
        assert said["cap_drop"] == ["ALL"], container.service
        assert said["security_opt"] == ["no-new-privileges:true"], container.service
        assert said["deploy"]["resources"]["limits"]["memory"], container.service
        # Kafka's image writes its settings where its programs lie.
        assert said.get("read_only", False) or container.service == "kafka", container.service


@pytest.mark.parametrize("part", system.PARTS, ids=lambda part: part.name)
def test_the_chart_gives_each_part_its_database_and_port(part: system.Part) -> None:
    about = VALUES["gateway"] if part.name == "gateway" else VALUES["services"][part.name]
    database = (about["database"]["name"], about["database"]["owner"])
    assert (*database, about["health"]) == (part.database, part.owner, part.health_port)


def test_no_pod_of_the_chart_is_told_settings_by_the_names_of_services() -> None:
    """A release `evslot` would have EVSLOT_GATEWAY_PORT=tcp://… in every pod."""
    templates = (ROOT / "deploy/kubernetes/evslot/templates").glob("*.yaml")
    texts = [text for text in (file.read_text() for file in templates) if "containers:\n" in text]
    assert len(texts) == 3
    assert all("\n      enableServiceLinks: false\n" in text for text in texts)


@pytest.mark.parametrize("name", system.SERVICES)
def test_the_chart_lets_a_service_hear_what_it_listens_to_and_no_more(name: str) -> None:
    service = system.service(name)
    _, speakers = service.hears(service.all_handlers())
    assert VALUES["services"][name]["hears"] == speakers


def test_dashboard_and_alerts_ask_for_metrics_that_exist() -> None:
    dashboard = json.loads((ROOT / "deploy/grafana/dashboards/evslot.json").read_text())
    alerts = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())
    rules = [rule for group in alerts["groups"] for rule in group["rules"]]
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked += [rule["expr"] for rule in rules]
    known = _metric_names()
    names = {name for query in asked for name in re.findall(r"\bevslot_\w+", query)}
    assert names
    assert names <= known
    assert all(rule["annotations"]["do"] for rule in rules)


def test_dashboard_asks_for_messages_that_exist() -> None:
    text = (ROOT / "deploy/grafana/dashboards/evslot.json").read_text()
    asked = set(re.findall(r"\b(\w+)\.([A-Z]\w+)", text))
    asked |= {
        ("payment", name)
        for group in re.findall(r"payment\.\(([\w|]+)\)", text)
        for name in group.split("|")
    }
    for service, name in asked:
        assert hasattr(system.service(service).messages, name), f"{service}.{name}"


def _metric_names() -> set[str]:
    names: set[str] = set()
    for metric in telemetry.REGISTRY.collect():
        names |= _samples(metric)
    return names


def _samples(metric: Metric) -> set[str]:
    """Also of a metric that has no values yet."""
    endings: dict[str, Any] = {
        "counter": ("_total",),
        "histogram": ("_bucket", "_count", "_sum"),
        "gauge": ("",),
        "info": ("_info",),
    }
    return {metric.name + ending for ending in endings.get(metric.type, ("",))}
