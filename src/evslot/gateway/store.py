"""SQL of the edge's own database: operations whose outcome was not told at once."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from evslot.spine.db import Database, Row, columns

INSERT_OPERATIONS = """
insert into operation (id, service, type, caller, accepted_at)
select * from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::timestamptz[])
on conflict (id) do nothing"""

SELECT_OPERATION = "select id, service, type, caller, accepted_at from operation where id = $1"

DELETE_OLD_OPERATIONS = """
delete from operation where id in
  (select id from operation where accepted_at < $1 order by accepted_at limit $2)"""

OperationRow = tuple[UUID, str, str, UUID | None, datetime]


async def insert_operations(database: Database, rows: Sequence[OperationRow]) -> None:
    """A repeat keeps the first row: when it was accepted first counts."""
    await database.execute(INSERT_OPERATIONS, *columns(rows, 5))


async def select_operation(database: Database, operation_id: UUID) -> Row | None:
    return await database.fetch_row(SELECT_OPERATION, operation_id)


async def delete_old_operations(database: Database, before: datetime, limit: int) -> int:
    """Answers how many it deleted; less than `limit` means that none is left."""
    return await database.execute(DELETE_OLD_OPERATIONS, before, limit)
