"""The settings of `evslot up`, and the environment it gives to each part."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from evslot import system
from evslot.embedded.postgres import DatabaseSpec, local_address
from evslot.spine import failpoints
from evslot.spine.config import Config, FaultSettings, SettingInvalid, SharedSettings
from evslot.spine.sealing import PUBLIC_FILE
from evslot.spine.topics import Topics
from evslot.system import Part

Port = Annotated[int, Meta(ge=1, le=65535)]


class Surroundings(Struct, frozen=True, kw_only=True):
    """Where `up` puts things: `EVSLOT_<FIELD>`."""

    data_dir: str = ".evslot"
    cache_dir: str = "~/.cache/evslot"
    postgres_port: Port = 54320
    kafka_port: Port = 9092
    kafka_advertised_port: Port | None = None
    """Where clients find the broker, if not there: something stands in front of it."""
    gateway_port: Port = 8080
    mail_smtp_port: Port = 1025
    mail_http_port: Port = 8025
    postgres_bin: str | None = None
    java: str | None = None
    kafka_java_options: str | None = None

    @property
    def folder(self) -> Path:
        return Path(self.data_dir).absolute()

    @property
    def keys(self) -> Path:
        return self.folder / "keys"

    @property
    def kafka_bootstrap(self) -> str:
        return f"127.0.0.1:{self.kafka_advertised_port or self.kafka_port}"


class _Health(Struct, frozen=True, kw_only=True):
    """Where a part is asked whether it is well: `EVSLOT_<PART>_<FIELD>`."""

    health_port: Port | None = None


def arm_failpoints(process: str) -> None:
    """What tests want broken in this process; raises SettingInvalid in production."""
    wanted = Config.from_environment().shared(FaultSettings)
    if wanted.fail and wanted.environment == "production":
        raise SettingInvalid("EVSLOT_FAIL breaks things on purpose: it must not be set here")
    failpoints.arm(wanted.fail, process)


def process_name(part: str, slot: int) -> str:
    """As `up` calls it: `reservation`, the next one `reservation-1`."""
    return part if slot == 0 else f"{part}-{slot}"


def health_port(part: Part, slot: int) -> int:
    """As set, ten further on for each more process of the part."""
    own = Config.from_environment().read(_Health, part.name)
    return (own.health_port or part.health_port) + 10 * slot


def gateway_port(where: Surroundings, slot: int) -> int:
    """The first gateway's HTTP port, the next one's beside it."""
    return where.gateway_port + slot


def database_url(where: Surroundings, part: Part, role: str) -> str:
    """The address of a part's database on the embedded server."""
    return local_address(part.database, role, part.password, where.postgres_port)


def databases() -> list[DatabaseSpec]:
    """What is to be provisioned."""
    return [DatabaseSpec(part.database, part.owner, part.password) for part in system.PARTS]


def shared_environment(where: Surroundings) -> dict[str, str]:
    """What all parts are told."""
    return {
        "EVSLOT_KAFKA_BOOTSTRAP": where.kafka_bootstrap,
        "EVSLOT_KEYS_PUBLIC_FILE": str(where.keys / PUBLIC_FILE),
    }


def environment(where: Surroundings, part: Part, slot: int = 0) -> Mapping[str, str]:
    """What one process of a part is told; it gets no owner's password and no other's keys."""
    upper = part.name.upper()
    # As for migrations: what is set wins.
    own = os.environ.get(f"EVSLOT_{upper}_DATABASE_URL", "").strip()
    common = {
        **shared_environment(where),
        f"EVSLOT_{upper}_DATABASE_URL": own or database_url(where, part, f"{part.owner}_app"),
        f"EVSLOT_{upper}_HEALTH_PORT": str(health_port(part, slot)),
        f"EVSLOT_{upper}_KEYS_FILE": str(where.keys / f"{part.name}.json"),
        f"EVSLOT_{upper}_SLOT": str(slot),
        "PYTHONUNBUFFERED": "1",
    }
    if part.name == "gateway":
        common["EVSLOT_GATEWAY_PORT"] = str(gateway_port(where, slot))
        common["EVSLOT_GATEWAY_INBOX_URL"] = f"http://127.0.0.1:{where.mail_http_port}"
    if part.name == "notification":
        # A mail server of one's own wins over the catcher.
        name = "EVSLOT_NOTIFICATION_SMTP_PORT"
        common[name] = os.environ.get(name) or str(where.mail_smtp_port)
    return common


def beside_up(part: str | None = None) -> Config:
    """For commands that look after a system: what is set, and else what `up` tells its parts.

    With `part` also what it tells that one; raises LookupError for none of that name.
    """
    where = Config.from_environment().shared(Surroundings)
    given = environment(where, system.part(part)) if part else shared_environment(where)
    return Config({**given, **{name: text for name, text in os.environ.items() if text.strip()}})


def topics() -> Topics:
    """As the parts name them."""
    return Topics(beside_up().shared(SharedSettings).topic_prefix)


def owner_urls(where: Surroundings) -> dict[str, str]:
    """For migrations: each part's database as its owner; set addresses win over the embedded."""
    return {
        part.name: os.environ.get(f"EVSLOT_{part.name.upper()}_OWNER_DATABASE_URL")
        or database_url(where, part, part.owner)
        for part in system.PARTS
    }
