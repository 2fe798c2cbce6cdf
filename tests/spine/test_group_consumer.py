"""Reading and writing real Kafka: offsets, takeover, the start, gaps, replies from the first on."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from evslot.spine.kafka import (
    Delivery,
    GroupConsumer,
    Producer,
    ReplyInbox,
    make_topics,
    read_all,
)
from evslot.spine.kafka import consumer as kafka_consumer
from evslot.spine.message import Answer
from evslot.spine.topics import Topic

pytestmark = pytest.mark.anyio


@pytest.fixture
def topic(kafka_bootstrap: str) -> str:
    """A fresh topic of one partition."""
    return topic_of(kafka_bootstrap, 1)


def topic_of(bootstrap: str, partitions: int) -> str:
    name = f"reading-{uuid4().hex[:8]}"
    table = Topic(name=name, partitions=partitions, retention_ms=600_000, carries="", written_by="")
    make_topics(bootstrap, [table])
    return name


@asynccontextmanager
async def producing(bootstrap: str) -> AsyncIterator[Producer]:
    producer = Producer(bootstrap, delivery_seconds=10.0)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def write(bootstrap: str, topic: str, count: int) -> None:
    async with producing(bootstrap) as producer:
        for n in range(count):
            await producer.publish(topic, "k", str(n).encode(), [])


class Desk:
    """A group's member, and what it was handed."""

    def __init__(
        self, bootstrap: str, topic: str, *, tells_gaps: bool = False, slot: int = 0
    ) -> None:
        self.taken: list[Delivery] = []
        self.gaps: list[tuple[str, int]] = []
        self.waiting = 0
        self.consumer = GroupConsumer(
            bootstrap,
            group=f"{topic}-group",
            instance=str(slot),
            topics=[topic],
            deliver=self.taken.extend,
            backlog=lambda: self.waiting,
            on_gap=self._note if tells_gaps else None,
        )

    async def __aenter__(self) -> "Desk":
        await self.consumer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.consumer.stop()
        await self.consumer.close()

    @property
    def values(self) -> list[int]:
        return [int(delivery.incoming.value) for delivery in self.taken]

    def _note(self, topic: str, partition: int) -> None:
        self.gaps.append((topic, partition))

    async def has(self, count: int) -> None:
        await until(lambda: len(self.taken) >= count, f"{count} records")


async def until(true: Callable[[], bool], what: str, seconds: float = 15.0) -> None:
    for _ in range(int(seconds / 0.02)):
        if true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"no {what} within {seconds} s")


def committed(bootstrap: str, topic: str) -> int:
    """The group's offset; negative where there is none."""
    looking = Consumer({"bootstrap.servers": bootstrap, "group.id": f"{topic}-group"})
    try:
        (found,) = looking.committed([TopicPartition(topic, 0)], timeout=10.0)
        return int(found.offset)
    finally:
        looking.close()


async def test_an_offset_is_committed_only_when_all_before_it_is_done(
    kafka_bootstrap: str, topic: str
) -> None:
    await write(kafka_bootstrap, topic, 10)
    async with Desk(kafka_bootstrap, topic) as desk:
        await desk.has(10)
        await asyncio.sleep(0.5)
        nothing_done = committed(kafka_bootstrap, topic)
        for place in (0, 1, 3, 4):
            desk.taken[place].done()
        await asyncio.sleep(0.6)
        up_to_the_open_one = committed(kafka_bootstrap, topic)
        for delivery in desk.taken:
            delivery.done()
        await asyncio.sleep(0.6)
        all_done = committed(kafka_bootstrap, topic)

    assert nothing_done <= 0
    assert (up_to_the_open_one, all_done) == (2, 10)


async def test_what_is_done_at_the_very_end_is_committed_and_the_rest_is_read_again(
    kafka_bootstrap: str, topic: str
) -> None:
    await write(kafka_bootstrap, topic, 4)
    async with Desk(kafka_bootstrap, topic) as first:
        await first.has(4)
        await first.consumer.stop()
        for delivery in first.taken[:3]:
            delivery.done()
    async with Desk(kafka_bootstrap, topic) as second:
        await second.has(1)

    assert second.values == [3]


async def test_a_full_desk_is_not_handed_more_until_it_has_room(
    kafka_bootstrap: str, topic: str
) -> None:
    async with Desk(kafka_bootstrap, topic) as desk:
        await until(desk.consumer.assigned.is_set, "assignment")
        desk.waiting = 1000
        await asyncio.sleep(0.3)
        await write(kafka_bootstrap, topic, 5)
        await asyncio.sleep(0.7)
        assert desk.values == []
        desk.waiting = 0
        await desk.has(5)

    assert desk.values == list(range(5))


async def test_a_full_desk_stays_so_through_rebalances_and_reads_all_when_it_has_room(
    kafka_bootstrap: str,
) -> None:
    """Partitions that stay, that are new, and that go while it is full and come back later."""
    partitions = range(4)
    topic = topic_of(kafka_bootstrap, len(partitions))
    first, second = Desk(kafka_bootstrap, topic), Desk(kafka_bootstrap, topic, slot=1)
    async with first, producing(kafka_bootstrap) as producer:
        await until(lambda: len(first.consumer._trackers) == 4, "assignment")
        first.waiting = 1000
        await until(lambda: first.consumer._paused, "pause")
        first.waiting = second.waiting = 800  # fewer than what pauses, more than what resumes
        second.consumer._paused = True  # as one that was full before it was given anything
        async with second:
            await until(lambda: len(second.consumer._trackers) == 2, "rebalance")
            await until(lambda: len(first.consumer._trackers) == 2, "rebalance")
            for number in partitions:
                await producer.publish(topic, None, b"%d" % number, [], partition=number)
            await asyncio.sleep(0.7)
            while_full = first.values + second.values
            first.waiting = second.waiting = 0
            await until(lambda: len(first.taken) + len(second.taken) >= 4, "records of all")
            for delivery in second.taken:
                delivery.done()
        await until(lambda: len(first.consumer._trackers) == 4, "end of who left")
        for number in partitions:
            await producer.publish(topic, None, b"%d" % (4 + number), [], partition=number)
        await until(lambda: {4, 5, 6, 7} <= set(first.values), "records of those that came back")

    assert while_full == []
    assert sorted(first.values + second.values) == list(range(8))


