"""Records that come twice, come again from the very first, or that nobody can understand."""

import asyncio
import random
import signal
import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from evslot.spine.message import Envelope
from evslot.spine.topics import BODY_BYTES, REPLY_PARTITIONS, SERVICES, Topics
from tests.faults.nemesis import Repeated, registered
from tests.faults.rig import Rig
from tests.journeys.test_poison import buried, poisoned_places

PARTITIONS = 8
COPY = "faults-copy"
"""Header of what is no original, so that copies are not copied again."""
EMPTY_SECONDS = 25.0
"""A stopped member leaves its group after 8 s."""
BURIED_SECONDS = 90.0
BURYING_SECONDS = 3.0
"""From a handler's last breakage to a record in the dead topic, at most."""


@registered
class Duplicates(Repeated):
    """F9: every command, event and answer comes one to three times more, some of them late."""

    name = "duplicates"
    every = (0.0, 0.1)
    latest = 3.0
    """Seconds: a late copy overtakes nobody of its own key, but comes after many."""

    async def strike(self, rig: Rig, dice: random.Random) -> None:
        """Until the fault is stopped."""
        copied = await asyncio.to_thread(self._copy_on, rig.system.bootstrap, dice)
        rig.hit(self.name, "records", copies=copied)
        rig.hits[f"{self.name} records"] += copied - 1

    def _copy_on(self, bootstrap: str, dice: random.Random) -> int:
        reader = _reader(bootstrap)
        writer = _writer(bootstrap)
        late: list[tuple[float, Any]] = []
        copied = 0
        while not self._over.is_set():
            record = reader.poll(0.05)
            if record is not None and record.error() is None and not _is_copy(record):
                for _ in range(dice.randint(1, 3)):
                    late.append((time.monotonic() + dice.choice((0.0, dice.random(), 3.0)), record))
            due = [one for at, one in late if at <= time.monotonic()]
            late = [(at, one) for at, one in late if at > time.monotonic()]
            for one in due:
                _again(writer, one)
            copied += len(due)
            writer.poll(0)
        writer.flush(10.0)
        reader.close()
        return copied


@registered
class Replay(Repeated):
    """F9: a service reads all its commands and events again, from the first record on."""

    name = "replay"
    every = (3.0, 6.0)

    async def strike(self, rig: Rig, dice: random.Random) -> None:
        """Offsets change only while nobody reads: its processes stand still until they are out."""
        service = dice.choice(SERVICES)
        processes = [name for name in rig.system.pids() if name.partition("-")[0] == service]
        groups = [Topics().commands(service), f"{Topics().commands(service)}-hears"]
        for name in processes:
            rig.signal(name, signal.SIGSTOP)
        try:
            records = await asyncio.to_thread(_to_the_start, rig.system.bootstrap, groups)
        finally:
            for name in processes:
                rig.signal(name, signal.SIGCONT)
        rig.hit(self.name, service, records=records)
        await self.pause(5.0)


@registered
class Poison(Repeated):
    """F15: bad bytes, unknown types and versions, and records as large as they can be."""

    name = "poison"
    every = (0.2, 0.6)

    def __init__(self) -> None:
        super().__init__()
        self._expected = 0

    async def start(self, rig: Rig, dice: random.Random) -> None:
        self._rig = rig
        self._readers: dict[str, list[str]] = {}
        for service, topic, _ in poisoned_places():
            self._readers.setdefault(topic, []).append(service)
        self._kinds = {topic: kind for _, topic, kind in poisoned_places()}
        self._writer = _writer(rig.system.bootstrap)
        self._before = (await buried(rig.system)).total()
        await super().start(rig, dice)

    async def strike(self, rig: Rig, dice: random.Random) -> None:
        topic = dice.choice([*self._readers, Topics().replies])
        if topic == Topics().replies:
            self._writer.produce(topic, b"\xff\x00", partition=dice.randrange(REPLY_PARTITIONS))
            rig.hit(self.name, topic)
            return
        kind = self._kinds[topic]
        what, value, name, version = dice.choice(
            (
                ("bytes", b"\xff\x00{", kind, kind.VERSION),
                ("large", b"{" + b" " * (BODY_BYTES - 2) + b"[", kind, kind.VERSION),
                ("version", b"{}", kind, 99),
                ("type", b"{}", None, 1),
            )
        )
        type_ = "nobody.Knows" if name is None else f"{topic.partition('-')[0]}.{name.__name__}"
        envelope = Envelope(id=uuid4(), type=type_, version=version, source="poisoner")
        headers: Any = envelope.headers()
        self._writer.produce(topic, value, partition=dice.randrange(PARTITIONS), headers=headers)
        self._writer.poll(0)
        self._expected += len(self._readers[topic])
        rig.hit(self.name, f"{topic} {what}")

    async def stop(self) -> None:
        """All of it is found in the dead topics: nothing was lost, nothing is in the way."""
        await super().stop()
        await asyncio.to_thread(self._writer.flush, 10.0)
        until = time.monotonic() + BURIED_SECONDS
        while (found := await self._buried()) < self._expected:
            if time.monotonic() > until:
                raise AssertionError(f"{found} of {self._expected} poisoned records are buried")
            await asyncio.sleep(0.5)

    async def _buried(self) -> int:
        return (await buried(self._rig.system)).total() - self._before


