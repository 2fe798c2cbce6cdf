"""Apache Kafka: the only package that knows the client. No Kafka transactions (decision 3.5)."""

from evslot.spine.kafka.admin import make_topics
from evslot.spine.kafka.client import BrokerUnavailable, secure, security_of
from evslot.spine.kafka.consumer import Delivery, GroupConsumer
from evslot.spine.kafka.direct import EventFeed, ReplyInbox, read_all, read_spans
from evslot.spine.kafka.producer import Producer

__all__ = [
    "BrokerUnavailable",
    "Delivery",
    "EventFeed",
    "GroupConsumer",
    "Producer",
    "ReplyInbox",
    "make_topics",
    "read_all",
    "read_spans",
    "secure",
    "security_of",
]
