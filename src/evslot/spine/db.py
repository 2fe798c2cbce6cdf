"""PostgreSQL: a bounded pool, what counts as trouble, and JSON columns."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

import asyncpg
import msgspec

from evslot.spine import message

T = TypeVar("T")
Row: TypeAlias = Mapping[str, Any]
"""What a statement answers: columns by name."""
Connection: TypeAlias = Any
"""The driver's connection (it has no types of its own)."""

POOL_SIZE = 8
ACQUIRE_SECONDS = 2.0
CONNECT_SECONDS = 3.0
CLOCK_SECONDS = 1.0

TROUBLE_CLASSES = ("08", "40", "53", "57", "58")
TROUBLE_STATES = ("55P03", "25P03", "25P04", "25006")


class Trouble(Exception):
    """The database (or the broker) is not well; nobody's message is to blame."""


class AccessRefused(Exception):
    """PostgreSQL does not let a role in; the message names the setting that says who and where."""


class DatabaseUnavailable(Exception):
    """PostgreSQL does not serve a command line; the message names the setting that says where."""


@contextmanager
def access_by(setting: str) -> Iterator[None]:
    """Around a first connection: a wrong address, role, password or database is one clear line."""
    try:
        yield
    except asyncpg.ClientConfigurationError as wrong:
        # The driver quotes what it cannot read, and that may be the password.
        shape = "postgresql://role:password@host:port/database"
        raise AccessRefused(f"{setting} must be like {shape}") from wrong
    except (
        asyncpg.InvalidAuthorizationSpecificationError,
        asyncpg.InvalidCatalogNameError,
    ) as refused:
        raise AccessRefused(f"{setting}: PostgreSQL says {refused}") from refused


@contextmanager
def served_by(setting: str) -> Iterator[None]:
    """As `access_by`, for who does not wait trouble out: that is one clear line, too."""
    try:
        with access_by(setting):
            yield
    except Exception as error:
        if not is_trouble(error):
            raise
        reason = f"PostgreSQL is not there, or not well: {reason_of(error)}"
        raise DatabaseUnavailable(f"{setting}: {reason}") from error


def is_trouble(error: BaseException) -> bool:
    """Whether an error says that the surroundings are at fault, not the statement.

    Lost or refused connections, timeouts, shutdown, deadlocks, serialization failures, a full
    disk: SQLSTATE classes 08, 40, 53, 57, 58 and lock or transaction timeouts. Read only (25006)
    is a server that was the primary a moment ago; to look for the new one is the same trouble.
    """
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return state[:2] in TROUBLE_CLASSES or state in TROUBLE_STATES
    if isinstance(error, asyncpg.InterfaceError):
        if isinstance(error, ValueError):
            return False  # an argument that does not fit; the text quotes it
        return "closed" in str(error) or "connection" in str(error).lower()
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return True
    if isinstance(error, asyncpg.InternalClientError):
        # The server just said that it ends this connection, and the driver is taken by surprise.
        return "cannot switch to state" in str(error)
    return isinstance(error, Trouble | OSError | TimeoutError | asyncio.TimeoutError)


def reason_of(error: BaseException) -> str:
    """What may be told of an error: the driver's own text can quote the row it failed on."""
    if isinstance(error, asyncpg.PostgresError):
        constraint = getattr(error, "constraint_name", None)
        return f"{type(error).__name__}: SQLSTATE {error.sqlstate} {constraint or ''}".strip()
    return f"{type(error).__name__}: {error}"[:500]


