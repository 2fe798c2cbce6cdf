"""Joins a consumer group in a slot, reads without ever finishing anything, and says so."""

import asyncio
import sys

from evslot.spine.kafka import Delivery, GroupConsumer


def say(deliveries: list[Delivery]) -> None:
    sys.stdout.write(f"got {len(deliveries)}\n")
    sys.stdout.flush()


async def read(bootstrap: str, group: str, topic: str) -> None:
    consumer = GroupConsumer(
        bootstrap, group=group, instance="0", topics=[topic], deliver=say, backlog=lambda: 0
    )
    await consumer.start()
    await asyncio.sleep(60)


asyncio.run(read(*sys.argv[1:]))
