"""Broker and databases killed, kept down, or cut off from those who use them."""

import random
import signal
from contextlib import suppress

import psutil

from evslot import system
from tests.faults.bank import AWAY
from tests.faults.nemesis import Repeated, registered
from tests.faults.rig import Rig

BACK_SECONDS = 90.0
TERMINATE = """
select pg_terminate_backend(pid) from pg_stat_activity
where pid <> pg_backend_pid() and backend_type = 'client backend' and datname = any($1)
  and random() < $2"""


class _Killed(Repeated):
    """A server is killed; the supervisor starts it again, at once or after some seconds down."""

    server: str
    needs: str
    """A file without which the server does not start, below the data folder."""
    down: tuple[float, float] = (0.0, 0.0)

    async def strike(self, rig: Rig, dice: random.Random) -> None:
        seconds = dice.uniform(*self.down)
        needed = rig.system.folder / self.needs
        aside = needed.with_suffix(".aside")
        before = rig.system.pids()
        if seconds:
            needed.rename(aside)
        try:
            rig.signal(self.server, signal.SIGKILL)
            rig.hit(self.name, self.server, seconds=round(seconds, 1))
            await self.pause(seconds)
        finally:
            if seconds:
                aside.rename(needed)
        await rig.system.back_after({self.server: before[self.server]}, BACK_SECONDS)


@registered
class KillBroker(_Killed):
    """F4: kill -9 of Kafka; it is back as soon as it can."""

    name = "kill-broker"
    server, needs = "kafka", "kafka/arguments"
    every = (3.0, 7.5)


@registered
class BrokerDown(_Killed):
    """F4: Kafka is killed and stays away for up to a minute."""

    name = "broker-down"
    server, needs = "kafka", "kafka/arguments"
    every = (3.0, 6.0)
    down = (20.0, 60.0)


@registered
class KillDatabase(_Killed):
    """F6: kill -9 of PostgreSQL, all six databases at once."""

    name = "kill-database"
    server, needs = "postgres", "postgres/data/PG_VERSION"
    every = (5.0, 15.0)
    down = (0.0, 5.0)


@registered
class DatabaseDown(_Killed):
    """F6: PostgreSQL is killed and stays away for up to a minute."""

    name = "database-down"
    server, needs = "postgres", "postgres/data/PG_VERSION"
    every = (3.0, 6.0)
    down = (20.0, 60.0)


@registered
class Terminate(Repeated):
    """F6: connections to one database or all are ended by the server, many a minute."""

    name = "terminate"
    every = (0.5, 2.0)

    async def strike(self, rig: Rig, dice: random.Random) -> None:
        names = dice.choice([[name] for name in system.NAMES] + [list(system.NAMES)])
        databases = [system.part(name).database for name in names]
        share = dice.choice((0.3, 1.0))
        try:
            async with rig.system.database("user") as connection:
                ended = await connection.fetch(TERMINATE, databases, share)
        except (OSError, *AWAY):
            return  # the server itself is away: another fault was here first
        for name in names:
            rig.hit(self.name, name, connections=len(ended), share=share)


@registered
class HungServer(Repeated):
    """F4, F6: broker or database stand still with all connections open, then go on."""

    name = "hung-server"
    every = (5.0, 10.0)
    lasts = (3.0, 15.0)

    async def strike(self, rig: Rig, dice: random.Random) -> None:
        server = dice.choice(("kafka", "postgres"))
        seconds = dice.uniform(*self.lasts)
        family = rig.family(server)
        if not family:
            return
        for process in family:
            with suppress(psutil.NoSuchProcess):  # a session that ended just now
                process.suspend()
        rig.hit(self.name, server, seconds=round(seconds, 1))
        try:
            await self.pause(seconds)
        finally:
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.resume()
