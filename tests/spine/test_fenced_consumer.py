"""A consumer that was fenced reads on by itself."""

import asyncio
import threading
import time
from collections.abc import Callable
from uuid import uuid4

import pytest
from confluent_kafka import Consumer

from evslot.spine.kafka import GroupConsumer, Producer, make_topics
from evslot.spine.kafka.consumer import Delivery
from evslot.spine.topics import Topic

pytestmark = pytest.mark.anyio


async def test_a_consumer_that_was_fenced_reads_on(kafka_bootstrap: str) -> None:
    """A second member of the same instance id fences the first; then it goes away."""
    topic = f"fenced-{uuid4().hex[:8]}"
    table = Topic(name=topic, partitions=2, retention_ms=60_000, carries="", written_by="")
    await asyncio.to_thread(make_topics, kafka_bootstrap, [table])
    read: list[bytes] = []
    fatal: list[str] = []

    def deliver(deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            read.append(delivery.incoming.value)
            delivery.done()

    reader = GroupConsumer(
        kafka_bootstrap,
        group=topic,
        instance="0",
        topics=[topic],
        deliver=deliver,
        backlog=lambda: 0,
        on_fatal=fatal.append,
    )
    producer = Producer(kafka_bootstrap, delivery_seconds=10.0)
    await producer.start()
    await reader.start()
    try:
        await producer.publish(topic, "a", b"before", [])
        await _until(lambda: b"before" in read)
        await asyncio.to_thread(_join_and_leave, kafka_bootstrap, topic)
        # What it has fetched it still hands out; it is the next commit that is refused.
        for number in range(4):
            wanted = b"after %d" % number
            await producer.publish(topic, "a", wanted, [])
            await _until(lambda wanted=wanted: wanted in read)
            await asyncio.sleep(1.0)
        assert fatal == []
    finally:
        await reader.stop()
        await reader.close()
        await producer.stop()


def _join_and_leave(bootstrap: str, group: str) -> None:
    rival = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "group.instance.id": f"{group}-0",
            "partition.assignment.strategy": "cooperative-sticky",
            "log_level": 2,
        }
    )
    assigned = threading.Event()
    rival.subscribe([group], on_assign=lambda *_: assigned.set())
    until = time.monotonic() + 20
    while not assigned.is_set() and time.monotonic() < until:
        rival.poll(0.1)
    assert assigned.is_set()
    rival.close()


async def _until(holds: Callable[..., bool]) -> None:
    for _ in range(600):
        if holds():
            return
        await asyncio.sleep(0.05)
    pytest.fail("nothing was read within 30 s")
