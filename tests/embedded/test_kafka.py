"""The embedded broker serves real clients, within the limits the system is built on."""

import uuid

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic


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
