"""Whole processes of a service on real Kafka: stopped, doubled and killed under load."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from evslot.embedded.throwaway import PostgresServer
from evslot.spine import message
from evslot.spine.kafka import BrokerUnavailable, Producer, ReplyInbox, make_topics, read_all
from evslot.spine.message import Answer, Command, Envelope, wire_name
from evslot.spine.records import DeadLetter
from evslot.spine.topics import Topics
from tests.databases import fresh_database
from tests.harness import keys_folder
from tests.spine.ledger.messages import Deposit
from tests.spine.ledger.service import SERVICE

pytestmark = pytest.mark.anyio


class Ledgers:
    """Processes of the ledger, and a gateway's two ends to talk to them."""

    def __init__(self, bootstrap: str, url: str, folder: Path) -> None:
        self.url = url
        self.bootstrap = bootstrap
        self.topics = Topics(f"p{uuid4().hex[:6]}-")
        self._folder = folder
        self._environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "EVSLOT_LEDGER_DATABASE_URL": url,
            "EVSLOT_LEDGER_HEALTH_PORT": "0",
            "EVSLOT_LEDGER_KEYS_FILE": str(keys_folder() / "ledger.json"),
            "EVSLOT_KEYS_PUBLIC_FILE": str(keys_folder() / "public.jwks.json"),
            "EVSLOT_KAFKA_BOOTSTRAP": bootstrap,
            "EVSLOT_TOPIC_PREFIX": self.topics.prefix,
        }
        self.processes: list[subprocess.Popen[bytes]] = []
        self.producer = Producer(bootstrap, delivery_seconds=10.0)
        self.replies = ReplyInbox(bootstrap, self.topics.replies)

    async def start(self) -> None:
        table = [
            msgspec.structs.replace(topic, partitions=min(topic.partitions, 2))
            for topic in self.topics.table(("ledger", "oracle"))
        ]
        await asyncio.to_thread(make_topics, self.bootstrap, table)
        await self.producer.start()
        for _ in range(50):  # a new topic has no leader for a moment
            try:
                await self.replies.start()
                return
            except BrokerUnavailable:
                await asyncio.sleep(0.2)
        raise AssertionError("the replies topic never came")

    async def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        await self.producer.stop()
        await self.replies.stop()

    def run(self, slot: int = 0, **settings: str) -> subprocess.Popen[bytes]:
        place = len(self.processes)
        with (self._folder / f"{place}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.spine.ledger"],
                env={**self._environment, "EVSLOT_LEDGER_SLOT": str(slot), **settings},
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def log_of(self, process: subprocess.Popen[bytes]) -> str:
        return (self._folder / f"{self.processes.index(process)}.log").read_text()

    async def ask(
        self, command: Command[Any], number: UUID | None = None, seconds: float = 20.0
    ) -> Answer:
        """The final answer: an interim `unavailable` is not one."""
        name = str(uuid4())
        envelope = Envelope(
            id=number or uuid4(),
            type=wire_name(type(command)),
            version=1,
            source="gateway",
            correlation_id=name,
            answer_to=f"{self.topics.replies}/{self.replies.partition}",
        )
        until = time.monotonic() + seconds
        waiting = self.replies.expect(name)
        await self.producer.publish(
            self.topics.commands("ledger"), command.key(), message.encode(command),
            envelope.headers(),
        )  # fmt: skip
        while True:
            answer, _ = await asyncio.wait_for(waiting, max(0.1, until - time.monotonic()))
            if answer.code != "unavailable":
                return answer
            waiting = self.replies.expect(name)

    async def balance(self) -> int:
        return sum((await self.balances()).values())

    async def balances(self) -> dict[str, int]:
        connection = await asyncpg.connect(self.url)
        try:
            return dict(await connection.fetch("select name, balance from account"))
        finally:
            await connection.close()


@pytest.fixture
async def ledgers(
    postgres_server: PostgresServer, kafka_bootstrap: str, ledger_keys: None, tmp_path: Path
) -> AsyncIterator[Ledgers]:
    url = await fresh_database(postgres_server, SERVICE)
    running = Ledgers(kafka_bootstrap, url, tmp_path)
    await running.start()
    try:
        yield running
    finally:
        await running.stop()


async def load(ledgers: Ledgers, count: int, pause: float) -> list[asyncio.Task[Answer]]:
    tasks = []
    for n in range(count):
        tasks.append(asyncio.create_task(ledgers.ask(Deposit(account=f"a{n % 9}", amount=1))))
        await asyncio.sleep(pause)
    return tasks


