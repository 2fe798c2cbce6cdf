"""What is true in the end: every table, every topic from its first record, every mail, all logs."""

import asyncio
import base64
import json
import shutil
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import httpx
import msgspec
import psutil
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient
from msgspec import Struct

from evslot import system

KAFKA_SECONDS = 30.0
MAIL_POLL_SECONDS = 1.0
SAMPLE_SECONDS = 2.0

Row = dict[str, Any]
"""A row of a table as PostgreSQL's `to_jsonb` shows it: ranges and bytea are texts."""


class Seen(Protocol):
    """What is looked at: `RunningSystem` is one."""

    folder: Path

    @property
    def bootstrap(self) -> str: ...

    @property
    def mail_url(self) -> str: ...

    def database_url(self, part: str) -> str: ...

    def pids(self) -> dict[str, int]: ...


class Record(Struct, kw_only=True, omit_defaults=True):
    """A record as the broker kept it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    """The broker's, milliseconds since 1970."""
    key: str | None
    headers: dict[str, str]
    value: str
    binary: bool = False
    """Whether `value` is base64, because the record was no UTF-8."""

    @property
    def type(self) -> str:
        return self.headers.get("ce_type", "")

    @property
    def id(self) -> str:
        return self.headers.get("ce_id", "")

    def body(self) -> Any:
        """The JSON of the value; None where it is none."""
        try:
            return None if self.binary else json.loads(self.value)
        except ValueError:
            return None


class Truth:
    """A folder of dumps, read when asked for and kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._tables: dict[tuple[str, str], list[Row]] = {}
        self._topics: dict[str, list[Record]] = {}

    def table(self, part: str, table: str) -> list[Row]:
        """All rows of a table; raises FileNotFoundError where it was not dumped."""
        if (part, table) not in self._tables:
            path = self.folder / "db" / part / f"{table}.jsonl"
            self._tables[part, table] = list(_read_rows(path))
        return self._tables[part, table]

    def topic(self, name: str) -> list[Record]:
        """All records of a topic by partition and offset; raises FileNotFoundError."""
        if name not in self._topics:
            decoder = msgspec.json.Decoder(Record)
            path = self.folder / "topics" / f"{name}.jsonl"
            lines = path.read_bytes().splitlines()
            self._topics[name] = [decoder.decode(line) for line in lines if line]
        return self._topics[name]

    @cached_property
    def topics(self) -> list[str]:
        return sorted(path.stem for path in (self.folder / "topics").glob("*.jsonl"))

    @cached_property
    def groups(self) -> dict[str, list[Row]]:
        """Consumer groups: topic, partition, committed, low and high of each of theirs."""
        path = self.folder / "groups.json"
        found: dict[str, list[Row]] = json.loads(path.read_text()) if path.exists() else {}
        return found

    @cached_property
    def mails(self) -> list[Row]:
        """Every mail that was caught, by number; with `text` where it was read."""
        rows = list(_read_rows(self.folder / "mails.jsonl"))
        return sorted({row["number"]: row for row in rows}.values(), key=lambda row: row["number"])

    @cached_property
    def samples(self) -> list[Row]:
        """t_ns, name, pid, rss, fds, connections, threads of each process, every few seconds."""
        path = self.folder / "samples.jsonl"
        return list(_read_rows(path)) if path.exists() else []

    @cached_property
    def bank(self) -> list[Row]:
        """t_ns, total, payable and lines of the ledger in each look while it ran."""
        path = self.folder / "bank.jsonl"
        return list(_read_rows(path)) if path.exists() else []

    @cached_property
    def about(self) -> Row:
        """What the rig noted: `quiesced` true or false, seconds, what was still open, …"""
        path = self.folder / "about.json"
        found: Row = json.loads(path.read_text()) if path.exists() else {}
        return found

    def logs(self) -> Iterator[Path]:
        yield from sorted((self.folder / "logs").rglob("*.log*"))


def note(folder: Path, about: Mapping[str, Any]) -> None:
    """Add to what is said about a run in `truth/about.json`."""
    path = folder / "truth" / "about.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**Truth(path.parent).about, **about}, indent=1, default=str))


async def collect(seen: Seen, folder: Path) -> Truth:
    """Dump everything into `folder/truth`; call it after heal and quiesce, before stop."""
    target = folder / "truth"
    target.mkdir(parents=True, exist_ok=True)
    for part in system.NAMES:
        await dump_database(seen.database_url(part), target / "db" / part)
    await asyncio.to_thread(dump_topics, seen.bootstrap, target)
    async with mail_client(seen) as client:
        await fetch_mails(client, target / "mails.jsonl", set(), whole=True)
    copy_logs(seen, target)
    return Truth(target)


async def dump_database(url: str, folder: Path) -> None:
    """Every table of a database as of one moment, one row a line; makes the folder."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            for row in await connection.fetch(TABLES):
                table: str = row["relname"]
                # Names come from the catalogue itself, quoted by the server.
                statement = f"select to_jsonb(t)::text from {row['quoted']} t"  # noqa: S608
                with (folder / f"{table}.jsonl").open("w") as file:
                    async for found in connection.cursor(statement):
                        file.write(found[0] + "\n")
    finally:
        await connection.close()


TABLES = """
select c.relname, quote_ident(c.relname) as quoted from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition
order by 1"""


