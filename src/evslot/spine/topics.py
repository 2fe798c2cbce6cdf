"""The names and the shape of Kafka topics."""

import re

from msgspec import Struct

DAY = 24 * 3600 * 1000
SERVICES = ("user", "station", "reservation", "payment", "notification")
REPLY_PARTITIONS = 64
RECORD_BYTES = 256 * 1024
BODY_BYTES = RECORD_BYTES - 16 * 1024
"""What a body may have; the rest is for headers, a caller's token among them."""
DEAD_BYTES = 2 * RECORD_BYTES
"""A dead letter holds a whole record in base64."""
LETTER_BYTES = DEAD_BYTES - 16 * 1024
"""What it may have itself, with its key; the rest is for headers."""
ANSWER_PLACE = re.compile(
    r"(?P<topic>[\w.-]+)(?:/(?P<partition>\d{1,4})|#(?P<key>[!-~]{1,64}))", re.ASCII
)
"""Of partitions more than are made: who operates may add some. Of keys more than an id has."""


class Topic(Struct, frozen=True, kw_only=True):
    """A topic as `evslot topics` makes it; times in milliseconds."""

    name: str
    partitions: int
    retention_ms: int
    segment_ms: int | None = None
    record_bytes: int = RECORD_BYTES
    carries: str
    written_by: str

    def config(self) -> dict[str, str]:
        """Broker settings of the topic."""
        settings = {
            "message.timestamp.type": "LogAppendTime",
            "cleanup.policy": "delete",
            "max.message.bytes": str(self.record_bytes),
            "retention.ms": str(self.retention_ms),
        }
        if self.segment_ms is not None:
            settings["segment.ms"] = str(self.segment_ms)
        return settings


class Topics:
    """Topic names; the prefix is empty except where several systems share a broker (tests)."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.replies = f"{prefix}gateway-replies"

    def commands(self, service: str) -> str:
        return f"{self.prefix}{service}-service"

    def events(self, service: str) -> str:
        return f"{self.prefix}{service}-events"

    def dead(self, service: str) -> str:
        return f"{self.prefix}{service}-dead"

    def take_answers(self, place: str, part: str) -> bool:
        """Whether `place` is a partition of the replies, or a key of a service's own commands.

        `part` counts as a service. To any other place an answer could never be published, and in
        the outbox it would be in everybody's way for ever.
        """
        found = ANSWER_PLACE.fullmatch(place)
        if found is None:
            return False
        if found["key"] is None:
            return found["topic"] == self.replies
        return found["topic"] in map(self.commands, (*SERVICES, part))

    def table(self, services: tuple[str, ...] = SERVICES) -> list[Topic]:
        """All topics of the system."""
        table = []
        for service in services:
            table += [
                Topic(
                    name=self.commands(service),
                    partitions=8,
                    retention_ms=7 * DAY,
                    carries="commands and queries",
                    written_by="gateway; services' outboxes",
                ),
                Topic(
                    name=self.events(service),
                    partitions=8,
                    retention_ms=7 * DAY,
                    carries="facts, with the aggregate's version and state for views",
                    written_by=f"{service} service's outbox",
                ),
                Topic(
                    name=self.dead(service),
                    partitions=1,
                    retention_ms=14 * DAY,
                    record_bytes=DEAD_BYTES,
                    carries="what could not be handled, with the reason",
                    written_by=f"{service} service's outbox",
                ),
            ]
        return [
            *table,
            Topic(
                name=self.replies,
                partitions=REPLY_PARTITIONS,
                retention_ms=10 * 60 * 1000,
                segment_ms=10 * 60 * 1000,
                carries="answers to gateways",
                written_by="services, straight after commit",
            ),
        ]
