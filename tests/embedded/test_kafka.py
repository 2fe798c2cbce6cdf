"""The embedded broker serves real clients, within the limits the system is built on."""

import asyncio
import shutil
import uuid
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from evslot.embedded.kafka import EmbeddedKafka, KafkaUnavailable
from evslot.embedded.ports import free_port


@pytest.fixture
def topic(kafka_bootstrap: str) -> str:
    name = f"embedded-{uuid.uuid4().hex}"
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    admin.create_topics([NewTopic(name, num_partitions=1)])[name].result(20)
    return name


def test_what_is_produced_is_consumed(kafka_bootstrap: str, topic: str) -> None:
    assert _produce(kafka_bootstrap, topic, b"hello") is None
    consumer = Consumer(
        {"bootstrap.servers": kafka_bootstrap, "group.id": topic, "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    try:
        message = consumer.poll(20)
        assert message is not None
        assert message.value() == b"hello"
    finally:
        consumer.close()


def test_a_record_over_256_kib_is_refused(kafka_bootstrap: str, topic: str) -> None:
    error = _produce(kafka_bootstrap, topic, bytes(300 * 1024))
    assert error is not None
    assert error.code() == KafkaError.MSG_SIZE_TOO_LARGE


def test_no_topic_comes_into_being_by_being_asked_for(kafka_bootstrap: str) -> None:
    name = f"nobody-made-{uuid.uuid4().hex}"
    error = _produce(kafka_bootstrap, name, b"hello")
    assert error is not None
    assert error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    assert name not in admin.list_topics(timeout=10).topics


def test_folders_may_have_any_letter_but_a_comma(
    tmp_path: Path, kafka_bootstrap: str, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kafka_bootstrap  # the broker's own start has filled the cache
    monkeypatch.setenv("LC_ALL", "C")
    data, cache, port = tmp_path / "Größe 𝄞\\n", tmp_path / "Käse", free_port()
    cache.mkdir()
    (manifest,) = cache_dir.glob("kafka-jars-*.json")
    shutil.copy(manifest, cache)
    asyncio.run(EmbeddedKafka(data, port, cache_dir=cache).prepare())
    assert (data / "kafka" / "data" / "meta.properties").exists()
    for folders in ((tmp_path / "one,two", cache), (data, tmp_path / "one,two")):
        with pytest.raises(KafkaUnavailable, match=r"one,two, because of the comma: set EVSLOT_"):
            asyncio.run(EmbeddedKafka(folders[0], port, cache_dir=folders[1]).prepare())


def _produce(bootstrap: str, topic: str, value: bytes) -> KafkaError | None:
    """Send one record and return what the broker had against it."""
    errors: list[KafkaError | None] = []
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "message.max.bytes": 1_000_000,
            "topic.metadata.propagation.max.ms": 500,
        }
    )
    try:
        producer.produce(topic, value, on_delivery=lambda error, _: errors.append(error))
    except KafkaException as refused:
        error = refused.args[0]
        assert isinstance(error, KafkaError)
        return error
    assert producer.flush(20) == 0
    return errors[0]
