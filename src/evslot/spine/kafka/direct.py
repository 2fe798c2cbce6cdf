"""Reading partitions assigned by hand: answers to this process, and the stream of all events."""

import asyncio
import random
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
import structlog
from confluent_kafka import Consumer, TopicPartition

from evslot.spine import telemetry
from evslot.spine.kafka.client import COMMON, BrokerUnavailable, incoming_of, quiet, reaching
from evslot.spine.message import Answer
from evslot.spine.records import Headers, Incoming

log = structlog.get_logger()

EVENTS_WAITING = 10_000
"""Records of the event feed in memory; a reader slower than that stops the polling."""


class _Reader:
    """A consumer of hand-assigned partitions on a thread of its own; it commits nothing."""

    def __init__(self, bootstrap: str, name: str) -> None:
        self.bootstrap = bootstrap
        self._consumer = Consumer(
            {
                **COMMON,
                "bootstrap.servers": bootstrap,
                "group.id": name,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "latest",
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 500,
                "fetch.error.backoff.ms": 100,
                "queued.max.messages.kbytes": 8192,
                "error_cb": quiet,
            }
        )
        self._running = False
        self._thread: threading.Thread | None = None
        self.last_poll = time.monotonic()

    def begin(
        self,
        partitions: list[TopicPartition],
        deliver: Callable[[list[Incoming]], None],
        room: Callable[[], bool] = lambda: True,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._consumer.assign(partitions)
        self._running = True

        def poll() -> None:
            while self._running:
                self.last_poll = time.monotonic()
                if not room():
                    time.sleep(0.05)
                    continue
                first = self._consumer.poll(0.1)
                if first is None:
                    continue
                records = [first, *self._consumer.consume(499, 0)]
                good = [incoming_of(record) for record in records if record.error() is None]
                if good and not loop.is_closed():
                    loop.call_soon_threadsafe(deliver, good)

        self._thread = threading.Thread(target=poll, name="kafka-direct", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        self._running = False
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, 2.0)
        await asyncio.to_thread(self._consumer.close)

    def ends(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """The partitions at their resolved high watermarks; blocks, raises KafkaException."""
        resolved = []
        for partition in partitions:
            _, high = self._consumer.get_watermark_offsets(partition, timeout=10.0)
            resolved.append(TopicPartition(partition.topic, partition.partition, high))
        return resolved

    def since(self, partitions: list[TopicPartition], millis: int) -> list[TopicPartition]:
        """The first offsets at or after a time; the end where nothing is as young."""
        young = self.young(partitions, millis)
        there = {(p.topic, p.partition) for p in young}
        old = [p for p in partitions if (p.topic, p.partition) not in there]
        return young + self.ends(old)

    def young(self, partitions: list[TopicPartition], millis: int) -> list[TopicPartition]:
        """The first offsets at or after a time, of those partitions that have any."""
        asked = [TopicPartition(p.topic, p.partition, millis) for p in partitions]
        found = self._consumer.offsets_for_times(asked, timeout=10.0)
        return [p for p in found if p.offset >= 0]

    def partitions_of(self, topic: str) -> list[TopicPartition]:
        there = self._consumer.list_topics(topic, timeout=10.0).topics[topic]
        if there.error is not None:
            raise BrokerUnavailable(there.error.str())
        return [TopicPartition(topic, number) for number in there.partitions]


class ReplyInbox:
    """Reads one partition of the replies topic and hands answers to who waits for them.

    The partition is chosen at random (a collision costs only reads), assigned by hand at its
    resolved high watermark, and only then is this ready: a lazy "end" loses the first answers.
    """

    def __init__(self, bootstrap: str, topic: str, partition: int | None = None) -> None:
        self._reader = _Reader(bootstrap, "evslot-replies")
        self._topic = topic
        self.partition = partition if partition is not None else -1
        self._waiting: dict[str, asyncio.Future[tuple[Answer, Headers]]] = {}

    async def start(self) -> None:
        """Raises BrokerUnavailable where Kafka or the topic is not there."""

        def resolve() -> list[TopicPartition]:
            partitions = self._reader.partitions_of(self._topic)
            if self.partition < 0:
                self.partition = random.choice(partitions).partition
            return self._reader.ends([TopicPartition(self._topic, self.partition)])

        with reaching(self._reader.bootstrap):
            assigned = await asyncio.to_thread(resolve)
        self._reader.begin(assigned, self._deliver)

    async def stop(self) -> None:
        await self._reader.stop()

    @property
    def last_poll(self) -> float:
        """When the poller was last seen alive, on the monotonic clock."""
        return self._reader.last_poll

    def expect(self, correlation_id: str) -> asyncio.Future[tuple[Answer, Headers]]:
        """Call before the question is published; call `forget` in the end."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting[correlation_id] = waiting
        return waiting

    def forget(self, correlation_id: str) -> None:
        self._waiting.pop(correlation_id, None)

    def _deliver(self, records: list[Incoming]) -> None:
        for record in records:
            waiting = self._waiting.get(record.header("correlation_id") or "")
            if waiting is None or waiting.done():
                continue  # for another gateway on this partition, or nobody waits any more
            try:
                answer = msgspec.json.decode(record.value, type=Answer)
            except msgspec.MsgspecError:
                log.error("answer_not_understood", offset=record.offset)
                telemetry.TROUBLE.labels(kind="bad_answer").inc()
                continue
            waiting.set_result((answer, record.headers))


class EventFeed:
    """All event records of all partitions, from some time back on."""

    def __init__(self, bootstrap: str, topics: Sequence[str], *, back_seconds: float) -> None:
        self._reader = _Reader(bootstrap, "evslot-event-feed")
        self._topics = list(topics)
        self._back_seconds = back_seconds
        self._records: asyncio.Queue[Incoming] = asyncio.Queue()
        self._past: dict[tuple[str, int], int] = {}
        self.started_at: dict[tuple[str, int], int] = {}
        """The first offset of each partition that this feed can have."""

    async def start(self) -> None:
        """Raises BrokerUnavailable where Kafka or a topic is not there."""

        def resolve() -> tuple[list[TopicPartition], list[TopicPartition]]:
            partitions = [p for topic in self._topics for p in self._reader.partitions_of(topic)]
            since = int((time.time() - self._back_seconds) * 1000)
            return self._reader.since(partitions, since), self._reader.ends(partitions)

        with reaching(self._reader.bootstrap):
            assigned, ends = await asyncio.to_thread(resolve)
        self.started_at = {(p.topic, p.partition): p.offset for p in assigned}
        self._past = {
            (p.topic, p.partition): p.offset
            for p in ends
            if p.offset > self.started_at[p.topic, p.partition]
        }
        self._reader.begin(assigned, self._deliver, lambda: self._records.qsize() < EVENTS_WAITING)

    async def stop(self) -> None:
        await self._reader.stop()

    @property
    def last_poll(self) -> float:
        """When the poller was last seen alive, on the monotonic clock."""
        return self._reader.last_poll

    def __aiter__(self) -> AsyncIterator[Incoming]:
        return self

    async def __anext__(self) -> Incoming:
        record = await self._records.get()
        if self._past and record.offset + 1 >= self._past.get(
            (record.topic, record.partition), record.offset + 2
        ):
            del self._past[record.topic, record.partition]
        return record

    @property
    def has_read_past(self) -> bool:
        """Whether what was there at the start has all been taken; what comes since does not count.

        Waiting for a quiet moment would never end under load.
        """
        return not self._past

    def _deliver(self, records: list[Incoming]) -> None:
        for record in records:
            self._records.put_nowait(record)


Span = tuple[datetime, datetime]


def read_spans(
    bootstrap: str, topics: Sequence[str], spans: Sequence[Span], *, most: int, seconds: float
) -> tuple[list[Incoming], bool]:
    """What was appended in each of some spans of time, and whether that is all of it; blocks.

    At most `most` records within about `seconds`; raises BrokerUnavailable.
    """
    reader = _Reader(bootstrap, "evslot-looking-back")
    until = time.monotonic() + seconds
    found: list[Incoming] = []
    whole = True
    try:
        with reaching(bootstrap):
            partitions = [p for topic in topics for p in reader.partitions_of(topic)]
            for begin, end in spans:
                starts = reader.young(partitions, _millis(begin))
                left = _taken_before(reader, starts, _millis(end))
                whole = _read_into(found, reader, left, most, until) and whole
    finally:
        reader._consumer.close()
    return found, whole


def _millis(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def _taken_before(
    reader: _Reader, starts: list[TopicPartition], millis: int
) -> dict[tuple[str, int], tuple[int, int]]:
    """Of each partition that has something: the first offset, and the one after the last."""
    ends = {(p.topic, p.partition): p.offset for p in reader.since(starts, millis)}
    spans = {(p.topic, p.partition): (p.offset, ends[p.topic, p.partition]) for p in starts}
    return {where: (first, end) for where, (first, end) in spans.items() if first < end}


def _read_into(
    found: list[Incoming],
    reader: _Reader,
    left: dict[tuple[str, int], tuple[int, int]],
    most: int,
    until: float,
) -> bool:
    """Whether all was read before there were too many or it took too long."""
    consumer: Any = reader._consumer
    consumer.assign([TopicPartition(*where, first) for where, (first, _) in left.items()])
    while left and len(found) < most and time.monotonic() < until:
        for record in consumer.consume(500, 0.1):
            if record.error() is not None:
                continue
            where = (record.topic(), record.partition())
            _, end = left.get(where, (0, 0))
            if record.offset() < end:
                found.append(incoming_of(record))
            if record.offset() + 1 >= end:
                left.pop(where, None)
    return not left


def read_all(bootstrap: str, topics: Sequence[str], *, seconds: float = 10.0) -> list[Incoming]:
    """Every record that the topics hold now, for inspection; blocks, raises BrokerUnavailable."""
    with reaching(bootstrap):
        return _read_all(_Reader(bootstrap, "evslot-inspection"), topics, seconds)


def _read_all(reader: _Reader, topics: Sequence[str], seconds: float) -> list[Incoming]:
    consumer: Any = reader._consumer
    try:
        left = {}
        starts = []
        for partition in [p for topic in topics for p in reader.partitions_of(topic)]:
            low, high = consumer.get_watermark_offsets(partition, timeout=10.0)
            if high > low:
                left[partition.topic, partition.partition] = high
                starts.append(TopicPartition(partition.topic, partition.partition, low))
        consumer.assign(starts)
        found: list[Incoming] = []
        until = time.monotonic() + seconds
        while left and time.monotonic() < until:
            for record in consumer.consume(500, 0.5):
                if record.error() is None:
                    found.append(incoming_of(record))
                    where = (record.topic(), record.partition())
                    if record.offset() + 1 >= left.get(where, 0):
                        left.pop(where, None)
        return found
    finally:
        consumer.close()
