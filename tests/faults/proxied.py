"""PostgreSQL and Kafka of a system behind proxies, and the rules that these keep to."""

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Literal
from weakref import WeakKeyDictionary

import msgspec

from evslot import system
from evslot.embedded.ports import LOOPBACK, free_port
from tests.faults.nemesis import Repeated
from tests.faults.proxy import Rule, Told
from tests.faults.rig import Rig

START_SECONDS = 20.0
CALM: tuple[Rule, ...] = ()

Server = Literal["postgres", "kafka"]


class ProxyProcess:
    """A proxy in a process of its own, in front of one port."""

    def __init__(self, to: int) -> None:
        self.to = to
        self.port = free_port()
        self.told: Counter[str] = Counter()
        """What it did, by the word for it."""
        self._rules: dict[str, Sequence[Rule]] = {}
        self._news = asyncio.Condition()
        self._process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when it listens."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.faults.proxy", str(self.port), str(self.to)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._listening = asyncio.create_task(self._listen())
        await self._until("ready", 1)

    async def follow(self, whose: str, rules: Sequence[Rule] = CALM) -> None:
        """Returns when it keeps to these and to those of others; none: everything passes."""
        self._rules[whose] = rules
        assert self._process is not None
        assert self._process.stdin is not None
        together = [rule for rules_ in self._rules.values() for rule in rules_]
        before = self.told["following"]
        self._process.stdin.write(msgspec.json.encode(together) + b"\n")
        await self._process.stdin.drain()
        await self._until("following", before + 1)

    async def stop(self) -> None:
        """It ends with its standard input."""
        if self._process is None or self._process.returncode is not None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        await asyncio.wait_for(self._process.wait(), 10.0)
        if self._listening is not None:
            await self._listening

    async def _until(self, did: str, times: int) -> None:
        async with asyncio.timeout(START_SECONDS), self._news:
            await self._news.wait_for(lambda: self.told[did] >= times)

    async def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            async with self._news:
                self.told[msgspec.json.decode(line, type=Told).did] += 1
                self._news.notify_all()


class Proxied:
    """Both servers of a system that is not started yet; its parts find the proxies instead."""

    def __init__(self, rig: Rig) -> None:
        self._system = rig.system
        self.postgres = ProxyProcess(rig.system.postgres_port)
        self.kafka = ProxyProcess(rig.system.kafka_port)
        environment = rig.system.environment
        environment["EVSLOT_KAFKA_ADVERTISED_PORT"] = str(self.kafka.port)
        for part in system.PARTS:
            role = f"{part.owner}_app:{part.password}"
            environment[f"EVSLOT_{part.name.upper()}_DATABASE_URL"] = (
                f"postgresql://{role}@{LOOPBACK}:{self.postgres.port}/{part.database}"
            )

    def before(self, server: Server) -> ProxyProcess:
        return self.postgres if server == "postgres" else self.kafka

    async def start(self) -> None:
        await asyncio.gather(self.postgres.start(), self.kafka.start())

    async def stop(self) -> None:
        await asyncio.gather(self.postgres.stop(), self.kafka.stop())


_proxied: WeakKeyDictionary[Rig, Proxied] = WeakKeyDictionary()


async def proxied(rig: Rig) -> Proxied:
    """Those of a rig, the same for all faults that want them; before its system starts."""
    if rig not in _proxied:
        _proxied[rig] = Proxied(rig)
        await _proxied[rig].start()
    return _proxied[rig]


class BehindProxies(Repeated):
    """A fault of the connections between the parts and their two servers."""

    async def prepare(self, rig: Rig) -> None:
        self.proxies = await proxied(rig)

    async def close(self) -> None:
        await self.proxies.stop()

    async def under(self, server: Server, rule: Rule, seconds: float) -> None:
        """The rule holds for so long, or until the fault is stopped."""
        proxy = self.proxies.before(server)
        await proxy.follow(self.name, [rule])
        try:
            await self.pause(seconds)
        finally:
            await proxy.follow(self.name)
