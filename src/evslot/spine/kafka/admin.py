"""Making topics, and keeping their settings those of the table."""

from collections.abc import Iterable
from concurrent.futures import Future

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
)

from evslot.spine.kafka.client import COMMON, reaching
from evslot.spine.topics import Topic

SECONDS = 15.0


def make_topics(bootstrap: str, table: Iterable[Topic], replication: int = 1) -> dict[str, str]:
    """Make what is missing, set what is set otherwise; answers what was done to which.

    `made`, `changed`, or `differs` where this principal may not alter it. Raises BrokerUnavailable.
    """
    with reaching(bootstrap):
        admin = AdminClient({**COMMON, "bootstrap.servers": bootstrap})
        there = admin.list_topics(timeout=10.0).topics
        wanted = list(table)
        made = _make(admin, [topic for topic in wanted if topic.name not in there], replication)
        return made | _set(admin, [topic for topic in wanted if topic.name in there])


def _make(admin: AdminClient, fresh: list[Topic], replication: int) -> dict[str, str]:
    if not fresh:
        return {}  # the client refuses an empty list
    asked = [
        NewTopic(
            topic.name,
            num_partitions=topic.partitions,
            replication_factor=replication,
            config=topic.config(),
        )
        for topic in fresh
    ]
    for future in admin.create_topics(asked).values():
        try:
            future.result(timeout=SECONDS)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
    return dict.fromkeys((topic.name for topic in fresh), "made")


def _set(admin: AdminClient, old: list[Topic]) -> dict[str, str]:
    """A release may need more room in a topic than the one that made it."""
    if not old:
        return {}
    wanted = {topic.name: topic.config() for topic in old}
    asked = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in wanted]
    outdated = []
    for resource, future in admin.describe_configs(asked).items():
        present = future.result(timeout=SECONDS)
        entries = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
            for name, value in wanted[resource.name].items()
            if present[name].value != value
        ]
        if entries:
            outdated.append(
                ConfigResource(resource.restype, resource.name, incremental_configs=entries)
            )
    if not outdated:
        return {}
    altered = admin.incremental_alter_configs(outdated)
    return {resource.name: _altered(future) for resource, future in altered.items()}


def _altered(future: Future[None]) -> str:
    """Its rules may be younger than the principal's: an upgrade must not fail of that."""
    try:
        future.result(timeout=SECONDS)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise
        return "differs"
    return "changed"
