"""Reading as a member of a consumer group."""

import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from evslot.spine import telemetry
from evslot.spine.failpoints import failpoint
from evslot.spine.kafka.client import COMMON, incoming_of, quiet
from evslot.spine.records import Incoming

log = structlog.get_logger()

BATCH = 500
COMMIT_SECONDS = 0.2
RENEWALS = 3
RENEWAL_SECONDS = 60.0
"""Fenced more often than this within that time, somebody else does have the slot."""
COMMITTED_SECONDS = 40.0
"""To learn the group's offsets: with one more try, of ten, less than `max.poll.interval.ms`."""
AGAIN_SECONDS = 0.2


class Tracker:
    """Offsets of one partition that were handed out, in order; commits stop at the first open."""

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.closed = False
        self._lock = threading.Lock()  # handed out by the poller, done in the event loop
        self._open: dict[int, None] = {}
        self._next: int | None = None
        self._committed: int | None = None

    def handed_out(self, offset: int) -> None:
        with self._lock:
            self._open[offset] = None
            self._next = offset + 1

    def done(self, offset: int) -> None:
        with self._lock:
            self._open.pop(offset, None)

    def to_commit(self) -> int | None:
        """The offset to commit, if it moved since the last time."""
        with self._lock:
            position = next(iter(self._open), self._next)
        if position is None or position == self._committed:
            return None
        return position

    def committed(self, position: int | None) -> None:
        """None: it did not reach the broker."""
        self._committed = position


class Delivery:
    """A record in hand: `done()` lets its offset be committed; `lost` after a revoke."""

    __slots__ = ("_tracker", "arrived", "incoming", "warned")

    def __init__(self, incoming: Incoming, tracker: Tracker) -> None:
        self.incoming = incoming
        self._tracker = tracker
        self.arrived = time.monotonic()
        self.warned = False

    def done(self) -> None:
        self._tracker.done(self.incoming.offset)

    @property
    def lost(self) -> bool:
        return self._tracker.closed


