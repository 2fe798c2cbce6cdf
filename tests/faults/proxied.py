"""PostgreSQL and Kafka of a system behind proxies, and the rules that these keep to."""

import asyncio
import sys
from collections import Counter
from collections.abc import Iterable

import msgspec

from evslot import system
from evslot.embedded.ports import LOOPBACK, free_port
from tests.faults.proxy import Rule, Told

START_SECONDS = 20.0
CALM: tuple[Rule, ...] = ()


class ProxyProcess:
    """A proxy in a process of its own, in front of one port."""

    def __init__(self, to: int) -> None:
        self.to = to
        self.port = free_port()
        self.told: Counter[str] = Counter()
        """What it did, by the word for it."""
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

    async def follow(self, rules: Iterable[Rule] = CALM) -> None:
        """Returns when it keeps to these; none: everything passes."""
        assert self._process is not None
        assert self._process.stdin is not None
        before = self.told["following"]
        self._process.stdin.write(msgspec.json.encode(list(rules)) + b"\n")
        await self._process.stdin.drain()
        await self._until("following", before + 1)

    async def stop(self) -> None:
        """It ends with its standard input."""
        if self._process is None or self._process.stdin is None:
            return
        self._process.stdin.close()
        await asyncio.wait_for(self._process.wait(), 10.0)
        if self._listening is not None:
            await self._listening

    async def _until(self, did: str, times: int) -> None:
        async with asyncio.timeout(START_SECONDS):
            while self.told[did] < times:
                await asyncio.sleep(0.01)

    async def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.told[msgspec.json.decode(line, type=Told).did] += 1


class Proxied:
    """Both servers of a system that is not started yet; its parts find the proxies instead."""

    def __init__(self, environment: dict[str, str], postgres_port: int, kafka_port: int) -> None:
        self.postgres = ProxyProcess(postgres_port)
        self.kafka = ProxyProcess(kafka_port)
        environment["EVSLOT_KAFKA_ADVERTISED_PORT"] = str(self.kafka.port)
        for part in system.PARTS:
            role = f"{part.owner}_app:{part.password}"
            environment[f"EVSLOT_{part.name.upper()}_DATABASE_URL"] = (
                f"postgresql://{role}@{LOOPBACK}:{self.postgres.port}/{part.database}"
            )

    async def start(self) -> None:
        await asyncio.gather(self.postgres.start(), self.kafka.start())

    async def calm(self) -> None:
        """Everything passes."""
        await asyncio.gather(self.postgres.follow(), self.kafka.follow())

    async def stop(self) -> None:
        await asyncio.gather(self.postgres.stop(), self.kafka.stop())
