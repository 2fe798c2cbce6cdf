"""`evslot migrate`, `topics`, `keys`, `republish`: what is done once, or after a disaster."""

import asyncio
import sys
from pathlib import Path

from evslot import system
from evslot.cli.surroundings import Surroundings, arm_failpoints, beside_up, owner_urls
from evslot.spine import db, migrations
from evslot.spine.config import Config, PartSettings, SharedSettings
from evslot.spine.kafka import make_topics, secure
from evslot.spine.republishing import republish as republish_all
from evslot.spine.sealing import Keys, make_keys, rotate
from evslot.spine.topics import Topics
from evslot.spine.wiring import Resources


def migrate(*parts: str) -> None:
    """Bring the databases of PARTS (default: all) up to date, as their owners.

    Reads EVSLOT_<PART>_OWNER_DATABASE_URL; without it the embedded server's address.
    """
    arm_failpoints("migrate")
    urls = owner_urls(Config.from_environment().shared(Surroundings))
    for name in parts or system.NAMES:
        folders = system.schema_folders(system.part(name).name)
        with db.served_by(f"EVSLOT_{name.upper()}_OWNER_DATABASE_URL"):
            fresh = asyncio.run(migrations.migrate(urls[name], folders))
        print(f"{name}: {', '.join(fresh) if fresh else 'up to date'}")


def topics(*, replication: int = 1) -> None:
    """Make the topics that are missing, set the others as the table says, and print it."""
    shared = broker()
    table = Topics(shared.topic_prefix).table()
    done = make_topics(shared.kafka_bootstrap, table, replication)
    for topic in table:
        state = done.get(topic.name, "there")
        print(f"{topic.name:28} {topic.partitions:3} partitions  {state:7} {topic.carries}")
    if "differs" in done.values():
        print(
            "What differs needs AlterConfigs on topics: allow it, and run this again",
            file=sys.stderr,
        )


def keys(folder: Path, *, rotate_part: str | None = None) -> None:
    """Make one key set per part in FOLDER, or a new key for one part (the old still opens)."""
    if rotate_part is not None:
        rotate(folder, system.part(rotate_part).name)
        print(f"{rotate_part} has a new key; restart its processes, then all others")
        return
    make_keys(folder, system.NAMES)
    print(f"keys of {', '.join(system.NAMES)} are in {folder}")


def republish(service: str) -> None:
    """Emit the present state of every live thing of SERVICE again, so that views close gaps.

    Reads what `evslot run` reads; without it the system is the one that `up` runs.
    """
    config = beside_up(service)
    settings = config.read(PartSettings, service)
    shared = config.shared(SharedSettings)
    wired = system.service(service)
    own = Keys.load(service, Path(settings.keys_file), Path(shared.keys_public_file))
    resources = Resources([*wired.resources(config), own])
    wiring = wired.wiring(Topics(shared.topic_prefix), own, resources)

    async def work() -> int:
        database = db.Database(settings.database_url, name=f"{service} republish")
        try:
            return await republish_all(wiring, wired.all_handlers(), database)
        finally:
            await database.stop()

    with db.served_by(f"EVSLOT_{service.upper()}_DATABASE_URL"):
        print(f"{service}: {asyncio.run(work())} events are on their way")


def broker() -> SharedSettings:
    """How this command reaches Kafka."""
    shared = beside_up().shared(SharedSettings)
    secure(shared)
    return shared


COMMANDS = (migrate, topics, keys, republish)
