"""`evslot gaps`: the events that a service missed, and that its views have them now."""

import asyncio

from evslot import system
from evslot.cli.surroundings import beside_up
from evslot.spine import db
from evslot.spine import gaps as missed
from evslot.spine.config import PartSettings


def gaps(service: str, *, close: bool = False) -> None:
    """Name the partitions of which SERVICE missed events; with --close, say that it has them now.

    Close them when `evslot republish` of who tells the events is through and SERVICE has no lag.
    Reads EVSLOT_<SERVICE>_DATABASE_URL; without it the embedded server's address.
    """
    part = system.service(service).name
    url = beside_up(part).read(PartSettings, part).database_url
    with db.served_by(f"EVSLOT_{service.upper()}_DATABASE_URL"):
        found = asyncio.run(look(url, close))
    for topic, partition in found:
        print(f"{topic}/{partition}{': closed' if close else ''}")
    if not found:
        print(f"{service} missed no events")


async def look(url: str, close: bool) -> list[tuple[str, int]]:
    """The gaps that are open, or were until now."""
    database = db.Database(url, name="gaps", size=1)
    try:
        return await (missed.close if close else missed.open_gaps)(database)
    finally:
        await database.stop()


COMMANDS = (gaps,)
