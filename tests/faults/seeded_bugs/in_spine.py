"""Bugs in the machinery: inbox, outbox, relay, offsets, replies, retries, clocks, dead letters."""

import asyncio
import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from evslot.spine import db, effects, inbox, outbox
from tests.faults.seeded_bugs import bug

LATER_SECONDS = 0.05


@bug()
def no_inbox() -> None:
    """Every command counts as new, however often it came."""
    arrive = inbox.arrive

    async def forgetful(
        connection: db.Connection, arrivals: Sequence[inbox.Arrival]
    ) -> tuple[set[UUID], datetime | None]:
        _, now = await arrive(connection, arrivals)
        now = now or await connection.fetchval("select now()")
        return {arrival.command_id for arrival in arrivals}, now

    inbox.arrive = forgetful


@bug()
def offset_before_commit() -> None:
    """Offsets are committed for what was read, whatever becomes of it."""
    from evslot.spine import lanes

    put = lanes.Lane.put

    def hasty(lane: Any, deliveries: Any) -> None:
        for delivery in deliveries:
            delivery.done()
        put(lane, deliveries)

    lanes.Lane.put = hasty  # type: ignore[method-assign, assignment]


@bug("reservation")
def outbox_in_second_transaction() -> None:
    """What leaves is written a moment after the commit – or after a rollback."""
    write = effects.write_effects
    at_work = set()

    async def split(
        connection: db.Connection, wiring: Any, what: effects.Effects, closing: effects.Closing
    ) -> Any:
        rows = [outgoing.row() for outgoing in what.outgoing]
        kept, what.outgoing = what.outgoing, []
        replies = await write(connection, wiring, what, closing)
        what.outgoing = kept
        if rows:
            task = asyncio.create_task(_write_later(rows))
            at_work.add(task)
            task.add_done_callback(at_work.discard)
        return replies

    effects.write_effects = split  # type: ignore[assignment]


async def _write_later(rows: list[tuple[Any, ...]]) -> None:
    await asyncio.sleep(LATER_SECONDS)
    connection = await asyncpg.connect(os.environ["EVSLOT_RESERVATION_DATABASE_URL"])
    try:
        await connection.executemany(
            "insert into outbox (topic, key, envelope, body) values ($1, $2, $3, $4)", rows
        )
    finally:
        await connection.close()


@bug("reservation")
def relay_by_id() -> None:
    """The relay goes on after the last id it has sent: rows of slow transactions are lost."""
    outbox.UNSENT = """
select id, created_at, topic, key, envelope, body from outbox
where id > (select coalesce(max(id), 0) from outbox where sent_at is not null)
order by id limit $1"""


@bug()
def reply_not_stored() -> None:
    """A command that was done stays open in the inbox; its repeats wait for ever."""
    effects.CLOSE = effects.CLOSE.replace(
        "where inbox.command_id = a.command_id", "where inbox.command_id = a.command_id and false"
    )


@bug("reservation")
def blind_retry() -> None:
    """A batch whose commit has an unknown outcome is run again without a look at the inbox."""
    from evslot.spine import batch

    run = batch.Batch.run
    arrive = inbox.arrive
    again: set[UUID] = set()

    async def stubborn(self: Any, items: Any, prepared: Any = None) -> Any:
        try:
            left = await run(self, items, prepared)
        except Exception as error:
            if db.is_trouble(error):
                again.update(item.envelope.id for item in items)
            raise
        again.difference_update(item.envelope.id for item in items)
        return left

    async def blind(connection: db.Connection, arrivals: Sequence[inbox.Arrival]) -> Any:
        fresh, now = await arrive(connection, arrivals)
        fresh |= {arrival.command_id for arrival in arrivals} & again
        return fresh, now

    batch.Batch.run = stubborn  # type: ignore[method-assign]
    inbox.arrive = blind


@bug("reservation")
def expiry_by_process_clock() -> None:
    """Whether a hold still stands is asked of a clock that is ten seconds behind."""
    from evslot.services.reservation.store import bookings

    behind = "clock_timestamp() - interval '10 seconds'"
    bookings.CONFIRM_RESERVATION = bookings.CONFIRM_RESERVATION.replace("clock_timestamp()", behind)


@bug("station")
def dead_letters_dropped() -> None:
    """What a handler breaks on is forgotten (of commands that would be mended by repeats)."""
    from evslot.spine import lanes

    async def forget(*_: Any) -> None:
        return None

    lanes.Lane._bury = forget  # type: ignore[method-assign, assignment]