class GroupConsumer:
    """One poller thread of a consumer group; hands batches to the event loop, commits on a timer.

    Classic protocol, static membership, cooperative-sticky: a process that comes back in its slot
    takes its partitions over at once.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        group: str,
        instance: str,
        topics: Sequence[str],
        deliver: Callable[[list[Delivery]], None],
        backlog: Callable[[], int],
        on_gap: Callable[[str, int], None] | None = None,
        on_fatal: Callable[[str], None] | None = None,
    ) -> None:
        """Without a committed offset it begins at the start; a lost one is told to `on_gap`."""
        self._topics = list(topics)
        self._deliver = deliver
        self._backlog = backlog
        self._on_gap = on_gap
        self._on_fatal = on_fatal
        self._trackers: dict[tuple[str, int], Tracker] = {}
        self._running = False
        self._paused = False
        self._renewed_at: deque[float] = deque(maxlen=RENEWALS)
        self.assigned = threading.Event()
        self.last_poll = time.monotonic()
        self.failure: Exception | None = None  # what ended the poller before `stop`
        self._settings = {
            **COMMON,
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "group.instance.id": f"{group}-{instance}",
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": 8000,
            "heartbeat.interval.ms": 1000,
            "max.poll.interval.ms": 60_000,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error" if on_gap else "earliest",
            "isolation.level": "read_committed",
            "check.crcs": True,
            "queued.max.messages.kbytes": 8192,
            "queued.min.messages": 500,
            "fetch.wait.max.ms": 500,
            "fetch.error.backoff.ms": 100,
            "error_cb": quiet,
            "on_commit": self._on_commit,
            "statistics.interval.ms": 5000,
            "stats_cb": _note_lag,
        }

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._join()
        self._running = True
        self._thread = threading.Thread(target=self._poll, name="kafka-consumer", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Stop reading; what is in hand may still be finished and committed by `close`."""
        self._running = False
        await asyncio.to_thread(self._thread.join, 3.0)

    async def close(self) -> None:
        """Commit what is done and leave; the static membership stays for the successor."""
        await asyncio.to_thread(self._commit, True)
        try:
            async with asyncio.timeout(4.0):
                await asyncio.to_thread(self._consumer.close)
        except TimeoutError:
            log.warning("kafka_consumer_close_timed_out")

    def _join(self) -> None:
        self._consumer = Consumer(self._settings)
        self._consumer.subscribe(
            self._topics,
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )

    def _poll(self) -> None:
        try:
            self._read_on()
        except Exception as error:
            log.exception("kafka_consumer_broken")
            self.failure = error

    def _read_on(self) -> None:
        """The client lets one thread in at a time, so commits are made here too."""
        commit_at = 0.0
        while self._running:
            self._pause_or_resume()
            self.last_poll = time.monotonic()
            if self.last_poll >= commit_at:
                commit_at = self.last_poll + COMMIT_SECONDS
                self._commit(False)
            first = self._consumer.poll(0.1)
            if first is None:
                continue
            more = self._consumer.consume(BATCH - 1, 0) if first.error() is None else []
            deliveries = [d for d in map(self._take, [first, *more]) if d is not None]
            if deliveries and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._deliver, deliveries)

    def _take(self, record: Any) -> Delivery | None:
        error = record.error()
        if error is not None:
            self._broken(record, error)
            return None
        where = (record.topic(), record.partition())
        tracker = self._trackers.get(where)
        if tracker is None:
            return None
        tracker.handed_out(record.offset())
        return Delivery(incoming_of(record), tracker)

    def _broken(self, record: Any, error: KafkaError) -> None:
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            topic, partition = record.topic(), record.partition()
            log.error("event_gap", topic=topic, partition=partition, reason=error.str())
            if self._on_gap is not None:
                self._loop.call_soon_threadsafe(self._on_gap, topic, partition)
            # Assigned anew: after this error a seek does not make the client fetch again.
            self._consumer.incremental_unassign([TopicPartition(topic, partition)])
            begin = TopicPartition(topic, partition, OFFSET_BEGINNING)
            self._take_on(self._consumer, [begin])
        elif error.fatal() or error.code() in (KafkaError._FATAL, KafkaError.FENCED_INSTANCE_ID):
            self._join_anew(error.str())
        else:
            telemetry.TROUBLE.labels(kind="kafka").inc()

    def _join_anew(self, reason: str) -> None:
        """A client that was fenced never reads again, so another one takes its place.

        It happens to a process alone in its slot: a join whose answer was lost with the broker
        is repeated, and the first one's member fences the second's. That no other process is in
        the slot is made sure by a lock in the database.
        """
        now = time.monotonic()
        often = len(self._renewed_at) == RENEWALS and now - self._renewed_at[0] < RENEWAL_SECONDS
        self._renewed_at.append(now)
        if often and self._on_fatal is not None:
            self._running = False
            self._loop.call_soon_threadsafe(self._on_fatal, reason)
            return
        log.warning("kafka_consumer_renewed", reason=reason)
        telemetry.TROUBLE.labels(kind="kafka_fenced").inc()
        for tracker in self._trackers.values():
            tracker.closed = True
        self._trackers.clear()
        self.assigned.clear()
        try:
            self._consumer.close()
        except (KafkaException, RuntimeError) as error:
            log.info("fenced_consumer_not_closed", reason=str(error))
        self._join()

    def _pause_or_resume(self) -> None:
        """A full lane pauses every partition; polling goes on, so the membership lives."""
        backlog = self._backlog()
        partitions = [TopicPartition(*where) for where in self._trackers]
        if not self._paused and backlog >= 2 * BATCH:
            self._consumer.pause(partitions)
            self._paused = True
        elif self._paused and backlog < BATCH:
            self._consumer.resume(partitions)
            self._paused = False

    def _on_assign(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        begin = [
            TopicPartition(p.topic, p.partition, p.offset if p.offset >= 0 else OFFSET_BEGINNING)
            for p in _committed_before(consumer, partitions)
        ]
        for partition in begin:
            where = (partition.topic, partition.partition)
            self._trackers[where] = Tracker(*where)
        self._take_on(consumer, begin)
        self.assigned.set()

    def _take_on(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        """New ones wait too while the lane is full, and only then.

        The client keeps a pause through a rebalance, even of a partition that goes and comes back:
        forgotten here, it would last for ever.
        """
        consumer.incremental_assign(partitions)
        if self._paused:
            consumer.pause(partitions)
        else:
            consumer.resume(partitions)

    def _on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        """One that failed on its way is made again with the next."""
        for partition in partitions:
            tracker = self._trackers.get((partition.topic, partition.partition))
            if tracker is not None and (error is not None or partition.error is not None):
                tracker.committed(None)

    def _on_revoke(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        self._commit(True, {(p.topic, p.partition) for p in partitions})
        self._on_lost(consumer, partitions)

    def _on_lost(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            tracker = self._trackers.pop((partition.topic, partition.partition), None)
            if tracker is not None:
                tracker.closed = True
        consumer.incremental_unassign(partitions)

    def _commit(self, wait: bool, only: set[tuple[str, int]] | None = None) -> None:
        moved = [
            (tracker, position)
            for where, tracker in list(self._trackers.items())
            if (only is None or where in only) and (position := tracker.to_commit()) is not None
        ]
        if not moved:
            return
        offsets = [TopicPartition(t.topic, t.partition, position) for t, position in moved]
        failpoint("offsets.before_commit")
        try:
            commit: Any = self._consumer.commit  # its overloads know no plain bool
            commit(offsets=offsets, asynchronous=not wait)
        except (KafkaException, RuntimeError) as error:
            # A rebalance under way, or a broker away: the inbox makes a second reading harmless.
            log.info("offsets_not_committed", reason=str(error))
            return
        failpoint("offsets.after_commit")
        for tracker, position in moved:
            tracker.committed(position)


def _committed_before(consumer: Any, partitions: list[TopicPartition]) -> list[TopicPartition]:
    """Asked for here, and until there is an answer: a guess would be a silent jump, or a false gap.

    Left to the client, one answer of a coordinator that moves or still loads ("not coordinator")
    is the end: it never asks again, and the partition is held and not read
    (confluentinc/librdkafka#5586).
    """
    until = time.monotonic() + COMMITTED_SECONDS
    while True:
        try:
            found: list[TopicPartition] = consumer.committed(partitions, timeout=10.0)
            for partition in found:
                if partition.error is not None:
                    raise KafkaException(partition.error)
        except KafkaException as error:
            if time.monotonic() > until:
                raise
            log.warning("offsets_not_known", reason=str(error))
            time.sleep(AGAIN_SECONDS)
        else:
            return found


def _note_lag(statistics: str) -> None:
    """Records not read yet, as the client knows them; called by the poller now and then."""
    for topic, known in json.loads(statistics)["topics"].items():
        for number, partition in known["partitions"].items():
            if partition.get("consumer_lag", -1) >= 0:
                telemetry.CONSUMER_LAG.labels(topic=topic, partition=number).set(
                    partition["consumer_lag"]
                )
