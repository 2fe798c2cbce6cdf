"""Making topics."""

from collections.abc import Iterable

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from evslot.spine.kafka.client import COMMON
from evslot.spine.topics import Topic


def make_topics(bootstrap: str, table: Iterable[Topic], replication: int = 1) -> list[str]:
    """Make what is missing; answers the new names."""
    admin = AdminClient({**COMMON, "bootstrap.servers": bootstrap})
    there = admin.list_topics(timeout=10.0).topics
    wanted = list(table)
    fresh = [topic for topic in wanted if topic.name not in there]
    made = (
        admin.create_topics(
            [
                NewTopic(
                    topic.name,
                    num_partitions=topic.partitions,
                    replication_factor=replication,
                    config=topic.config(),
                )
                for topic in fresh
            ]
        )
        if fresh
        else {}
    )
    for future in made.values():
        try:
            future.result(timeout=15.0)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
    return [topic.name for topic in fresh]
