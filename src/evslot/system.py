"""The whole system on one page: its parts, their databases, owners, ports and topics."""

from importlib import import_module
from pathlib import Path
from typing import Any

from msgspec import Struct

from evslot.spine.service import Service


class Part(Struct, frozen=True, kw_only=True):
    """One part of the system: one process (or several in numbered slots), one database."""

    name: str
    database: str
    owner: str
    """Owns and migrates the database; `<owner>_app` runs on it."""
    password: str
    """Of development, for owner and app role alike."""
    compose_port: int
    """Where the compose file publishes the part's PostgreSQL."""
    health_port: int


PARTS = (
    Part(
        name="gateway",
        database="ev_api_gateway_db",
        owner="ev_api_user",
        password="ev_api_password",
        compose_port=8000,
        health_port=9100,
    ),
    Part(
        name="user",
        database="ev_user_db",
        owner="ev_user",
        password="ev_user_password",
        compose_port=6000,
        health_port=9101,
    ),
    Part(
        name="station",
        database="ev_station_db",
        owner="ev_station_user",
        password="ev_station_password",
        compose_port=4002,
        health_port=9102,
    ),
    Part(
        name="reservation",
        database="ev_reservation_db",
        owner="ev_reservation_user",
        password="ev_reservation_password",
        compose_port=4003,
        health_port=9103,
    ),
    Part(
        name="payment",
        database="ev_payment_db",
        owner="ev_payment_user",
        password="ev_payment_password",
        compose_port=4004,
        health_port=9104,
    ),
    Part(
        name="notification",
        database="ev_notification_db",
        owner="ev_notification_user",
        password="ev_notification_password",
        compose_port=3000,
        health_port=9105,
    ),
)
NAMES = tuple(part.name for part in PARTS)
SERVICES = tuple(name for name in NAMES if name != "gateway")


def part(name: str) -> Part:
    """Raises LookupError for an unknown name."""
    for known in PARTS:
        if known.name == name:
            return known
    raise LookupError(f"no part {name}; the parts are {', '.join(NAMES)}")


def service(name: str) -> Service:
    """The wiring of a service; imported only where it is needed."""
    if name not in SERVICES:
        raise LookupError(f"no service {name}; the services are {', '.join(SERVICES)}")
    wired: Any = import_module(f"evslot.services.{name}.service")
    found: Service = wired.SERVICE
    return found


def schema_folders(name: str) -> list[Path]:
    """The migrations of a part, in order; services have the spine's tables first."""
    here = Path(__file__).parent
    if name == "gateway":
        return [here / "gateway" / "schema"]
    return [here / "spine" / "schema", here / "services" / part(name).name / "schema"]
