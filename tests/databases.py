"""A database of its own for each test, made from a template that was migrated once."""

import asyncio
from uuid import uuid4

import asyncpg

from evslot.embedded.postgres import DatabaseSpec, provision
from evslot.embedded.throwaway import PostgresServer
from evslot.spine import migrations
from evslot.spine.service import Service

_templates: set[tuple[int, str]] = set()
_admin = asyncio.Lock()


async def fresh_database(server: PostgresServer, service: Service) -> str:
    """A new database with the service's tables, as the app role sees it; answers its URL."""
    part = service.name
    owner, app = f"{part}_test", f"{part}_test_app"
    template = f"template_{part}"
    name = f"{part}_{uuid4().hex[:12]}"
    async with _admin:
        if (server.port, part) not in _templates:
            await _make_template(server, service, DatabaseSpec(template, owner, "secret"))
            _templates.add((server.port, part))
        connection = await asyncpg.connect(server.superuser_dsn)
        try:
            await connection.execute(f'create database "{name}" template "{template}"')
            await connection.execute(f'grant connect, temporary on database "{name}" to "{app}"')
        finally:
            await connection.close()
    return f"postgresql://{app}:secret@{server.host}:{server.port}/{name}"


async def _make_template(server: PostgresServer, service: Service, spec: DatabaseSpec) -> None:
    await provision(server.superuser_dsn, [spec])
    url = f"postgresql://{spec.owner}:{spec.password}@{server.host}:{server.port}/{spec.name}"
    await migrations.migrate(url, service.schema_folders)
