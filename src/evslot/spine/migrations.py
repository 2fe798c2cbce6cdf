"""Migrations: numbered SQL files, run once each by the owner, under a lock, with checksums."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from evslot.spine import db
from evslot.spine.failpoints import failpoint

LOCK = 0x65_76_73_6C  # "evsl": one migration at a time per database
SPINE = Path(__file__).parent / "schema"

_TABLE = """
create table if not exists schema_migration (
  name text primary key,
  checksum text not null,
  applied_at timestamptz not null default now()
)"""


class MigrationChanged(Exception):
    """A file that was already applied has other contents now; write a new file instead."""


class Migration(Struct, frozen=True):
    """One SQL file; `name` is `<folder>/<file>`."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def read(folders: Sequence[Path]) -> list[Migration]:
    """All files of the folders, in their order."""
    return [
        Migration(f"{folder.parent.name}/{file.name}", file.read_text())
        for folder in folders
        for file in sorted(folder.glob("*.sql"))
    ]


async def migrate(owner_url: str, folders: Sequence[Path]) -> list[str]:
    """Apply what is missing, each file in its own transaction; answers the names applied."""
    connection = await db.connect(owner_url, "migrate")
    try:
        await connection.execute("select pg_advisory_lock($1)", LOCK)
        await connection.execute(_TABLE)
        applied = await _applied(connection)
        fresh = []
        for migration in read(folders):
            if migration.name in applied:
                _check_unchanged(migration, applied)
                continue
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(
                    "insert into schema_migration (name, checksum) values ($1, $2)",
                    migration.name,
                    migration.checksum,
                )
                failpoint("migration.before_commit")
            failpoint("migration.after_commit")
            fresh.append(migration.name)
        return fresh
    finally:
        await connection.close(timeout=3.0)


async def missing(database: db.Database, folders: Sequence[Path]) -> list[str]:
    """The names of files not applied yet; a process waits until this is empty."""
    exists = await database.fetch_value("select to_regclass('schema_migration') is not null")
    if not exists:
        return [migration.name for migration in read(folders)]
    rows = await database.fetch("select name, checksum from schema_migration")
    applied = {row["name"]: row["checksum"] for row in rows}
    return [migration.name for migration in read(folders) if migration.name not in applied]


async def _applied(connection: db.Connection) -> dict[str, str]:
    rows = await connection.fetch("select name, checksum from schema_migration")
    return {row["name"]: row["checksum"] for row in rows}


def _check_unchanged(migration: Migration, applied: dict[str, str]) -> None:
    if applied[migration.name] != migration.checksum:
        raise MigrationChanged(
            f"{migration.name} was changed after it was applied; put the change in a new file"
        )
