"""A real Apache Kafka broker in the data folder: its libraries, its settings and its process."""

import asyncio
import base64
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import uuid
from collections.abc import Sequence
from pathlib import Path

from evslot.embedded import kafka_probe
from evslot.embedded.jars import KAFKA_VERSION, Progress, ensure_jars
from evslot.embedded.java import Java, find_java
from evslot.embedded.ports import LOOPBACK, PortTaken, ensure_port_free, free_port
from evslot.embedded.supervisor import Process

NODE_ID = 1
MESSAGE_MAX_BYTES = 256 * 1024

# One node: every replication factor is 1. Threads, partitions of the inner topics and the
# cleaner's buffer are small, because they are what an idle broker's memory consists of.
SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": str(NODE_ID),
    "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "BROKER",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "unclean.leader.election.enable": "false",
    "message.max.bytes": str(MESSAGE_MAX_BYTES),
    "socket.request.max.bytes": str(16 * 1024 * 1024),
    "log.message.timestamp.type": "LogAppendTime",
    "log.retention.hours": "168",
    "log.segment.bytes": str(128 * 1024 * 1024),
    "log.index.size.max.bytes": str(1024 * 1024),
    "log.cleaner.dedupe.buffer.size": str(4 * 1024 * 1024),
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "offsets.retention.minutes": str(14 * 24 * 60),
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "group.coordinator.threads": "1",
    # A killed broker may register again only when its former self has lapsed: not 9 s later.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
}

# The first-stage compiler alone: the broker serves after 2 s instead of 5 s and costs a third of
# the processor time of its start; steady work costs half as much again (EVSLOT_KAFKA_JAVA_OPTIONS
# with -XX:TieredStopAtLevel=4 turns the second stage on).
JAVA_OPTIONS = (
    "-Xms64m",
    "-Xmx384m",
    "-Xmn64m",  # a young collection stops all for 10 ms, however much it finds: rarely
    "-Xss512k",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:MaxDirectMemorySize=128m",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",
    "-Djava.awt.headless=true",
    "-Dlog4j.shutdownHookEnabled=false",
)
# Newer Javas warn of what Kafka's libraries do on purpose.
JAVA_24_OPTIONS = ("--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED")

# Names of files are read by the locale: in the plain one, Java finds no folder beyond ASCII.
ENVIRONMENT = {"LC_ALL": "C.UTF-8"}

LOGGING = """\
status = error
shutdownHook = disable
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %m (%c)%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""


class KafkaUnavailable(Exception):
    """The broker's storage could not be made; the message says why."""


