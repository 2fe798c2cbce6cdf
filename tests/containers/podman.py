"""Runs podman with a store of its own, on machines where containers have no cgroups."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

SECONDS = 300
SETTINGS = """\
[containers]
cgroups = "disabled"
default_ulimits = []
[engine]
runtime = "crun"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "{folder}/tmp"
[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"
"""


class PodmanFailed(Exception):
    """The command, its status and what it said."""


class Podman:
    """Images stay in the folder for the next run; containers, volumes and networks never do."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        (folder / "networks").mkdir(exist_ok=True)
        settings = folder / "containers.conf"
        settings.write_text(SETTINGS.format(folder=folder))
        self._environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "CONTAINERS_CONF": str(settings),
            "HOME": str(folder),
            "BUILDAH_ISOLATION": "chroot",
        }
        # Fatal only: each container brings a line about the systemd that is not here.
        self._command = [
            *("podman", "--log-level", "fatal", "--storage-driver", "overlay"),
            *("--root", str(folder / "store"), "--runroot", str(folder / "run")),
        ]

    def __call__(self, *arguments: str, seconds: float = SECONDS) -> str:
        """What the command prints; raises PodmanFailed with what it said."""
        status, said, complained = self.tried(*arguments, seconds=seconds)
        if status != 0:
            raise PodmanFailed(f"podman {' '.join(arguments)}: {status}\n{said}{complained}")
        return said

    def tried(self, *arguments: str, seconds: float = SECONDS) -> tuple[int, str, str]:
        """Exit status, output and errors of a command that may fail."""
        done = subprocess.run(
            [*self._command, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def inspect(self, name: str) -> dict[str, Any]:
        """All that podman knows of a container."""
        found: dict[str, Any] = json.loads(self("inspect", "--type", "container", name))[0]
        return found

    def import_tree(self, tree: Path, image: str) -> None:
        """A folder as an image of one layer."""
        with subprocess.Popen(
            ["tar", "-C", str(tree), "-c", "."], stdout=subprocess.PIPE
        ) as packed:
            subprocess.run(
                [*self._command, "import", "-", image],
                env=self._environment,
                stdin=packed.stdout,
                capture_output=True,
                timeout=SECONDS,
                check=True,
            )

    def remove_all(self) -> None:
        """Containers, volumes and networks of this store, running or not."""
        self("rm", "--all", "--force", "--time", "2", "--volumes")
        self("volume", "rm", "--all", "--force")
        self("network", "prune", "--force")


def need(program: str, package: str) -> str:
    """The path of a program; the test fails with what to install where it is missing."""
    path = shutil.which(program)
    if path is None:
        pytest.fail(f"{program} is missing: install {package}")
    return path
