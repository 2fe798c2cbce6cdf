"""Fetches the programs that check the chart, compose.yaml and the Dockerfile; kept between runs."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.containers.podman import need

HADOLINT = Path(__file__).with_name("hadolint.txt")
MODULES = {
    "helm": "helm.sh/helm/v3/cmd/helm@v3.22.0",
    "kubeconform": "github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0",
    # The loader that `docker compose` itself reads files with; its program is called cmd.
    "cmd": "github.com/compose-spec/compose-go/v2/cmd@v2.16.2",
}
# Holds the API's description of each version of Kubernetes.
DESCRIPTIONS = "sigs.k8s.io/kubectl-validate@v0.0.4"
KUBERNETES = "1.30"
SECONDS = 900


class Tools:
    """Installed in a folder, where they are not there yet; programs of Go begin to build at once.

    That takes minutes on a new machine, and much else can be done meanwhile.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        building = ThreadPoolExecutor(1)  # the compiler itself uses every processor
        self._programs = {name: building.submit(self._install, name) for name in MODULES}
        building.shutdown(wait=False)

    def go(self, name: str) -> Path:
        """A program of a Go module, as soon as it is there."""
        return self._programs[name].result()

    def _install(self, name: str) -> Path:
        program = self._folder / f"{MODULES[name].rpartition('@')[2]}" / name
        if not program.exists():
            go = need("go", "Go 1.24 or newer")
            environment = {**os.environ, "GOBIN": str(program.parent), "GOFLAGS": ""}
            run("nice", go, "install", MODULES[name], env=environment)
        return program

    def hadolint(self) -> Path:
        """The linter of Dockerfiles, by its hashes."""
        program = self._folder / "hadolint" / "bin" / "hadolint"
        if not program.exists():
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes"]
            run(*pip, "--target", str(program.parents[1]), "-r", str(HADOLINT))
        return program

    def schemas(self, kinds: set[tuple[str, str]]) -> Path:
        """A folder with a strict JSON schema for each (apiVersion, kind) that Kubernetes has."""
        said = run(need("go", "Go 1.24 or newer"), "mod", "download", "-json", DESCRIPTIONS)
        module = Path(json.loads(said)["Dir"])
        folder = self._folder / f"schemas-{KUBERNETES}"
        folder.mkdir(exist_ok=True)
        for version, kind in kinds:
            where = f"api/{version}" if "/" not in version else f"apis/{version}"
            described = module / "pkg/openapiclient/builtins" / KUBERNETES / f"{where}.json"
            if described.exists():
                name = schema_name(version, kind)
                schema = strict_schema(json.loads(described.read_text()), version, kind)
                (folder / name).write_text(json.dumps(schema))
        return folder


def schema_name(version: str, kind: str) -> str:
    """As kubeconform looks for it: `deployment-apps-v1.json`."""
    group, _, number = version.rpartition("/")
    parts = [kind.lower(), group.split(".")[0], number]
    return "-".join(part for part in parts if part) + ".json"


def strict_schema(described: dict[str, Any], version: str, kind: str) -> dict[str, Any]:
    """The kind's schema with all it refers to; fields that it does not know are errors."""
    text = json.dumps(described["components"]["schemas"])
    definitions = json.loads(text.replace("#/components/schemas/", "#/definitions/"))
    for schema in definitions.values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    group, _, number = version.rpartition("/")
    wanted = {"group": group, "version": number, "kind": kind}
    name = next(
        name
        for name, schema in definitions.items()
        if wanted in schema.get("x-kubernetes-group-version-kind", [])
    )
    return {"$ref": f"#/definitions/{name}", "definitions": definitions}


def run(*command: str, env: dict[str, str] | None = None) -> str:
    """What a program prints; the test fails with all it said where it fails."""
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}{done.stderr}"
    return done.stdout
