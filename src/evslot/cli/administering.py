"""`evslot admin grant|revoke`: who is a platform admin, the first one above all.

The commands go the way of all others, through Kafka in the system's name: whoever may write the
topics is trusted, the user service decides, writes and tells, and no database password is needed.
"""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

from cyclopts import App

from evslot.cli.operating import broker
from evslot.services.user import messages as user
from evslot.spine.asking import Asker
from evslot.spine.message import Command, Personal, Refused
from evslot.spine.sealing import seal_by_public
from evslot.spine.topics import Topics

admin = App(name="admin", help="Who is a platform admin.")


class CannotAdminister(Exception):
    """The user service says no; the message says why."""


@admin.command
def grant(email: str) -> None:
    """Make the account of EMAIL a platform admin's, from the next sign-in or refresh on."""
    asyncio.run(_ask(user.GrantAdmin(email=Personal(email))))
    print(f"{email} is a platform admin, from the next sign-in or refresh on")


@admin.command
def revoke(email: str) -> None:
    """Make the platform admin of EMAIL an ordinary person; all their sessions end."""
    asyncio.run(_ask(user.RevokeAdmin(email=Personal(email))))
    print(f"{email} is no platform admin any more; all their sessions have ended")


async def _ask(command: Command[Any]) -> None:
    shared = broker()
    seal = partial(seal_by_public, Path(shared.keys_public_file), command.destination())
    async with Asker(shared.kafka_bootstrap, Topics(shared.topic_prefix)) as asker:
        try:
            await asker.send(command, seal=seal)
        except Refused as refused:
            raise CannotAdminister(refused.detail) from refused


COMMANDS = (admin,)
