"""Asks services over Kafka from a command line: one question, one answer."""

import asyncio
from typing import Any, TypeVar
from uuid import UUID, uuid4

from evslot.spine import message
from evslot.spine.kafka import BrokerUnavailable, Producer, ReplyInbox
from evslot.spine.message import Command, Envelope, Query, Seal, outcome_type, wire_name
from evslot.spine.topics import Topics

O = TypeVar("O")  # noqa: E741

SOURCE = "cli"
"""Writes as a service does: whoever may write the topics is trusted by the broker's rules."""


class Asker:
    """`async with Asker(bootstrap, topics) as asker: await asker.send(command)`."""

    def __init__(self, bootstrap: str, topics: Topics) -> None:
        self._producer = Producer(bootstrap, delivery_seconds=5.0)
        self._replies = ReplyInbox(bootstrap, topics.replies)
        self._topics = topics

    async def __aenter__(self) -> "Asker":
        await self._producer.start()
        await self._replies.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()
        await self._replies.stop()

    async def send(
        self,
        command: Command[O] | Query[O],
        *,
        command_id: UUID | None = None,
        seconds: float = 30.0,
        seal: Seal | None = None,
    ) -> O:
        """The typed outcome; raises Refused for a no, BrokerUnavailable for no answer in time.

        `seal` closes sealed fields for the owner; without one the command must have none.
        """
        correlation_id = str(uuid4())
        envelope = Envelope(
            id=command_id or uuid4(),
            type=wire_name(type(command)),
            version=command.VERSION,
            source=SOURCE,
            correlation_id=correlation_id,
            answer_to=f"{self._topics.replies}/{self._replies.partition}",
        )
        waiting = self._replies.expect(correlation_id)
        try:
            await self._producer.publish(
                self._topics.commands(command.destination()),
                command.key(),
                message.encode(command, seal),
                envelope.headers(),
            )
            async with asyncio.timeout(seconds):
                answer, _ = await waiting
        except TimeoutError:
            raise BrokerUnavailable(
                f"no answer from the {command.destination()} service within {seconds:.0f} s"
            ) from None
        finally:
            self._replies.forget(correlation_id)
        outcome: Any = outcome_type(type(command))
        result: O = answer.result(outcome)
        return result