async def test_a_graceful_stop_under_load_loses_no_request(ledgers: Ledgers) -> None:
    first = ledgers.run()
    await ledgers.ask(Deposit(account="first", amount=0))
    loading = asyncio.create_task(load(ledgers, 300, 0.005))
    await asyncio.sleep(0.7)

    first.terminate()
    status = await asyncio.to_thread(first.wait, 10)
    ledgers.run()
    answers = await asyncio.gather(*await loading)

    assert status == 0
    assert [answer.status for answer in answers] == [200] * 300
    assert not any(answer.replayed for answer in answers), "nothing was done twice"
    assert await ledgers.balance() == 300
    records = await asyncio.to_thread(
        read_all, ledgers.bootstrap, [ledgers.topics.events("ledger")]
    )
    assert len({record.header("ce_id") for record in records}) == 301


async def test_a_killed_process_is_replaced_and_every_request_has_one_effect(
    ledgers: Ledgers,
) -> None:
    first = ledgers.run()
    await ledgers.ask(Deposit(account="first", amount=0))
    loading = asyncio.create_task(load(ledgers, 200, 0.005))
    await asyncio.sleep(0.5)

    first.kill()
    ledgers.run()
    tasks = await loading
    await asyncio.wait(tasks, timeout=8.0)
    silent = [task for task in tasks if not task.done()]
    for task in silent:
        task.cancel()

    # What was committed as the process died, its answer lost, is what the key is for.
    assert all(task.result().status == 200 for task in tasks if task not in silent)
    assert await ledgers.balance() == 200
    assert len(silent) <= 20


async def test_a_second_process_with_the_same_slot_stops_and_names_the_setting(
    ledgers: Ledgers,
) -> None:
    first = ledgers.run(slot=3)
    await ledgers.ask(Deposit(account="a", amount=1))

    second = ledgers.run(slot=3)
    status = await asyncio.to_thread(second.wait, 20)

    last = ledgers.log_of(second).strip().splitlines()[-1]
    assert status == 1
    assert "EVSLOT_LEDGER_SLOT" in last
    assert first.poll() is None
    assert (await ledgers.ask(Deposit(account="a", amount=1))).status == 200


async def test_a_process_that_lost_its_database_session_takes_its_slot_again(
    ledgers: Ledgers, postgres_server: PostgresServer
) -> None:
    first = ledgers.run()
    await ledgers.ask(Deposit(account="a", amount=1))
    connection = await asyncpg.connect(postgres_server.superuser_dsn)
    await connection.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1",
        ledgers.url.rsplit("/", 1)[1],
    )
    await connection.close()
    assert (await ledgers.ask(Deposit(account="a", amount=1))).status == 200
    await asyncio.sleep(1.5)

    second = ledgers.run()

    assert await asyncio.to_thread(second.wait, 20) == 1
    assert "EVSLOT_LEDGER_SLOT" in ledgers.log_of(second)
    assert first.poll() is None


async def test_a_process_whose_database_lets_nobody_in_for_a_while_goes_on_afterwards(
    ledgers: Ledgers, postgres_server: PostgresServer
) -> None:
    first = ledgers.run()
    await ledgers.ask(Deposit(account="a", amount=1))
    name = ledgers.url.rsplit("/", 1)[1]
    connection = await asyncpg.connect(postgres_server.superuser_dsn)
    # A pool has a connection left, so the database looks well; there is none for the slot.
    await connection.execute(f'alter database "{name}" connection limit 0')
    await connection.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = $1 and application_name = 'ledger slot 0'",
        name,
    )
    await asyncio.sleep(1.5)
    assert first.poll() is None
    await connection.execute(f'alter database "{name}" connection limit -1')
    await connection.close()

    assert (await ledgers.ask(Deposit(account="a", amount=1))).status == 200
    assert first.poll() is None


async def test_poison_on_a_topic_lies_in_the_dead_topic_while_others_go_on(
    ledgers: Ledgers,
) -> None:
    ledgers.run()
    await ledgers.ask(Deposit(account="a", amount=1))
    commands = ledgers.topics.commands("ledger")
    bad = [
        (b"\xff\xfe", []),
        (b"{" + b'"x":' + b"[" * 100_000, [("ce_version", "\u00b2".encode())]),
        (b"x" * 250_000, [("ce_type", b"ledger.Deposit"), ("ce_version", b"1")]),
    ]
    started = time.monotonic()
    for value, headers in bad:
        await ledgers.producer.publish(commands, "a", value, headers)
    answer = await ledgers.ask(Deposit(account="a", amount=1))
    seconds = time.monotonic() - started

    assert answer.status == 200
    assert seconds < 1.5
    letters: list[DeadLetter] = []
    for _ in range(50):
        dead = [ledgers.topics.dead("ledger")]
        records = await asyncio.to_thread(read_all, ledgers.bootstrap, dead)
        letters = [msgspec.json.decode(record.value, type=DeadLetter) for record in records]
        if len(letters) == len(bad):
            break
        await asyncio.sleep(0.1)
    assert len(letters) == len(bad)
