"""Gaps in what a service heard: told to everybody until somebody closes them."""

import asyncio
import time

from evslot.spine import db, telemetry

LOOK_SECONDS = 5.0
"""Between two looks at what was closed."""

OPEN = "select distinct topic, partition from event_gap where closed_at is null order by 1, 2"
NOTE = """
insert into event_gap (topic, partition)
select $1, $2 where not exists (
  select from event_gap where topic = $1 and partition = $2 and closed_at is null)"""
CLOSE = """
update event_gap set closed_at = now() where closed_at is null
returning topic, partition"""


class Gaps:
    """Events that were deleted before this service had read them: its views miss what they told."""

    def __init__(self, database: db.Database) -> None:
        self._database = database
        self._new: set[tuple[str, int]] = set()
        self._open: set[tuple[str, int]] = set()
        self._next_look = 0.0

    def note(self, topic: str, partition: int) -> None:
        """Told at once, written down at the next look."""
        self._new.add((topic, partition))

    def told(self) -> list[str]:
        """Where, and what helps: beside the readiness, which they do not touch.

        A service with a gap answers as well as it can: what would repair it has to reach it.
        """
        return [
            f"{topic}/{partition}: events were missed: run `evslot republish` of who tells them,"
            " then `evslot gaps` here"
            for topic, partition in sorted(self._open | self._new)
        ]

    async def look(self) -> None:
        """Write down what is new, and forget what was closed; in trouble, at a later look."""
        if not self._new and time.monotonic() < self._next_look:
            return
        try:
            async with asyncio.timeout(1.0):
                for gap in list(self._new):
                    await self._database.execute(NOTE, *gap)
                    self._open.add(gap)
                    self._new.discard(gap)
                found = await open_gaps(self._database)
        except Exception as error:
            if not db.is_trouble(error):
                raise
            return
        self._open = set(found)
        self._next_look = time.monotonic() + LOOK_SECONDS
        telemetry.EVENT_GAPS.set(len(self._open))


async def open_gaps(database: db.Database) -> list[tuple[str, int]]:
    """Topic and partition of each."""
    return [(row["topic"], row["partition"]) for row in await database.fetch(OPEN)]


async def close(database: db.Database) -> list[tuple[str, int]]:
    """The views have what was missed; answers which gaps there were."""
    return [(row["topic"], row["partition"]) for row in await database.fetch(CLOSE)]
