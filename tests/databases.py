"""A database of its own for each test: made from a migrated template, and emptied for the next."""

import asyncio
from collections import defaultdict
from uuid import uuid4

import asyncpg

from evslot.embedded.postgres import DatabaseSpec, provision
from evslot.embedded.throwaway import PostgresServer
from evslot.spine import migrations
from evslot.spine.service import Service

_templates: set[tuple[int, str]] = set()
_empty: dict[tuple[int, str], list[str]] = defaultdict(list)
_admin = asyncio.Lock()

KEEP = """
do $$ declare t record; many bigint; begin
  create schema pristine;
  create view pristine.shape as
    select md5(string_agg(concat_ws(' ', c.relname, what.name), ',' order by c.relname, what.name))
    from pg_class c
    join (
      select attrelid as of, attname as name from pg_attribute where attnum > 0
      union all select conrelid, conname from pg_constraint
      union all select tgrelid, tgname from pg_trigger where not tgisinternal
    ) as what on what.of = c.oid
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
      and not c.relispartition;
  create table pristine.first_shape as table pristine.shape;
  for t in select relname as name from pg_stat_user_tables where schemaname = 'public' loop
    execute format('select count(*) from %I', t.name) into many;
    if many > 0 then
      execute format('create table pristine.%1$I as table public.%1$I', t.name);
    end if;
  end loop;
end $$"""
"""What the migrations themselves put into the tables."""

EMPTY = """
do $$ declare t record; begin
  set local session_replication_role = replica;  -- no triggers: some tables only ever grow
  for t in
    select c.relname as name, to_regclass('pristine.' || quote_ident(c.relname)) as kept
    from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
      and pg_relation_size(c.oid) > 0
  loop
    execute format('delete from %I', t.name);
    if t.kept is not null then
      execute format('insert into %I overriding system value table %s', t.name, t.kept);
    end if;
  end loop;
  for t in select sequencename as name from pg_sequences where last_value is not null loop
    execute format('alter sequence %I restart', t.name);
  end loop;
end $$"""
"""As it came from the template; making another one would take fifty times as long."""

SAME = "select (table pristine.shape) = (table pristine.first_shape)"
"""Whether tables, columns, constraints and triggers are what the migrations made."""

OTHERS = """
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid()"""


async def fresh_database(server: PostgresServer, service: Service) -> str:
    """A new database with the service's tables, as the app role sees it; answers its URL."""
    part = service.name
    owner, app = f"{part}_test", f"{part}_test_app"
    template = f"template_{part}"
    name = f"{part}_{uuid4().hex[:12]}"
    async with _admin:
        if _empty[server.port, part]:
            return _empty[server.port, part].pop()
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
    connection = await asyncpg.connect(_as_superuser(server, spec.name))
    try:
        await connection.execute(KEEP)
    finally:
        await connection.close()


async def give_back(server: PostgresServer, service: Service, url: str) -> None:
    """Nobody uses this database any more: the next test may have it, emptied.

    One whose tables were changed is left to the end of the run.
    """
    connection = await asyncpg.connect(_as_superuser(server, url.rpartition("/")[2]))
    try:
        await connection.execute(OTHERS)
        if not await connection.fetchval(SAME):
            return
        await connection.execute(EMPTY)
    finally:
        await connection.close()
    _empty[server.port, service.name].append(url)


def _as_superuser(server: PostgresServer, database: str) -> str:
    return server.superuser_dsn.rpartition("/")[0] + "/" + database
