"""What all our Kafka clients have in common."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from evslot.spine import telemetry
from evslot.spine.config import SettingInvalid, SharedSettings
from evslot.spine.records import Incoming

COMMON: dict[str, Any] = {
    "socket.keepalive.enable": True,
    "socket.timeout.ms": 10_000,
    "log_level": 2,
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 1000,
    "socket.connection.setup.timeout.ms": 3000,
    # No address family is asked for: with IPv4 alone a machine that is off line resolves nothing.
    "allow.auto.create.topics": False,
    "topic.metadata.refresh.interval.ms": 60_000,
}


def secure(shared: SharedSettings) -> None:
    """Once in a process, before its first client: how brokers are reached, as settings say.

    Raises SettingInvalid where a setting is missing or the file of authorities is not there.
    """
    COMMON.update(security_of(shared))


def security_of(shared: SharedSettings) -> dict[str, Any]:
    """The client's own settings; `ssl.endpoint.identification.algorithm` is on by default."""
    if shared.kafka_security == "plaintext":
        return {}
    settings: dict[str, Any] = {"security.protocol": shared.kafka_security}
    if shared.kafka_ca_file is not None:
        if not Path(shared.kafka_ca_file).is_file():
            raise SettingInvalid(f"EVSLOT_KAFKA_CA_FILE: there is no file {shared.kafka_ca_file}")
        settings["ssl.ca.location"] = shared.kafka_ca_file
    if shared.kafka_security == "sasl_ssl":
        for name, value in (("USER", shared.kafka_user), ("PASSWORD", shared.kafka_password)):
            if value is None:
                raise SettingInvalid(f"EVSLOT_KAFKA_{name} is not set: sasl_ssl needs it")
        settings["sasl.mechanism"] = "SCRAM-SHA-512"
        settings["sasl.username"] = shared.kafka_user
        settings["sasl.password"] = shared.kafka_password
    return settings


class BrokerUnavailable(Exception):
    """Kafka did not acknowledge in time; it may have the record all the same."""


@contextmanager
def reaching(bootstrap: str) -> Iterator[None]:
    """Around calls that block: what the client raises becomes BrokerUnavailable, with a place."""
    try:
        yield
    except KafkaException as error:
        raise BrokerUnavailable(f"Kafka at {bootstrap}: {error.args[0].str()}") from error
    except TimeoutError as late:
        raise BrokerUnavailable(f"Kafka at {bootstrap}: no answer in time") from late


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
