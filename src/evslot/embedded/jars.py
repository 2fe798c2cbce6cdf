"""Keeps the pinned Java libraries of the broker in a cache folder, checked by their SHA-256."""

import fcntl
import hashlib
import json
import queue
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOCK_FILE = Path(__file__).with_name("kafka-jars.lock")
KAFKA_VERSION = "4.3.1"
# Resolved one by one: in one resolution log4j's own list of versions would decide over Kafka's,
# and the broker would get a kafka-clients that it cannot start with.
ROOTS = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",
)
PARALLEL_DOWNLOADS = 8
TRIES = 3
TIMEOUT_SECONDS = 60
LOOK_SECONDS = 0.1  # between looks whether the start was given up

Progress = Callable[[str], None]  # a line for who waits


class JarsUnavailable(Exception):
    """A library could be neither found nor downloaded, or nobody waits for it any more."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One pinned library: its Maven coordinates and what its bytes must hash to."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def name(self) -> str:
        """The coordinates as Maven writes them."""
        return f"{self.group}:{self.artifact}:{self.version}"


def ensure_jars(
    cache: Path,
    progress: Progress = lambda line: None,
    cancel: threading.Event | None = None,
) -> list[Path]:
    """The class path, downloaded when the cache lacks it; a second call asks no network."""
    text = LOCK_FILE.read_text()
    manifest = cache / f"kafka-jars-{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
    known = _read_manifest(manifest)
    if known is not None:
        return known
    cancel = cancel or threading.Event()
    cache.mkdir(parents=True, exist_ok=True)
    with _alone(cache / "kafka-jars.busy", progress, cancel):
        known = _read_manifest(manifest)
        if known is None:
            jars = read_lock(text)
            known = _download_all(jars, cache / "maven", progress, cancel)
            sizes = {str(path): path.stat().st_size for path in known}
            manifest.with_suffix(".new").write_text(json.dumps(sizes, indent=1))
            manifest.with_suffix(".new").replace(manifest)
    return known


def read_lock(text: str) -> list[Jar]:
    """Parse lines of `group:artifact:version sha256`; `#` begins a comment."""
    jars = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, sha256 = line.split()
            group, artifact, version = name.split(":")
            jars.append(Jar(group, artifact, version, sha256))
    return jars


def resolve_lock() -> str:
    """Resolve the roots anew and write down what came: for raising a version."""
    lines: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        for root in ROOTS:
            context = _maven(Path(folder))
            inputs, others = context.resolver.resolve([context.create_dependency(root)])
            for artifact in (dependency.artifact for dependency in inputs + others):
                name = f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}"
                lines[name] = f"{name} {_sha256(Path(artifact.resolve()))}"
    head = "# Made by `python -m evslot.embedded.jars`: the broker's class path, with SHA-256.\n"
    return head + "\n".join(lines.values()) + "\n"


def _read_manifest(manifest: Path) -> list[Path] | None:
    """The class path of an earlier download, unless a file is gone or cut, the list among them."""
    try:
        sizes: dict[str, int] = json.loads(manifest.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    paths = [Path(path) for path in sizes]
    whole = all(p.is_file() and p.stat().st_size == sizes[str(p)] for p in paths)
    return paths if whole else None


@contextmanager
def _alone(busy: Path, progress: Progress, cancel: threading.Event) -> Iterator[None]:
    """Two starts at once share one download: the second waits, and says so."""
    with busy.open("w") as file:
        told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    progress("another start downloads the libraries; waiting for it")
                told = True
                if cancel.wait(LOOK_SECONDS):
                    raise JarsUnavailable("the download was given up") from None
        yield


def _download_all(
    jars: Sequence[Jar], repository: Path, progress: Progress, cancel: threading.Event
) -> list[Path]:
    """In threads that nobody waits for at the end: a read may hang for a minute."""
    waiting: queue.SimpleQueue[Jar] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[Jar, Path | Exception]] = queue.SimpleQueue()
    for jar in jars:
        waiting.put(jar)
    for _ in range(PARALLEL_DOWNLOADS):
        work = (waiting, done, repository, cancel)
        threading.Thread(target=_download_waiting, args=work, daemon=True).start()
    paths: dict[Jar, Path] = {}
    while len(paths) < len(jars):
        if len(paths) % 5 == 0:
            progress(f"{len(paths)} of {len(jars)} libraries are here")
        jar, got = _next(done, cancel)
        if isinstance(got, Exception):
            cancel.set()  # one failed download ends the others before they begin
            raise got
        paths[jar] = got
    progress("all libraries are here")
    return [paths[jar] for jar in jars]


def _next(
    done: "queue.SimpleQueue[tuple[Jar, Path | Exception]]", cancel: threading.Event
) -> tuple[Jar, Path | Exception]:
    while not cancel.is_set():
        try:
            return done.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            continue
    raise JarsUnavailable("the download was given up")


def _download_waiting(
    waiting: "queue.SimpleQueue[Jar]",
    done: "queue.SimpleQueue[tuple[Jar, Path | Exception]]",
    repository: Path,
    cancel: threading.Event,
) -> None:
    while not cancel.is_set():
        try:
            jar = waiting.get_nowait()
        except queue.Empty:
            return
        try:
            done.put((jar, _download(jar, repository, cancel)))
        except Exception as failed:
            done.put((jar, failed))


def _download(jar: Jar, repository: Path, cancel: threading.Event) -> Path:
    """Fetch one library; what is damaged or broken off is fetched again, TRIES times at most."""
    problem: Exception | None = None
    for _ in range(TRIES):
        if cancel.is_set():
            raise JarsUnavailable("the download was given up")
        version = _maven(repository).project(jar.group, jar.artifact).at_version(jar.version)
        artifact = version.artifact()
        kept = Path(artifact.cached_path)
        if kept.is_file() and _sha256(kept) == jar.sha256:
            return kept
        kept.unlink(missing_ok=True)  # what was broken off would be taken for the whole
        try:
            path = Path(artifact.resolve())
        except (OSError, RuntimeError, AssertionError) as failed:
            problem = failed  # no network, or not answered with the file
            continue
        if _sha256(path) == jar.sha256:
            return path
        problem = ValueError("its SHA-256 differs from the pinned one")
    raise JarsUnavailable(f"{jar.name} could not be downloaded: {problem}") from problem


def _maven(repository: Path) -> Any:
    # Imported late: a start with a full cache needs neither jgo nor its HTTP client in memory.
    from jgo.maven import MavenContext

    return MavenContext(repo_cache=repository, timeout=TIMEOUT_SECONDS)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    sys.stdout.write(resolve_lock())
