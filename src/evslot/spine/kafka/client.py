"""What all our Kafka clients have in common."""

from datetime import UTC, datetime
from typing import Any

from confluent_kafka import KafkaError

from evslot.spine import telemetry
from evslot.spine.records import Incoming

COMMON: dict[str, Any] = {
    "socket.keepalive.enable": True,
    "socket.timeout.ms": 10_000,
    "log_level": 2,
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 1000,
    "socket.connection.setup.timeout.ms": 3000,
    "allow.auto.create.topics": False,
    "broker.address.family": "v4",
    "topic.metadata.refresh.interval.ms": 60_000,
}


class BrokerUnavailable(Exception):
    """Kafka did not acknowledge in time; it may have the record all the same."""


def quiet(error: KafkaError) -> None:
    """Connection errors come by the dozen while a broker is away; metrics count them."""
    telemetry.TROUBLE.labels(kind="kafka").inc()


def incoming_of(record: Any) -> Incoming:
    """A record in our own words."""
    _, millis = record.timestamp()
    key = record.key()
    return Incoming(
        topic=record.topic(),
        partition=record.partition(),
        offset=record.offset(),
        appended_at=datetime.fromtimestamp(max(millis, 0) / 1000, UTC),
        key=key.decode(errors="replace") if key is not None else None,
        value=record.value() or b"",
        headers=tuple(record.headers() or ()),
    )