PLANT = """
create or replace function planted() returns trigger language plpgsql as $$ begin
  if hashtext({what}) % {one_in} = 0 then
    raise exception 'planted';
  end if;
  return new;
end $$;
create trigger planted before insert on {table} for each row execute function planted()"""
UPROOT = "drop trigger if exists planted on {table}; drop function if exists planted()"


@registered
class BrokenHandler(Repeated):
    """F15: a handler breaks on every tenth slot, always; others of its batch do not feel it."""

    name = "broken-handler"
    every = (2.0, 5.0)
    lasts = (5.0, 20.0)
    service, table = "reservation", "reservation"
    what = "new.charger_id::text || lower(new.period)::text"
    one_in = 10

    async def strike(self, rig: Rig, dice: random.Random) -> None:
        plant = PLANT.format(table=self.table, what=self.what, one_in=self.one_in)
        async with rig.system.database(self.service) as connection:
            await connection.execute(plant)
            rig.hit(self.name, self.service)
            try:
                await self.pause(dice.uniform(*self.lasts))
            finally:
                await connection.execute(UPROOT.format(table=self.table))


@registered
class BrokenListener(BrokenHandler):
    """F15: a service breaks on what it hears of every third booking, until a human has mended it.

    Nobody repeats an event: what is buried comes back by the operator's hand, or never.
    """

    name = "broken-listener"
    service, table = "station", "busy"
    what = "new.ref::text"
    one_in = 3

    async def strike(self, rig: Rig, dice: random.Random) -> None:
        await super().strike(rig, dice)
        await asyncio.sleep(BURYING_SECONDS)
        await asyncio.to_thread(rig.system.command, "dead", "replay", self.service, "--everything")


def _reader(bootstrap: str) -> Consumer:
    """Of all that passes from now on."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"faults-{uuid4()}",
            "enable.auto.commit": False,
            "auto.offset.reset": "latest",
        }
    )
    topics = [topic for topic in Topics().table() if not topic.name.endswith("-dead")]
    places = [TopicPartition(t.name, number) for t in topics for number in range(t.partitions)]
    for place in places:
        place.offset = consumer.get_watermark_offsets(place, timeout=10.0)[1]
    consumer.assign(places)
    return consumer


def _writer(bootstrap: str) -> Producer:
    return Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})


def _is_copy(record: Any) -> bool:
    return any(name == COPY for name, _ in record.headers() or ())


def _again(writer: Producer, record: Any) -> None:
    headers = [*(record.headers() or ()), (COPY, b"1")]
    writer.produce(
        record.topic(), record.value(), record.key(), partition=record.partition(), headers=headers
    )


def _to_the_start(bootstrap: str, groups: Sequence[str]) -> int:
    """Waits until nobody is in the groups; answers how many records will be read again."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    read = 0
    until = time.monotonic() + EMPTY_SECONDS
    for group in groups:
        asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
        there = asked[group].result(timeout=10.0).topic_partitions or []
        first = [TopicPartition(at.topic, at.partition, 0) for at in there]
        while first:
            wanted = [ConsumerGroupTopicPartitions(group, first)]
            try:
                admin.alter_consumer_group_offsets(wanted)[group].result(timeout=10.0)
                break
            except KafkaException:  # a member is there still
                if time.monotonic() > until:
                    raise
                time.sleep(0.5)
        read += sum(max(0, at.offset) for at in there)
    return read
