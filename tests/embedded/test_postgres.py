"""Every role reaches its own database and nothing else, with time limits on what it does."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from evslot import system
from evslot.cli.surroundings import Surroundings, database_url, databases
from evslot.embedded.ports import free_port
from evslot.embedded.postgres import DatabaseSpec, EmbeddedPostgres
from evslot.embedded.supervisor import Process, Step, StillRecovering, Supervisor

pytestmark = pytest.mark.anyio

USER = DatabaseSpec("some_user_db", "some_user", "some_user_password")
STATION = DatabaseSpec("some_station_db", "some_station", "some'station\"password")


@pytest.fixture(scope="module")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedPostgres]:
    folder = tmp_path_factory.mktemp("postgres")
    server = EmbeddedPostgres(folder, free_port())
    async with Supervisor(_nodes(server), folder=folder):
        await server.provision([USER, STATION])
        yield server


def _nodes(server: EmbeddedPostgres) -> list[Process | Step]:
    return [Step(name="prepare", action=server.prepare), server.process(["prepare"])]


async def _connect(
    server: EmbeddedPostgres, database: str, user: str, password: str
) -> asyncpg.Connection:
    return await asyncpg.connect(
        host=server.host, port=server.port, database=database, user=user, password=password
    )


@pytest.mark.parametrize("role", [USER.owner, USER.app])
@pytest.mark.parametrize("database", [STATION.name, "postgres", "template1"])
async def test_a_role_reaches_only_its_own_database(
    postgres: EmbeddedPostgres, role: str, database: str
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await _connect(postgres, database, role, USER.password)
    connection = await _connect(postgres, USER.name, role, USER.password)
    assert await connection.fetchval("SELECT current_user") == role
    await connection.close()


async def test_the_owner_migrates_and_the_app_role_only_works_on_rows(
    postgres: EmbeddedPostgres,
) -> None:
    owner = await _connect(postgres, STATION.name, STATION.owner, STATION.password)
    app = await _connect(postgres, STATION.name, STATION.app, STATION.password)
    for extension in ("btree_gist", "cube", "pg_trgm"):
        await owner.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
    assert await app.fetchval("SELECT show_trgm('ä')") != []
    await owner.execute(
        "CREATE TABLE thing (id bigint GENERATED ALWAYS AS IDENTITY, slot int4range, "
        "EXCLUDE USING gist (id WITH =, slot WITH &&))"
    )
    await app.execute("INSERT INTO thing (slot) VALUES ('[1,3)')")
    assert await app.fetchval("SELECT count(*) FROM thing") == 1
    await app.execute("DELETE FROM thing")
    for forbidden in ("DROP TABLE thing", "CREATE TABLE mine (id int)", "TRUNCATE thing"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(forbidden)
    await app.close()
    await owner.close()


async def test_nothing_of_the_app_role_waits_for_ever(postgres: EmbeddedPostgres) -> None:
    app = await _connect(postgres, USER.name, USER.app, USER.password)
    limits = {
        name: await app.fetchval("SELECT current_setting($1)", name)
        for name in (
            "statement_timeout",
            "lock_timeout",
            "idle_in_transaction_session_timeout",
            "transaction_timeout",
        )
    }
    assert list(limits.values()) == ["10s", "1s", "10s", "15s"]
    await app.close()


async def test_what_is_promised_to_be_safe_is_switched_on(postgres: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(postgres.superuser_dsn)
    for name in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums"):
        assert await connection.fetchval("SELECT current_setting($1)", name) == "on"
    assert await connection.fetchval("SELECT current_setting('listen_addresses')") == "127.0.0.1"
    await connection.close()


async def test_no_password_no_entry(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await _connect(postgres, USER.name, USER.app, "wrong")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await _connect(postgres, "postgres", "postgres", "postgres")


async def test_what_the_environment_says_of_other_servers_is_not_said_of_this_one(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLMODE", "require")
    monkeypatch.setenv("PGSSLNEGOTIATION", "direct")
    monkeypatch.setenv("PGTARGETSESSIONATTRS", "standby")
    assert await postgres.ready()
    await postgres.provision(databases()[:1])
    where = Surroundings(postgres_port=postgres.port)
    part = system.PARTS[0]
    for role in (part.owner, f"{part.owner}_app"):
        connection = await asyncpg.connect(database_url(where, part, role))
        assert await connection.fetchval("SELECT current_user") == role
        await connection.close()


async def test_provisioning_again_changes_nothing_and_takes_a_new_password(
    postgres: EmbeddedPostgres,
) -> None:
    spec = DatabaseSpec("again_db", "again", "first")
    await postgres.provision([spec])
    owner = await _connect(postgres, spec.name, spec.owner, "first")
    await owner.execute("CREATE TABLE kept (id int)")
    await owner.close()
    await postgres.provision([DatabaseSpec("again_db", "again", "second")])
    owner = await _connect(postgres, spec.name, spec.owner, "second")
    assert await owner.fetchval("SELECT count(*) FROM kept") == 0
    await owner.close()


async def test_data_outlive_a_stop_and_a_stale_mark_of_a_killed_server(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path, free_port())
    async with Supervisor(_nodes(server), folder=tmp_path):
        await server.provision([USER])
        owner = await _connect(server, USER.name, USER.owner, USER.password)
        await owner.execute("CREATE TABLE kept (id int)")
        await owner.close()
    # As after a SIGKILL when the number went to a process that is alive and no PostgreSQL: 1.
    mark = tmp_path / "postgres" / "data" / "postmaster.pid"
    mark.write_text(f"1\n{mark.parent}\n0\n{server.port}\n\n127.0.0.1\n")
    async with Supervisor(_nodes(server), folder=tmp_path):
        owner = await _connect(server, USER.name, USER.owner, USER.password)
        assert await owner.fetchval("SELECT count(*) FROM kept") == 0
        await owner.close()


async def test_a_server_that_crashes_is_started_anew_and_does_not_mend_itself(
    tmp_path: Path,
) -> None:
    """PostgreSQL 18 that fails again while it recovers stands still; a new process does not."""
    server = EmbeddedPostgres(tmp_path, free_port())
    async with Supervisor(_nodes(server), folder=tmp_path) as supervisor:
        await server.provision([USER])
        owner = await _connect(server, USER.name, USER.owner, USER.password)
        await owner.execute("CREATE TABLE kept (id int)")
        os.kill(await owner.fetchval("SELECT pg_backend_pid()"), signal.SIGKILL)
        for _ in range(600):
            if supervisor.restarts("postgres") and await _answers(server):
                break
            await asyncio.sleep(0.05)
        owner = await _connect(server, USER.name, USER.owner, USER.password)
        assert await owner.fetchval("SELECT count(*) FROM kept") == 0
        await owner.close()


async def _answers(server: EmbeddedPostgres) -> bool:
    try:
        return await server.ready()
    except (OSError, StillRecovering):
        return False


async def test_a_server_that_recovers_from_a_loss_of_power_is_not_taken_for_one_that_hangs(
    tmp_path: Path,
) -> None:
    """What takes minutes there is one answer here."""
    said = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(b"E" + (len(said) + 4).to_bytes(4) + said)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as recovering:
        server = EmbeddedPostgres(tmp_path, recovering.sockets[0].getsockname()[1])
        (tmp_path / "postgres").mkdir()
        (tmp_path / "postgres" / "superuser-password").write_text("secret")
        with pytest.raises(StillRecovering):
            await server.ready()


async def test_the_superuser_password_is_in_a_file_of_its_owner(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    password = urlsplit(postgres.superuser_dsn).password
    assert password is not None
    assert len(password) >= 24
    server = EmbeddedPostgres(tmp_path, free_port())
    await server.prepare()
    file = tmp_path / "postgres" / "superuser-password"
    assert file.stat().st_mode & 0o777 == 0o600
