"""When a system has come to rest: nothing unsent, unread, unanswered or half done anywhere."""

import asyncio
import time
from collections.abc import Iterator

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from evslot import system
from evslot.spine.topics import SERVICES, Topics
from tests.faults.bank import AWAY
from tests.journeys.running_system import RunningSystem

POLL_SECONDS = 0.5
ASK_SECONDS = 5.0

Left = dict[str, int]
"""What is still on its way, by a name such as `payment jobs`; empty = rest."""

IN_EVERY_SERVICE = {
    "unsent": "select count(*) from outbox where sent_at is null",
    "unanswered": "select count(*) from ask where answered_at is null",
    "jobs": "select count(*) from job where state in ('ready', 'running')",
    "open commands": "select count(*) from inbox where state = 'open'",
    "sagas": "select count(*) from saga where state in ('running', 'compensating')",
}
BESIDES = {
    "reservation": {"holds": "select count(*) from reservation where state = 'held'"},
    "payment": {
        "calls": "select count(*) from provider_call where state = 'open'",
        "receipts": "select count(*) from receipt_due",
    },
    "notification": {"mails": "select count(*) from delivery where state = 'sending'"},
}


async def whats_left(running: RunningSystem) -> Left:
    """One look at every database and every consumer group; a server away counts as something."""
    parts = [part.name for part in system.PARTS if part.name in SERVICES]
    looks = [_in_database(running, name) for name in parts]
    looks.append(asyncio.to_thread(_unread, running.bootstrap))
    left: Left = {}
    for found in await asyncio.gather(*looks):
        left |= {name: count for name, count in found.items() if count}
    return left


async def come_to_rest(running: RunningSystem, still: float, within: float) -> tuple[Left, float]:
    """Until nothing was left for `still` seconds; what is left after `within`, and the seconds."""
    started = calm_since = time.monotonic()
    while True:
        left = await whats_left(running)
        now = time.monotonic()
        if left or not running.is_ready():
            calm_since = now
        if now - calm_since >= still or now - started >= within:
            return left, now - started
        await asyncio.sleep(POLL_SECONDS)


async def _in_database(running: RunningSystem, name: str) -> Left:
    questions = {**IN_EVERY_SERVICE, **BESIDES.get(name, {})}
    try:
        async with asyncio.timeout(ASK_SECONDS), running.database(name) as database:
            return {
                f"{name} {what}": int(await database.fetchval(sql))
                for what, sql in questions.items()
            }
    except (OSError, TimeoutError, *AWAY):
        return {f"{name} database away": 1}


def _unread(bootstrap: str) -> Left:
    """How far each group is behind the end of each of its partitions."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    try:
        return {group: behind for group in _groups() if (behind := _behind(admin, group))}
    except KafkaException:
        return {"broker away": 1}


def _groups() -> Iterator[str]:
    for service in SERVICES:
        commands = Topics().commands(service)
        yield from (commands, f"{commands}-hears")


def _behind(admin: AdminClient, group: str) -> int:
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
    committed: list[TopicPartition] = asked[group].result(timeout=ASK_SECONDS).topic_partitions
    wanted = {
        TopicPartition(at.topic, at.partition): OffsetSpec.latest()  # type: ignore[no-untyped-call]
        for at in committed
    }
    if not wanted:
        return 0
    ends = {
        (at.topic, at.partition): future.result(timeout=ASK_SECONDS).offset
        for at, future in admin.list_offsets(wanted).items()
    }
    return sum(max(0, ends[at.topic, at.partition] - max(0, at.offset)) for at in committed)