class EmbeddedKafka:
    """One node, broker and controller in one process, on the loopback interface."""

    def __init__(
        self,
        data_dir: Path,
        port: int,
        *,
        cache_dir: Path,
        advertised_port: int | None = None,
        java_override: str | None = None,
        java_options: Sequence[str] = (),
        progress: Progress = lambda line: None,
    ) -> None:
        """`progress` hears how far the libraries are, on a first start only."""
        self.port = port
        self.bootstrap = f"{LOOPBACK}:{port}"
        data_dir = data_dir.absolute()
        self._home = data_dir / "kafka"
        self._data = self._home / "data"
        self._log_file = data_dir / "logs" / "kafka.log"
        self._advertised = f"{LOOPBACK}:{advertised_port or port}"
        self._cache = cache_dir.expanduser().absolute()
        self._java_override = java_override
        self._java_options = tuple(java_options)
        self._progress = progress

    async def prepare(self) -> None:
        """Fetch what is missing, format the storage once, write the settings."""
        cancel = threading.Event()
        try:
            await asyncio.to_thread(self._prepare, cancel)
        except asyncio.CancelledError:
            cancel.set()
            raise

    def process(self, depends_on: Sequence[str] = ()) -> Process:
        """The broker as a child that the supervisor owns; `prepare` must have run before."""
        return Process(
            name="kafka",
            # The program's path is known only after `prepare`, hence the link in the folder.
            argv=[str(self._home / "java"), f"@{self._home / 'arguments'}"],
            log_file=self._log_file,
            env=ENVIRONMENT,
            ready=self.ready,
            depends_on=depends_on,
            ready_timeout=60.0,
            stop_signal=signal.SIGTERM,
            stop_timeout=5.0,
        )

    async def ready(self) -> bool:
        """True when producers and consumer groups are served."""
        return await kafka_probe.answers(LOOPBACK, self.port)

    def _prepare(self, cancel: threading.Event) -> None:
        _refuse_comma(self._home.parent, "EVSLOT_DATA_DIR")
        _refuse_comma(self._cache, "EVSLOT_CACHE_DIR")
        java = find_java(self._java_override)
        jars = ensure_jars(self._cache, self._progress, cancel)
        self._home.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self._home / "log4j2.properties").write_text(LOGGING)
        self._write_settings()
        self._write_arguments(java, jars)
        if not (self._data / "meta.properties").exists():
            self._format(java, jars)

    def _write_settings(self) -> None:
        # The controller's port is known to this process only and may change with every start.
        controller = _controller_port(self.port)
        settings = SETTINGS | {
            "listeners": f"BROKER://{self.bootstrap},CONTROLLER://{LOOPBACK}:{controller}",
            "advertised.listeners": f"BROKER://{self._advertised}",
            "controller.quorum.voters": f"{NODE_ID}@{LOOPBACK}:{controller}",
            "log.dirs": str(self._data),
        }
        (self._home / "server.properties").write_text(_properties(settings))

    def _write_arguments(self, java: Java, jars: Sequence[Path]) -> None:
        options = [*JAVA_OPTIONS, *(JAVA_24_OPTIONS if java.major >= 24 else ())]
        arguments = [
            *options,
            *self._java_options,
            f"-Dlog4j2.configurationFile={self._home / 'log4j2.properties'}",
            "-cp",
            os.pathsep.join(map(str, jars)),
            "kafka.Kafka",
            str(self._home / "server.properties"),
        ]
        (self._home / "arguments").write_text("\n".join(map(_quoted, arguments)) + "\n")
        launcher = self._home / "java"
        launcher.write_text(f'#!/bin/sh\nexec {_shell_quoted(str(java.program))} "$@"\n')
        launcher.chmod(0o700)

    def _format(self, java: Java, jars: Sequence[Path]) -> None:
        """Give the storage its identity; the first record of a new cluster is always the same.

        Kafka's own tool makes that record once per cache (it costs a Java start), later folders
        get a copy. `meta.properties` is written last: it marks the folder as formatted.
        """
        record = self._cache / f"kafka-{KAFKA_VERSION}-bootstrap.checkpoint"
        if not record.exists():
            _make_first_record(java, jars, record)
        self._data.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self._data / "bootstrap.checkpoint").write_bytes(record.read_bytes())
        identity = {
            "version": "1",
            "cluster.id": _kafka_uuid(),
            "directory.id": _kafka_uuid(),
            "node.id": str(NODE_ID),
        }
        fresh = self._home / "meta.properties.new"
        fresh.write_text(_properties(identity))
        fresh.replace(self._data / "meta.properties")


def _refuse_comma(folder: Path, setting: str) -> None:
    """Kafka takes a comma for the end of one folder and the beginning of the next."""
    if "," in str(folder):
        raise KafkaUnavailable(
            f"Kafka cannot use {folder}, because of the comma: set {setting} to a folder without"
        )


def _make_first_record(java: Java, jars: Sequence[Path], record: Path) -> None:
    with tempfile.TemporaryDirectory(dir=record.parent) as name:
        folder = Path(name)
        settings = SETTINGS | {
            "listeners": f"BROKER://{LOOPBACK}:9092,CONTROLLER://{LOOPBACK}:9093",
            "controller.quorum.voters": f"{NODE_ID}@{LOOPBACK}:9093",
            "log.dirs": str(folder / "data"),
        }
        (folder / "server.properties").write_text(_properties(settings))
        (folder / "log4j2.properties").write_text(LOGGING)
        command = [
            *(str(java.program), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
            f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}",
            *("-cp", os.pathsep.join(map(str, jars)), "kafka.tools.StorageTool", "format"),
            *("-t", _kafka_uuid(), "-c", str(folder / "server.properties")),
        ]
        done = subprocess.run(
            command,
            env={**os.environ, **ENVIRONMENT},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        made = folder / "data" / "bootstrap.checkpoint"
        if done.returncode != 0 or not made.exists():
            raise KafkaUnavailable(f"formatting the storage failed:\n{done.stdout}{done.stderr}")
        made.replace(record)


def _controller_port(port: int) -> int:
    """The next port where it is free; it is nobody's business, so any other will do."""
    try:
        ensure_port_free(port + 1, "")
    except (PortTaken, OverflowError):
        return free_port()
    return port + 1


def _kafka_uuid() -> str:
    """16 random bytes as Kafka writes them: base64url without padding, no leading dash."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text


def _properties(settings: dict[str, str]) -> str:
    """As Java reads it, in Latin-1: backslashes and letters beyond ASCII are escaped as in JSON."""
    return "".join(f"{key}={json.dumps(value)[1:-1]}\n" for key, value in settings.items())


def _quoted(argument: str) -> str:
    """As a Java argument file wants it: quotes around, backslashes and quotes escaped."""
    return '"' + re.sub(r'(["\\])', r"\\\1", argument) + '"'


def _shell_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