def read_and_be_killed(bootstrap: str, topic: str) -> bytes:
    """The first line of a process in the same slot, which got records and finished none."""
    command = [sys.executable, "-m", "tests.spine.oracle", bootstrap, f"{topic}-group", topic]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as killed:
        try:
            assert killed.stdout is not None
            return killed.stdout.readline()
        finally:
            killed.kill()


async def test_a_killed_process_is_replaced_in_its_slot_within_three_seconds(
    kafka_bootstrap: str, topic: str
) -> None:
    await write(kafka_bootstrap, topic, 3)
    line = await asyncio.to_thread(read_and_be_killed, kafka_bootstrap, topic)
    assert line.startswith(b"got")

    started = time.monotonic()
    async with Desk(kafka_bootstrap, topic) as desk:
        await desk.has(3)
        assert time.monotonic() - started < 3.0

    assert desk.values == [0, 1, 2]


async def test_who_hears_events_for_the_first_time_begins_at_the_start(
    kafka_bootstrap: str, topic: str
) -> None:
    await write(kafka_bootstrap, topic, 5)
    async with Desk(kafka_bootstrap, topic, tells_gaps=True) as desk:
        await desk.has(5)

    assert desk.values == list(range(5))
    assert desk.gaps == []


async def test_events_that_were_deleted_before_they_were_read_are_reported_as_a_gap(
    kafka_bootstrap: str, topic: str
) -> None:
    await write(kafka_bootstrap, topic, 10)
    async with Desk(kafka_bootstrap, topic, tells_gaps=True) as first:
        await first.has(10)
        for delivery in first.taken[:3]:
            delivery.done()
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    for future in admin.delete_records([TopicPartition(topic, 0, 8)]).values():
        future.result(timeout=10.0)

    async with Desk(kafka_bootstrap, topic, tells_gaps=True) as second:
        await second.has(2)

    assert second.values == [8, 9]
    assert second.gaps == [(topic, 0)]


class Moving(Consumer):
    """Its group's coordinator is somewhere else at first, and loads after that."""

    asked = 0

    def committed(self, partitions: list[TopicPartition], timeout: float = -1.0) -> Any:
        Moving.asked += 1
        if Moving.asked == 1:
            raise KafkaException(KafkaError(KafkaError.NOT_COORDINATOR))
        if Moving.asked == 2:
            return [SimpleNamespace(error=KafkaError(KafkaError.COORDINATOR_LOAD_IN_PROGRESS))]
        return super().committed(partitions, timeout=timeout)


async def test_where_to_begin_is_asked_until_the_coordinator_knows(
    kafka_bootstrap: str, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client itself asks once: the partition would be held, and read by nobody."""
    await write(kafka_bootstrap, topic, 3)
    async with Desk(kafka_bootstrap, topic) as first:
        await first.has(3)
        for delivery in first.taken[:2]:
            delivery.done()
    monkeypatch.setattr(kafka_consumer, "Consumer", Moving)
    async with Desk(kafka_bootstrap, topic) as second:
        await second.has(1)

    assert second.values == [2]
    assert Moving.asked == 3


async def test_a_poller_that_ends_says_why(kafka_bootstrap: str, topic: str) -> None:
    async with Desk(kafka_bootstrap, topic) as desk:
        await until(desk.consumer.assigned.is_set, "assignment")

        def broken() -> int:
            raise RuntimeError("no count")

        desk.consumer._backlog = broken
        await until(lambda: desk.consumer.failure is not None, "failure")

    assert str(desk.consumer.failure) == "no count"


async def test_replies_fired_right_after_the_start_are_all_received(
    kafka_bootstrap: str, topic: str
) -> None:
    body = msgspec.json.encode(Answer(status=200))
    async with producing(kafka_bootstrap) as producer:
        await producer.publish(topic, None, body, [("correlation_id", b"old")], partition=0)
        inbox = ReplyInbox(kafka_bootstrap, topic)
        old = inbox.expect("old")
        await inbox.start()
        waiting = [inbox.expect(str(n)) for n in range(50)]
        for n in range(50):
            producer.fire(topic, None, body, [("correlation_id", str(n).encode())], partition=0)
        answers = await asyncio.wait_for(asyncio.gather(*waiting), 10.0)
        await inbox.stop()

    assert [answer.status for answer, _ in answers] == [200] * 50
    assert not old.done(), "what was there before the start is nobody's"


async def test_what_goes_to_one_partition_at_once_arrives_however_much_it_is(
    kafka_bootstrap: str, topic: str
) -> None:
    """A batch larger than a record may be is refused by the broker as a whole, and for good."""
    count, body = 500, b"x" * 2000  # a million bytes
    async with producing(kafka_bootstrap) as producer:
        sent = [producer.publish(topic, "k", body, []) for _ in range(count)]
        failed = [told for told in await asyncio.gather(*sent, return_exceptions=True) if told]
        assert failed == []
        for _ in range(count):
            producer.fire(topic, None, body, [], partition=0)
    records = await asyncio.to_thread(read_all, kafka_bootstrap, [topic])
    assert len(records) == 2 * count
