"""The chart, compose.yaml and the Dockerfile, as the tools that read them see them."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.containers.compose import read, read_variables, read_whole
from tests.containers.tools import KUBERNETES, Tools, run

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "kubernetes" / "evslot"
WITHOUT_OPERATORS = (
    *("--set", "kafka.enabled=false,kafka.bootstrap=kafka.example:9093"),
    *("--set", "postgres.enabled=false,gateway.database.host=gateway.example"),
    *(
        f"--set=services.{part}.database.host={part}.example"
        for part in ("user", "station", "reservation", "payment", "notification")
    ),
)
EVERYTHING = (
    *("--set", "monitoring.enabled=true,gateway.ingress.enabled=true"),
    *("--set", "postgres.backup.enabled=true,postgres.storageClass=fast"),
)
WAYS = {"as it comes": (), "everything": EVERYTHING, "without operators": WITHOUT_OPERATORS}
# Kinds of the operators, whose definitions come with them and not with Kubernetes.
OPERATORS = {
    *("Cluster", "ScheduledBackup", "Kafka", "KafkaNodePool", "KafkaUser"),
    *("ScaledObject", "TriggerAuthentication", "PodMonitor", "PrometheusRule"),
}


def test_dockerfiles_pass_hadolint(tools: Tools) -> None:
    files = [ROOT / "Dockerfile", *Path(__file__).parent.glob("stand_ins/*/Dockerfile")]
    assert len(files) == 3
    run(str(tools.hadolint()), "--failure-threshold=style", *map(str, files))


def test_the_loader_of_compose_reads_the_file_as_we_do(tools: Tools, tmp_path: Path) -> None:
    """It knows every key, and finds in it what our reader finds; the observers too."""
    variables = read_variables(ROOT / ".env.example")
    filled = tmp_path / "compose.yaml"
    filled.write_text(json.dumps(read_whole(ROOT / "compose.yaml", variables)))
    # Our own values are in it already; the program alone does not look at its environment.
    said = run(*(str(tools.go("cmd")), "-no-interpolation", "-format=json", str(filled)))
    theirs = json.loads(said)["services"]
    ours = read(ROOT / "compose.yaml", variables)
    assert set(theirs) == {*ours, "prometheus", "grafana"}
    for service, container in ours.items():
        assert theirs[service]["container_name"] == container.name
        assert set(theirs[service].get("depends_on", {})) == set(container.waits_for)
        expected = {name: str(value) for name, value in container.environment.items()}
        told = theirs[service].get("environment") or {}
        assert {name: str(value) for name, value in told.items()} == expected


@pytest.mark.parametrize("way", WAYS)
def test_the_chart_passes_lint_and_every_object_its_schema(tools: Tools, way: str) -> None:
    helm = str(tools.go("helm"))
    run(helm, "lint", "--strict", "--kube-version", KUBERNETES, *WAYS[way], str(CHART))
    rendered = render(tools, way)
    objects = [one for one in yaml.safe_load_all(rendered) if one]
    checked = conform(tools, rendered, objects)
    skipped = {one["kind"] for one in checked if one["status"] == "statusSkipped"}
    assert skipped <= OPERATORS
    assert [one for one in checked if one["status"] not in ("statusValid", "statusSkipped")] == []
    assert len(checked) == len(objects)


@pytest.mark.parametrize("way", WAYS)
def test_every_pod_of_the_chart_is_as_closed_as_its_container(tools: Tools, way: str) -> None:
    pods = _pods(tools, way)
    assert len(pods) == 7
    for pod in pods:
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in pod["containers"]:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] is True
            assert security["allowPrivilegeEscalation"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert {"requests", "limits"} <= set(container["resources"])


def render(tools: Tools, way: str) -> str:
    """The objects that an installation would make."""
    where = ("--namespace", "evslot", "--kube-version", KUBERNETES)
    return run(str(tools.go("helm")), "template", "evslot", *where, *WAYS[way], str(CHART))


def conform(tools: Tools, rendered: str, objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What kubeconform says of each object."""
    schemas = tools.schemas({(one["apiVersion"], one["kind"]) for one in objects})
    manifest = schemas / "rendered.yaml"
    manifest.write_text(rendered)
    said = run(
        *(str(tools.go("kubeconform")), "-verbose", "-strict", "-output", "json"),
        *("-ignore-missing-schemas", "-schema-location"),
        f"{schemas}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json",
        str(manifest),
    )
    checked: list[dict[str, Any]] = json.loads(said)["resources"]
    return checked


def _pods(tools: Tools, way: str) -> list[dict[str, Any]]:
    found = []
    for one in yaml.safe_load_all(render(tools, way)):
        if one and one["kind"] in ("Deployment", "StatefulSet", "Job"):
            found.append(one["spec"]["template"]["spec"])
    return found
