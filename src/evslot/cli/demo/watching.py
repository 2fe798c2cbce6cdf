"""What a request set off, read off the topics: every record that carries the request's trace."""

import asyncio
import time

from evslot.gateway.tracing import Journey, Seen, journey_of, read_topics, seen_of
from evslot.spine.answers import ANSWER
from evslot.spine.kafka import EventFeed
from evslot.spine.records import Incoming
from evslot.spine.topics import Topics

KEPT = 20_000
"""Records in memory; a demonstration sees some hundreds."""


class Watch:
    """Follows all topics from now on; `async with Watch(bootstrap, topics) as watch`."""

    def __init__(self, bootstrap: str, topics: Topics) -> None:
        self._feed = EventFeed(bootstrap, read_topics(topics), back_seconds=0.0)
        self._topics = topics
        self._by_trace: dict[str, list[Seen]] = {}
        self._answers: dict[str, Seen] = {}
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Watch":
        await self._feed.start()
        self._task = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
        await self._feed.stop()

    async def until(self, trace: str, kind: str, seconds: float = 8.0) -> bool:
        """Whether a record of that type came with that trace in time."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            if any(seen.type == kind for seen in self._by_trace.get(trace, [])):
                return True
            await asyncio.sleep(0.02)
        return False

    async def settled(self, trace: str, quiet: float = 0.25, seconds: float = 3.0) -> None:
        """Until nothing more comes with a trace for a moment."""
        limit = time.monotonic() + seconds
        count, since = -1, time.monotonic()
        while time.monotonic() < limit and time.monotonic() - since < quiet:
            if len(self._by_trace.get(trace, [])) != count:
                count, since = len(self._by_trace.get(trace, [])), time.monotonic()
            await asyncio.sleep(0.02)

    def journeys(self, trace: str) -> list[Journey]:
        """In the order in which Kafka took them."""
        records = sorted(self._by_trace.get(trace, []), key=lambda seen: seen.at)
        return [journey_of(one, self._answers.get(one.id), self._topics) for one in records]

    async def _read(self) -> None:
        async for incoming in self._feed:
            if len(self._answers) > KEPT:
                self._answers.clear()
            self._note(incoming)

    def _note(self, incoming: Incoming) -> None:
        seen = seen_of(incoming)
        if seen.type == ANSWER:
            self._answers[seen.id] = seen
        elif seen.trace and len(self._by_trace) < KEPT:
            self._by_trace.setdefault(seen.trace, []).append(seen)
