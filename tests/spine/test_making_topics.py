"""Topics are as the table says, also those that an earlier release made."""

import asyncio
from concurrent.futures import Future
from uuid import uuid4

import pytest
from confluent_kafka import KafkaError, KafkaException
from msgspec.structs import replace

from evslot.spine.kafka import BrokerUnavailable, Producer, make_topics
from evslot.spine.kafka.admin import _altered
from evslot.spine.topics import RECORD_BYTES, Topic

pytestmark = pytest.mark.anyio


async def test_a_topic_of_an_earlier_release_gets_the_room_of_this_one(
    kafka_bootstrap: str,
) -> None:
    """Else its relay would stand still before a record that has grown, for ever."""
    now = Topic(
        name=f"grown-{uuid4().hex[:8]}",
        partitions=1,
        retention_ms=60_000,
        record_bytes=2 * RECORD_BYTES,
        carries="",
        written_by="",
    )
    early = replace(now, record_bytes=RECORD_BYTES)
    large = b"x" * (RECORD_BYTES + 1)
    producer = Producer(kafka_bootstrap, delivery_seconds=10.0)
    await producer.start()
    try:
        done = await asyncio.to_thread(make_topics, kafka_bootstrap, [early])
        assert done == {now.name: "made"}
        with pytest.raises(BrokerUnavailable, match="too large"):
            await producer.publish(now.name, None, large, [])
        done = await asyncio.to_thread(make_topics, kafka_bootstrap, [now])
        assert done == {now.name: "changed"}
        await producer.publish(now.name, None, large, [])
        assert await asyncio.to_thread(make_topics, kafka_bootstrap, [now]) == {}
    finally:
        await producer.stop()


def test_who_may_not_alter_a_topic_goes_on_and_says_so() -> None:
    """The job before an upgrade has the rights of the release before."""
    refused: Future[None] = Future()
    refused.set_exception(KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)))
    assert _altered(refused) == "differs"
    broken: Future[None] = Future()
    broken.set_exception(KafkaException(KafkaError(KafkaError.INVALID_CONFIG)))
    with pytest.raises(KafkaException):
        _altered(broken)
