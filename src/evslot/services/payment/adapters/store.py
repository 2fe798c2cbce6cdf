"""The books of the simulated provider: one append-only table, on a connection of its own."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from evslot.services.payment.adapters.entries import Entry
from evslot.services.payment.domain.record import ProviderAnswer
from evslot.spine.db import Connection, Database, from_json, to_json

CONNECTIONS = 4
"""Calls wait outside of them, so a few serve all workers."""

COLUMNS = """idempotency_key, step, kind, reference, amount, currency, takes_at_once, valid_until,
    fault, merchant_id, answer"""

APPEND = f"""
    insert into provider_log ({COLUMNS})
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb)
    """  # noqa: S608


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

    async def append(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            values = (getattr(entry, name) for name in entry.__struct_fields__[:-1])
            answer = None if entry.answer is None else to_json(entry.answer)
            await self._connection.execute(APPEND, *values, answer)


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


def _entry(row: dict[str, object]) -> Entry:
    answer = row.pop("answer")
    return Entry(
        **row,  # type: ignore[arg-type]
        answer=None if answer is None else from_json(str(answer), ProviderAnswer),
    )
