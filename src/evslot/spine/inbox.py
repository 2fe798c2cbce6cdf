"""The inbox: one row a command, inserted first, answered once, replayed for every repeat."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from evslot.spine import db

WAITING_LIMIT = 8

ARRIVE = """
insert into inbox (command_id, fingerprint, type)
select command_id, fingerprint, type
from unnest($1::uuid[], $2::bytea[], $3::text[], $4::timestamptz[])
  as arrived(command_id, fingerprint, type, not_after)
where not_after is null or not_after > clock_timestamp()
order by command_id
on conflict (command_id) do nothing
returning command_id, now() as now"""

KNOWN = """
select command_id, fingerprint, state, answer from inbox
where command_id = any($1::uuid[]) order by command_id for update"""

JOIN = """
update inbox set waiting = waiting || $2::jsonb
where command_id = $1 and state = 'open' and jsonb_array_length(waiting) < 8"""


class Waiter(Struct, frozen=True, omit_defaults=True):
    """Who waits for the answer of a command; kept with an open row."""

    answer_to: str
    correlation_id: str | None = None
    answer_key: str | None = None


class Arrival(Struct, frozen=True, kw_only=True):
    """What the inbox needs to know of a command."""

    command_id: UUID
    fingerprint: bytes
    type: str
    not_after: datetime | None


class Known(Struct, frozen=True, kw_only=True):
    """An inbox row that was there before."""

    fingerprint: bytes
    state: str
    answer: bytes | None


async def arrive(
    connection: db.Connection, arrivals: Sequence[Arrival]
) -> tuple[set[UUID], datetime | None]:
    """Insert what is new and in time; answers the new ids and the transaction's time.

    Sorted by id: two processes that insert the same ids in different order would deadlock.
    """
    ordered = sorted(arrivals, key=lambda arrival: arrival.command_id)
    rows = await connection.fetch(
        ARRIVE,
        [arrival.command_id for arrival in ordered],
        [arrival.fingerprint for arrival in ordered],
        [arrival.type for arrival in ordered],
        [arrival.not_after for arrival in ordered],
    )
    return {row["command_id"] for row in rows}, rows[0]["now"] if rows else None


async def known(connection: db.Connection, ids: Sequence[UUID]) -> dict[UUID, Known]:
    """Rows of commands seen before; an id without a row came too late to have an effect."""
    rows = await connection.fetch(KNOWN, sorted(ids))
    return {
        row["command_id"]: Known(
            fingerprint=row["fingerprint"], state=row["state"], answer=row["answer"]
        )
        for row in rows
    }


async def join(connection: db.Connection, command_id: UUID, waiter: Waiter) -> bool:
    """Wait for an open command too; False where eight wait already."""
    status = await connection.execute(JOIN, command_id, msgspec.json.encode([waiter]).decode())
    return db.affected(status) == 1


def waiters(text: str) -> list[Waiter]:
    """The `waiting` column."""
    return msgspec.json.decode(text, type=list[Waiter])
