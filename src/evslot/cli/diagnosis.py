"""`evslot doctor`: what is there, what is missing, what to do."""

import platform
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from evslot import system
from evslot.cli.surroundings import Surroundings, health_port
from evslot.embedded.identity import unprivileged_identity
from evslot.embedded.java import find_java
from evslot.embedded.ports import PortTaken, ensure_port_free
from evslot.embedded.postgres import bin_folder
from evslot.spine.config import Config

console = Console(highlight=False)
NEEDED_GIGABYTES = 2


def doctor() -> None:
    """Check this machine for `evslot up`; status 1 where something is missing."""
    where = Config.from_environment().shared(Surroundings)
    checks: list[tuple[str, Callable[[], str]]] = [
        ("Python", _python),
        ("PostgreSQL", lambda: str(bin_folder(where.postgres_bin))),
        ("PostgreSQL's user", lambda: _identity()),
        ("Java", lambda: str(find_java(where.java).program)),
        ("room on disk", lambda: _room(where.folder)),
        ("system running", lambda: _running(where)),
    ]
    good = [_check(name, look) for name, look in checks]
    if not all(good):
        sys.exit(1)
    console.print("All is there: run `evslot up`.")


def _check(name: str, look: Callable[[], str]) -> bool:
    try:
        console.print(f"[green]✓[/] {name}: {look()}")
        return True
    except Exception as error:
        console.print(f"[red]✗[/] {name}: {error}")
        return False


def _python() -> str:
    return f"{platform.python_version()} on {platform.platform()}"


def _identity() -> str:
    prefix = unprivileged_identity().prefix
    return f"by `{' '.join(prefix)}`" if prefix else "as you are"


def _room(folder: Path) -> str:
    there = folder if folder.exists() else folder.parent
    gigabytes = shutil.disk_usage(there).free / 1e9
    if gigabytes < NEEDED_GIGABYTES:
        raise OSError(
            f"{gigabytes:.1f} GB free at {folder}: make room for {NEEDED_GIGABYTES} GB,"
            " or set EVSLOT_DATA_DIR"
        )
    return f"{gigabytes:.0f} GB free at {folder}"


def _running(where: Surroundings) -> str:
    """Either all ports are free, or a system is there."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        if probe.connect_ex(("127.0.0.1", where.gateway_port)) == 0:
            return f"yes, http://127.0.0.1:{where.gateway_port}"
    ports = [
        (where.postgres_port, "EVSLOT_POSTGRES_PORT"),
        (where.kafka_port, "EVSLOT_KAFKA_PORT"),
        (where.mail_smtp_port, "EVSLOT_MAIL_SMTP_PORT"),
        (where.mail_http_port, "EVSLOT_MAIL_HTTP_PORT"),
        *(
            (health_port(part, 0), f"EVSLOT_{part.name.upper()}_HEALTH_PORT")
            for part in system.PARTS
        ),
    ]
    taken = []
    for port, setting in ports:
        try:
            ensure_port_free(port, setting)
        except PortTaken as error:
            taken.append(str(error))
    if taken:
        raise OSError("; ".join(taken))
    return "no, and all its ports are free"


COMMANDS = (doctor,)
