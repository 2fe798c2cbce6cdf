"""SQL of the edge's own database: operations not told at once, and the history of requests."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from evslot.spine.db import Database, Row, columns

INSERT_OPERATIONS = """
insert into operation (id, service, type, caller, accepted_at)
select id, service, type, caller, now() - age
from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::interval[])
  as accepted (id, service, type, caller, age)
on conflict (id) do nothing"""

SELECT_OPERATION = """
select id, service, type, caller, accepted_at, now() - accepted_at as age
from operation where id = $1"""

DELETE_OLD_OPERATIONS = """
delete from operation where id in (
  select id from operation
  where accepted_at < now() - $1::interval order by accepted_at limit $2)"""

REQUEST_PARTITIONS = "select request_partitions()"

SELECT_REQUESTS = """
select at, id, method, route, path, status, code, milliseconds, user_id, organisation_id, command_id
from request
where ($1::uuid is null or user_id = $1) and ($2::uuid is null or organisation_id = $2)
  and (at, id) < ($3, $4)
order by at desc, id desc
limit $5"""

DELETE_REQUESTS_OF = "delete from request where user_id = any($1::uuid[])"

OperationRow = tuple[UUID, str, str, UUID | None, timedelta]
"""Id, service, type, caller, and how long ago it was accepted."""


async def insert_operations(database: Database, rows: Sequence[OperationRow]) -> None:
    """A repeat keeps the first row: when it was accepted first counts."""
    await database.execute(INSERT_OPERATIONS, *columns(rows, 5))


async def select_operation(database: Database, operation_id: UUID) -> Row | None:
    return await database.fetch_row(SELECT_OPERATION, operation_id)


async def delete_old_operations(database: Database, older: timedelta, limit: int) -> int:
    """Answers how many it deleted; less than `limit` means that none is left."""
    return await database.execute(DELETE_OLD_OPERATIONS, older, limit)


class RequestRow(NamedTuple):
    """One row of `request`, in the order of its columns."""

    at: datetime
    id: str
    method: str
    route: str
    path: str
    status: int
    code: str | None
    milliseconds: int
    user_id: UUID | None
    organisation_id: UUID | None
    command_id: UUID | None


async def copy_requests(database: Database, rows: Sequence[RequestRow]) -> None:
    """All or none; fails with 23505 where they are there already."""
    async with database.connection() as connection:
        await connection.copy_records_to_table("request", records=rows, columns=RequestRow._fields)


async def select_requests(
    database: Database,
    user_id: UUID | None,
    organisation_id: UUID | None,
    before: tuple[datetime, str],
    limit: int,
) -> list[RequestRow]:
    """Newest first; None = of everybody."""
    rows = await database.fetch(SELECT_REQUESTS, user_id, organisation_id, *before, limit)
    return [RequestRow(**row) for row in rows]


async def delete_requests_of(database: Database, user_ids: Sequence[UUID]) -> int:
    """Everything these people asked."""
    return await database.execute(DELETE_REQUESTS_OF, list(user_ids))


async def tend_request_partitions(database: Database) -> None:
    """Days to come get a partition, old ones go."""
    await database.execute(REQUEST_PARTITIONS)
