"""The books of the simulated provider: one append-only table, on a connection of its own."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

from evslot.services.payment.adapters.entries import Entry
from evslot.services.payment.domain.record import ProviderAnswer
from evslot.spine.db import Connection, Database, from_json, to_json
from evslot.spine.transaction import Transaction

CONNECTIONS = 4
"""Calls wait outside of them, so a few serve all workers."""

WRITTEN = (
    *("idempotency_key", "step", "kind", "reference", "amount", "currency", "takes_at_once"),
    *("valid_until", "fault", "merchant_id"),
)
COLUMNS = ", ".join((*WRITTEN, "answer"))

APPEND = f"""
    insert into provider_log ({COLUMNS})
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb) returning position
    """  # noqa: S608


PAST = f"""
    insert into provider_log ({COLUMNS}, at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb, $12)
    """  # noqa: S608


async def append_past(tx: Transaction, lines: Sequence[tuple[Entry, datetime]]) -> None:
    """Lines of made-up payments, in our transaction: they are there with those or not at all."""
    rows = [
        (
            *(getattr(entry, name) for name in WRITTEN),
            None if entry.answer is None else to_json(entry.answer),
            at,
        )
        for entry, at in lines
    ]
    await tx.execute_many(PAST, rows)


class Delivery(Struct, frozen=True, kw_only=True):
    """An event to send, and how often that was tried with this time."""

    delivery_id: int
    attempts: int
    entry: Entry
    at: datetime


class Page:
    """The books opened at one authorisation; nobody else writes there meanwhile."""

    def __init__(self, connection: Connection, reference: str, now: datetime) -> None:
        self._connection = connection
        self._reference = reference
        self.now = now

    async def given(self, key: UUID) -> ProviderAnswer | None:
        """What a key was told before."""
        text = await self._connection.fetchval(
            """
            select answer from provider_log
            where idempotency_key = $1 and step = 0 and kind <> 'outage'
            """,
            key,
        )
        return None if text is None else from_json(text, ProviderAnswer)

    async def outages(self, key: UUID) -> int:
        """How often a call with this key was turned away on purpose."""
        return int(
            await self._connection.fetchval(
                "select count(*) from provider_log where idempotency_key = $1 and kind = 'outage'",
                key,
            )
        )

    async def entries(self) -> list[Entry]:
        """All that happened to the authorisation, oldest first."""
        rows = await self._connection.fetch(
            f"select {COLUMNS} from provider_log where reference = $1 order by position",  # noqa: S608
            self._reference,
        )
        return [_entry(dict(row)) for row in rows]

    async def append(self, entries: Sequence[Entry]) -> list[int]:
        """Answers their positions."""
        positions = []
        for entry in entries:
            values = (getattr(entry, name) for name in WRITTEN)
            answer = None if entry.answer is None else to_json(entry.answer)
            positions.append(await self._connection.fetchval(APPEND, *values, answer))
        return positions

    async def announce(self, position: int, times: Sequence[datetime]) -> None:
        """An entry is to be told at these times."""
        for due_at in times:
            await self._connection.execute(
                "insert into provider_delivery (position, due_at) values ($1, $2)",
                position,
                due_at,
            )


class Books:
    """Commits on its own, as an outside system does: never inside our transactions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def at(cls, database_url: str) -> "Books":
        """On a small pool of their own."""
        return cls(Database(database_url, name="payment-provider", size=CONNECTIONS))

    async def start(self) -> None:
        await self._database.start()

    async def stop(self) -> None:
        await self._database.stop()

    @asynccontextmanager
    async def page(self, reference: str) -> AsyncIterator[Page]:
        """One authorisation, locked until the end of the block, which commits."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "select pg_advisory_xact_lock(hashtextextended($1, 0))", reference
            )
            # After the lock: the clock of the one who had to wait.
            now = await connection.fetchval("select clock_timestamp()")
            yield Page(connection, reference, now)

    async def answered_entries(self) -> list[tuple[Entry, datetime]]:
        """All that there is to tell, oldest first, with its time; at most 1,000."""
        rows = await self._database.fetch(
            f"""
            select {COLUMNS}, at from provider_log
            where answer is not null order by position limit 1000
            """,  # noqa: S608
        )
        return [_told(dict(row)) for row in rows]

    async def due_deliveries(self, limit: int, hidden_for: timedelta) -> list[Delivery]:
        """Events to send now; nobody else gets them for a while."""
        rows = await self._database.fetch(
            f"""
            with due as (
              select delivery_id from provider_delivery
              where delivered_at is null and due_at <= clock_timestamp()
              order by due_at, delivery_id limit $1 for update skip locked)
            update provider_delivery d
            set attempts = attempts + 1, due_at = clock_timestamp() + $2
            from due, provider_log l
            where d.delivery_id = due.delivery_id and l.position = d.position
            returning d.delivery_id, d.attempts, {COLUMNS}, at
            """,  # noqa: S608
            limit,
            hidden_for,
        )
        found = []
        for row in sorted(rows, key=lambda row: int(row["delivery_id"])):
            fields = dict(row)
            number, attempts = fields.pop("delivery_id"), fields.pop("attempts")
            entry, at = _told(fields)
            found.append(Delivery(delivery_id=number, attempts=attempts, entry=entry, at=at))
        return found

    async def delivery_tried(self, delivery_id: int, wait: timedelta | None) -> None:
        """Again after `wait`, or (None) never."""
        await self._database.execute(
            """
            update provider_delivery set
              delivered_at = case when $2::interval is null then clock_timestamp() end,
              due_at = clock_timestamp() + coalesce($2, interval '0')
            where delivery_id = $1
            """,
            delivery_id,
            wait,
        )


def _told(row: dict[str, object]) -> tuple[Entry, datetime]:
    at = row.pop("at")
    if not isinstance(at, datetime):
        raise TypeError("an entry has a time")
    return _entry(row), at


def _entry(row: dict[str, object]) -> Entry:
    answer = row.pop("answer")
    return Entry(
        **row,  # type: ignore[arg-type]
        answer=None if answer is None else from_json(str(answer), ProviderAnswer),
    )