class Database:
    """A pool on one database; waits for a connection are bounded."""

    def __init__(
        self,
        url: str,
        *,
        name: str,
        size: int = POOL_SIZE,
        read_only: bool = False,
        statement_seconds: float = 10.0,
        durable: bool = True,
    ) -> None:
        """Not `durable`: a crash of the server may forget the last commits, never corrupt them."""
        self._url = url
        self._size = size
        self._settings = {
            "application_name": name,
            "statement_timeout": str(int(statement_seconds * 1000)),
            "lock_timeout": "1000",
            "idle_in_transaction_session_timeout": "10000",
            "transaction_timeout": "15000",
            "timezone": "UTC",
            "tcp_user_timeout": "10000",
            "client_connection_check_interval": "5000",
            "default_transaction_read_only": "on" if read_only else "off",
            "jit": "off",
            "synchronous_commit": "on" if durable else "off",
            # Plans do not depend on the values here, and planning over partitions costs.
            "plan_cache_mode": "auto" if durable else "force_generic_plan",
        }
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    async def start(self) -> None:
        """Prepare the pool; connections are opened when they are needed."""

    async def stop(self) -> None:
        if self._pool is not None:
            try:
                async with asyncio.timeout(3.0):
                    await self._pool.close()
            except TimeoutError:
                self._pool.terminate()
            self._pool = None

    async def _ready_pool(self) -> asyncpg.Pool:
        if self._pool is None:
            async with self._opening:
                if self._pool is None:
                    self._pool = await asyncpg.create_pool(
                        self._url,
                        min_size=0,
                        max_size=self._size,
                        timeout=CONNECT_SECONDS,
                        command_timeout=12.0,
                        max_inactive_connection_lifetime=300.0,
                        server_settings=self._settings,
                        init=_set_up,
                        reset=_leave_as_is,
                    )
        return self._pool

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection for a moment; raises Trouble where none is to be had in time."""
        pool = await self._ready_pool()
        try:
            connection = await _acquired(pool)
        except TimeoutError as late:
            raise Trouble("no database connection became free in time") from late
        try:
            yield connection
        except (asyncio.CancelledError, asyncpg.InternalClientError):
            # Its statement may still run: to have a hung server stop it would take its time too.
            connection.terminate()
            raise
        except (TimeoutError, asyncpg.ReadOnlySQLTransactionError):
            # No word from the server, not even an end: those that are idle may be as dead, and to
            # find that out one by one would take this long each. Or it is the primary no more:
            # those that are idle lead to it as well, and not to the new one.
            connection.terminate()
            await pool.expire_connections()
            raise
        finally:
            await pool.release(connection, timeout=2.0)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection inside a READ COMMITTED transaction, committed at the end."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def fetch(self, sql: str, *arguments: Any) -> list[Row]:
        async with self.connection() as connection:
            return list(await connection.fetch(sql, *arguments))

    async def fetch_row(self, sql: str, *arguments: Any) -> Row | None:
        async with self.connection() as connection:
            row: Row | None = await connection.fetchrow(sql, *arguments)
            return row

    async def fetch_value(self, sql: str, *arguments: Any) -> Any:
        async with self.connection() as connection:
            return await connection.fetchval(sql, *arguments)

    async def execute(self, sql: str, *arguments: Any) -> int:
        async with self.connection() as connection:
            return affected(await connection.execute(sql, *arguments))

    async def healthy(self) -> bool:
        """Whether a statement goes through within a second."""
        try:
            async with asyncio.timeout(1.0):
                return bool(await self.fetch_value("select true"))
        except Exception as error:
            if is_trouble(error) or isinstance(error, asyncpg.PostgresError):
                return False
            raise

    @property
    def in_use(self) -> int:
        """Connections out at this moment."""
        if self._pool is None:
            return 0
        return int(self._pool.get_size() - self._pool.get_idle_size())


class Clock:
    """The database's time for questions, asked for once a second: a question decides nothing.

    Never behind the database, so that nothing it has lies in the future; ahead by less than it
    took to ask.
    """

    def __init__(self) -> None:
        self._said: datetime | None = None
        self._asked = 0.0

    async def now(self, connection: Connection) -> datetime:
        """Aware, UTC."""
        before = time.monotonic()
        if self._said is None or before - self._asked > CLOCK_SECONDS:
            self._said, self._asked = await connection.fetchval("select now()"), before
        return self._since(self._said)

    def guessed(self) -> datetime | None:
        """By what it said the last time, however long ago; None before the first."""
        return None if self._said is None else self._since(self._said)

    def _since(self, said: datetime) -> datetime:
        return said + timedelta(seconds=time.monotonic() - self._asked)


async def _acquired(pool: asyncpg.Pool) -> Connection:
    """A connection of the pool. Who gives up waiting leaves it to the next one.

    Else, where connecting takes longer than a question may, every question would begin to connect
    and none would ever be answered.
    """
    acquiring = asyncio.ensure_future(pool.acquire(timeout=ACQUIRE_SECONDS))
    try:
        return await asyncio.shield(acquiring)
    except asyncio.CancelledError:
        acquiring.add_done_callback(lambda done: _given_back(pool, done))
        raise


def _given_back(pool: asyncpg.Pool, acquired: "asyncio.Future[Connection]") -> None:
    if not acquired.cancelled() and acquired.exception() is None:
        asyncio.ensure_future(pool.release(acquired.result(), timeout=2.0))  # noqa: RUF006 - as short


async def connect(url: str, name: str, seconds: float = CONNECT_SECONDS) -> Connection:
    """A single connection outside any pool (migrations, slot locks)."""
    connection = await asyncpg.connect(
        url, timeout=seconds, server_settings={"application_name": name, "timezone": "UTC"}
    )
    try:
        await _set_up(connection)
    except BaseException:
        connection.terminate()  # nobody else knows of it
        raise
    return connection


async def _set_up(connection: Connection) -> None:
    """Plain `uuid.UUID` instead of the driver's subclass, which the JSON encoder refuses."""
    await connection.set_type_codec(
        "uuid",
        schema="pg_catalog",
        encoder=lambda value: value.bytes,
        decoder=lambda raw: msgspec.convert(raw, UUID),  # a quarter of the time of UUID(bytes=raw)
        format="binary",
    )


async def _leave_as_is(connection: Connection) -> None:
    """Nothing of ours outlives a transaction, so a reset's round trip buys nothing."""


def affected(status: str) -> int:
    """`UPDATE 3` -> 3."""
    last = status.rpartition(" ")[2]
    return int(last) if last.isdigit() else 0


def to_json(value: Any) -> str:
    """For a jsonb parameter; sealed fields are refused."""
    return message.encode(value).decode()


def from_json(text: str | bytes, kind: type[T]) -> T:
    """From a jsonb column."""
    return message.decode(text.encode() if isinstance(text, str) else text, kind)


def columns(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """Rows turned into `width` column lists, as `unnest($1, $2, …)` takes them."""
    if not rows:
        return [[] for _ in range(width)]
    return [list(column) for column in zip(*rows, strict=True)]