def dump_topics(bootstrap: str, folder: Path) -> None:
    """Every record of every topic, and how far each consumer group has committed."""
    (folder / "topics").mkdir(parents=True, exist_ok=True)
    admin = AdminClient({"bootstrap.servers": bootstrap})
    found = admin.list_topics(timeout=KAFKA_SECONDS).topics
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "proof-reads-all",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": False,
            "isolation.level": "read_committed",
        }
    )
    bounds: dict[tuple[str, int], tuple[int, int]] = {}
    try:
        for name, topic in sorted(found.items()):
            if name.startswith("__"):
                continue
            for partition in topic.partitions:
                place = TopicPartition(name, partition)
                bounds[name, partition] = consumer.get_watermark_offsets(place, KAFKA_SECONDS)
            ends = {p: bounds[name, p] for p in topic.partitions}
            with (folder / "topics" / f"{name}.jsonl").open("wb") as file:
                for record in _records(consumer, name, ends):
                    file.write(msgspec.json.encode(record) + b"\n")
    finally:
        consumer.close()
    (folder / "groups.json").write_text(json.dumps(_groups(admin, bounds), indent=1))


def _records(
    consumer: Consumer, topic: str, bounds: Mapping[int, tuple[int, int]]
) -> Iterable[Record]:
    """In order of partition and offset; TimeoutError where the broker stops giving them."""
    left = {p: high for p, (low, high) in bounds.items() if high > low}
    consumer.assign([TopicPartition(topic, p, bounds[p][0]) for p in left])
    until = time.monotonic() + KAFKA_SECONDS
    records = []
    while left:
        for message in consumer.consume(1000, 0.2):
            if message.error():
                raise RuntimeError(f"{topic}: {message.error()}")
            record = _record(message)
            records.append(record)
            if record.offset + 1 >= left.get(record.partition, 0):
                left.pop(record.partition, None)
            until = time.monotonic() + KAFKA_SECONDS
        if time.monotonic() > until:
            raise TimeoutError(f"{topic}: partitions {sorted(left)} were not read to their ends")
    consumer.unassign()
    return sorted(records, key=lambda record: (record.partition, record.offset))


def _record(message: Any) -> Record:
    value = message.value() or b""
    try:
        text, binary = value.decode(), False
    except UnicodeDecodeError:
        text, binary = base64.b64encode(value).decode(), True
    key = message.key()
    return Record(
        topic=message.topic(),
        partition=message.partition(),
        offset=message.offset(),
        timestamp=message.timestamp()[1],
        key=None if key is None else key.decode(errors="replace"),
        headers={name: (v or b"").decode(errors="replace") for name, v in message.headers() or ()},
        value=text,
        binary=binary,
    )


def _groups(
    admin: AdminClient, bounds: Mapping[tuple[str, int], tuple[int, int]]
) -> dict[str, list[Row]]:
    listed = admin.list_consumer_groups(request_timeout=KAFKA_SECONDS).result(KAFKA_SECONDS)
    groups: dict[str, list[Row]] = {}
    for group in sorted(valid.group_id for valid in listed.valid):
        wanted = [ConsumerGroupTopicPartitions(group)]
        asked = admin.list_consumer_group_offsets(wanted, request_timeout=KAFKA_SECONDS)
        told = asked[group].result(KAFKA_SECONDS)
        groups[group] = [
            {
                "topic": place.topic,
                "partition": place.partition,
                "committed": place.offset,
                "low": bounds[place.topic, place.partition][0],
                "high": bounds[place.topic, place.partition][1],
            }
            for place in told.topic_partitions
            if (place.topic, place.partition) in bounds
        ]
    return groups


@asynccontextmanager
async def mail_client(seen: Seen) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=seen.mail_url, trust_env=False, timeout=10) as client:
        yield client


async def keep_mails(seen: Seen, folder: Path) -> None:
    """Runs beside a run until cancelled: the catcher itself keeps only the last 500 mails."""
    known: set[int] = set()
    target = folder / "truth" / "mails.jsonl"
    target.parent.mkdir(parents=True, exist_ok=True)
    async with mail_client(seen) as client:
        while True:
            with suppress(httpx.TransportError):  # it is killed as well, and keeps its mails
                await fetch_mails(client, target, known)
            await asyncio.sleep(MAIL_POLL_SECONDS)


async def fetch_mails(
    client: httpx.AsyncClient, target: Path, known: set[int], whole: bool = False
) -> None:
    """Append mails not known yet; with their text where they are asked for whole."""
    listed = (await client.get("/api/messages")).json()["messages"]
    with target.open("a") as file:
        for mail in listed:
            if mail["number"] in known:
                continue
            known.add(mail["number"])
            row = (await client.get(f"/api/messages/{mail['number']}")).json() if whole else mail
            file.write(json.dumps(row) + "\n")


def copy_logs(seen: Seen, target: Path) -> None:
    """The logs of all processes as they are now."""
    logs = seen.folder / "logs"
    shutil.copytree(logs, target / "logs", dirs_exist_ok=True)


async def keep_samples(seen: Seen, folder: Path) -> None:
    """Runs beside a run until cancelled: what every process holds, every few seconds."""
    target = folder / "truth" / "samples.jsonl"
    target.parent.mkdir(parents=True, exist_ok=True)
    while True:
        await asyncio.to_thread(sample, seen, target)
        await asyncio.sleep(SAMPLE_SECONDS)


def sample(seen: Seen, target: Path) -> None:
    """One line for each process that is there; who has just been killed is left out."""
    with target.open("a") as file:
        for name, pid in seen.pids().items():
            try:
                process = psutil.Process(pid)
                row = {
                    "t_ns": time.monotonic_ns(),
                    "name": name,
                    "pid": pid,
                    "started": process.create_time(),
                    "rss": process.memory_info().rss,
                    "fds": process.num_fds(),
                    "connections": len(process.net_connections("tcp")),
                    "threads": process.num_threads(),
                }
            except psutil.Error:
                continue
            file.write(json.dumps(row) + "\n")


def _read_rows(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        for line in file:
            yield json.loads(line)
