"""Connections to PostgreSQL and Kafka that are slow, one-way, half open, or cut in a COMMIT."""

import random

import asyncpg

from tests.faults.nemesis import Repeated, registered
from tests.faults.proxied import BehindProxies, Server
from tests.faults.proxy import Rule
from tests.faults.rig import PARTS, Rig

LOCKS = (
    ("reservation", "occupancy"),
    ("reservation", "inbox"),
    ("reservation", "outbox"),
    ("reservation", "reservation"),
    ("payment", "payment"),
    ("payment", "inbox"),
    ("payment", "job"),
    ("station", "outbox"),
    ("notification", "delivery"),
    ("user", "inbox"),
)


@registered
class SlowDatabase(BehindProxies):
    """F7: what one part's database says arrives half a second late, or five."""

    name = "slow-database"
    every = (1.0, 4.0)

    async def strike(self, rig: Rig, dice: random.Random) -> None:
        victim = rig.victim(dice)
        if victim is None:
            return
        delay = dice.choice((0.5, 0.5, 5.0))
        rig.hit(self.name, victim, delay=delay)
        rule = Rule(pids=[rig.system.pids()[victim]], delay_seconds=delay)
        await self.under("postgres", rule, dice.uniform(4.0, 12.0))


@registered
class LockHeld(Repeated):
    """F7: a session holds a lock on a whole table for as long as half a minute."""

    name = "lock-held"
    every = (2.0, 5.0)
    lasts = (3.0, 30.0)

    async def strike(self, rig: Rig, dice: random.Random) -> None:
        part, table = dice.choice(LOCKS)
        seconds = dice.uniform(*self.lasts)
        async with rig.system.database(part) as connection:
            await connection.execute("set lock_timeout = '5s'")
            try:
                async with connection.transaction():
                    await connection.execute(f"lock table {table} in exclusive mode")
                    rig.hit(self.name, f"{part}.{table}", seconds=round(seconds, 1))
                    await self.pause(seconds)
            except asyncpg.LockNotAvailableError:
                rig.history.nemesis(self.name, "missed", target=f"{part}.{table}")


@registered
class CommitUnknown(BehindProxies):
    """F8: a COMMIT gets a reset for an answer; every second one was done all the same."""

    name = "commit-unknown"
    every = (0.3, 1.0)

    async def strike(self, rig: Rig, dice: random.Random) -> None:
        victim = rig.victim(dice)
        if victim is None:
            return
        told = self.proxies.postgres.told
        before = told["commit_withheld"], told["commit_lost"]
        rule = Rule(pids=[rig.system.pids()[victim]], commits=dice.randint(1, 3))
        await self.under("postgres", rule, dice.uniform(0.3, 1.5))
        done, lost = told["commit_withheld"] - before[0], told["commit_lost"] - before[1]
        for outcome, count in (("done", done), ("lost", lost)):
            for _ in range(count):
                rig.hit(self.name, f"{victim} {outcome}")


@registered
class Partition(BehindProxies):
    """F12: one process and a server cannot reach each other, one way or both, or half open."""

    name = "partition"
    every = (1.0, 4.0)
    lasts = (3.0, 30.0)
    """Seconds: a group's session lasts 8, a half-open socket is given up after 10."""

    async def strike(self, rig: Rig, dice: random.Random) -> None:
        victim = rig.victim(dice, PARTS)
        if victim is None:
            return
        server: Server = dice.choice(("postgres", "kafka"))
        kind, rule = dice.choice(partitions([rig.system.pids()[victim]]))
        seconds = dice.uniform(*self.lasts)
        rig.hit(self.name, f"{victim} {server} {kind}", seconds=round(seconds, 1))
        await self.under(server, rule, seconds)


def partitions(pids: list[int]) -> list[tuple[str, Rule]]:
    """The kinds there are."""
    return [
        ("deaf", Rule(pids=pids, hold="to_client")),
        ("mute", Rule(pids=pids, hold="to_server")),
        ("both", Rule(pids=pids, hold="both")),
        ("half-open", Rule(pids=pids, half_open=True)),
        ("refused", Rule(pids=pids, reset=True, refuse=True)),
    ]
