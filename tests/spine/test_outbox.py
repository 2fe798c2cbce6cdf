"""The outbox: nothing committed is lost, keys keep their order, one relay publishes at a time."""

import asyncio
from collections.abc import Sequence
from uuid import uuid4

import asyncpg
import msgspec
import pytest
from confluent_kafka import KafkaError
from structlog.testing import capture_logs

from evslot.embedded.ports import free_port
from evslot.spine import db
from evslot.spine.effects import Effects
from evslot.spine.kafka import Producer, make_topics, read_all
from evslot.spine.kafka import producer as sending
from evslot.spine.leases import Lease
from evslot.spine.message import Envelope
from evslot.spine.outbox import Outgoing, Relay
from evslot.spine.topics import BODY_BYTES, Topic
from tests.harness import Harness
from tests.spine.ledger.acting import say
from tests.spine.ledger.messages import BalanceChanged, Deposit, Stumble

pytestmark = pytest.mark.anyio

INSERT = "insert into outbox (topic, key, envelope, body) values ($1, $2, $3, $4)"
ENVELOPE = (
    '{"id":"00000000-0000-0000-0000-000000000001","type":"ledger.X","version":1,"source":"ledger"}'
)
LEFT = "select count(*) from outbox where sent_at is null"


class World:
    """Takes what is published; may fail after so many, or wait."""

    def __init__(self) -> None:
        self.records: list[Outgoing] = []
        self.takes = 1_000_000
        self.gate = asyncio.Event()
        self.gate.set()

    async def publish(self, records: Sequence[Outgoing]) -> int:
        await self.gate.wait()
        taken = list(records[: self.takes])
        self.records += taken
        return len(taken)

    @property
    def bodies(self) -> list[str]:
        return [record.body.decode() for record in self.records]


def relay(h: Harness, world: World, owner: str) -> Relay:
    return Relay(h.database, world.publish, Lease(h.database, "relay", owner))


async def write(connection: db.Connection, *bodies: str, topic: str = "t") -> None:
    for body in bodies:
        await connection.execute(INSERT, topic, "k", ENVELOPE.encode(), body.encode())


async def run_out(h: Harness) -> None:
    """As if the holder of the lease had been silent for too long."""
    await h.execute("update lease set until = clock_timestamp() - interval '1 ms'")


async def test_rows_of_a_slow_transaction_with_lower_ids_are_not_lost(h: Harness) -> None:
    world = World()
    slow = await asyncpg.connect(h.url)
    begun = slow.transaction()
    await begun.start()
    await write(slow, "slow")
    async with h.database.connection() as fast:
        await write(fast, "fast")
    one = relay(h, world, "one")

    await one.step()
    await begun.commit()
    await slow.close()
    await one.step()

    assert world.bodies == ["fast", "slow"]
    assert await h.fetch_value(LEFT) == 0


async def test_what_is_not_acknowledged_stays_and_goes_out_later_in_order(h: Harness) -> None:
    world = World()
    async with h.database.connection() as connection:
        await write(connection, *"abcdef")
    one = relay(h, world, "one")

    world.takes = 2
    assert await one.step() == 2
    world.takes = 0
    assert await one.step() == 0
    world.takes = 100
    assert await one.step() == 4

    assert world.bodies == list("abcdef")
    assert await one.step() == 0


async def test_only_the_holder_of_the_lease_publishes(h: Harness) -> None:
    world = World()
    one, two = relay(h, world, "one"), relay(h, world, "two")
    async with h.database.connection() as connection:
        await write(connection, *"abc")

    assert await one.step() == 3
    async with h.database.connection() as connection:
        await write(connection, "d")
    assert await two.step() == 0
    assert await one.step() == 1

    assert world.bodies == list("abcd")


async def test_another_takes_over_when_the_lease_has_run_out_or_is_handed_over(
    h: Harness,
) -> None:
    first, second = (Lease(h.database, "relay", owner) for owner in ("one", "two"))
    assert await first.hold() == 1
    assert await second.hold() is None

    await run_out(h)
    assert await second.hold() == 2
    await second.release()

    third = Lease(h.database, "relay", "three")
    assert await third.hold() == 3


async def test_a_process_that_comes_back_in_its_slot_takes_its_own_lease_at_once(
    h: Harness,
) -> None:
    assert await Lease(h.database, "relay", "one").hold() == 1
    assert await Lease(h.database, "relay", "one").hold() == 2


async def test_a_paused_owner_marks_nothing_and_stops(h: Harness) -> None:
    """It wakes up in the middle of publishing, when another has taken over."""
    old_world, new_world = World(), World()
    old, new = relay(h, old_world, "old"), relay(h, new_world, "new")
    async with h.database.connection() as connection:
        await write(connection, *"ab")
    old_world.gate.clear()
    paused = asyncio.create_task(old.step())
    await asyncio.sleep(0.1)

    await run_out(h)
    new_world.takes = 0  # it has the lease, and has not come to publish anything yet
    await new.step()
    old_world.gate.set()
    await paused

    assert old_world.bodies == ["a", "b"]
    assert await h.fetch_value(LEFT) == 2, "the old owner's mark counts no more"
    assert await old.step() == 0
    new_world.takes = 100
    assert await new.step() == 2
    assert await h.fetch_value(LEFT) == 0


async def test_the_relay_outlives_an_unexpected_error(h: Harness) -> None:
    world = World()
    async with h.database.connection() as connection:
        await write(connection, "a")
    calls = 0

    async def publish(records: Sequence[Outgoing]) -> int:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError("not this time")
        return await world.publish(records)

    one = Relay(h.database, publish, Lease(h.database, "relay", "one"))
    running = asyncio.create_task(one.run())
    for _ in range(100):
        if world.records:
            break
        await asyncio.sleep(0.02)
    running.cancel()

    assert world.bodies == ["a"]


async def test_what_does_not_fit_a_record_is_the_fault_of_who_says_it(h: Harness) -> None:
    """In the outbox it would be in everybody's way for ever."""
    answers = await say(
        h,
        Deposit(account="a", amount=1),
        Deposit(account="b" * BODY_BYTES, amount=1),
        Deposit(account="c", amount=1),
    )

    assert [answer.status for answer in answers] == [200, 500, 200]
    assert len(h.events) == 2


async def test_events_come_out_in_the_order_of_their_batch(h: Harness) -> None:
    turns = [Deposit(account=f"a{n % 3}", amount=1) for n in range(90)]
    await say(h, *turns[:50], Stumble(account="a0", amount=0), *turns[50:])

    versions: dict[str, list[int]] = {}
    for event in h.events:
        assert isinstance(event, BalanceChanged)
        versions.setdefault(event.account, []).append(event.version)
    assert versions["a1"] == list(range(1, 31))
    assert versions["a0"] == list(range(1, 32))


async def test_the_relay_publishes_through_kafka_and_waits_for_one_that_is_away(
    h: Harness, kafka_bootstrap: str
) -> None:
    topic = f"outbox-{uuid4().hex[:8]}"
    make_topics(
        kafka_bootstrap,
        [Topic(name=topic, partitions=4, retention_ms=60_000, carries="", written_by="")],
    )
    async with h.database.connection() as connection:
        for n in range(200):
            await connection.execute(INSERT, topic, f"k{n % 5}", ENVELOPE.encode(), str(n).encode())
    lease = Lease(h.database, "relay", "one")
    away = Producer(f"127.0.0.1:{free_port()}", delivery_seconds=0.5)
    here = Producer(kafka_bootstrap, delivery_seconds=10.0)
    await away.start()
    await here.start()

    assert await Relay(h.database, away.publish_all, lease).step() == 0
    assert await h.fetch_value(LEFT) == 200
    assert await Relay(h.database, here.publish_all, lease).step() == 200
    assert await h.fetch_value(LEFT) == 0
    await away.stop()
    await here.stop()

    records = await asyncio.to_thread(read_all, kafka_bootstrap, [topic])
    assert len(records) == 200
    for key in range(5):
        mine = [record for record in records if record.key == f"k{key}"]
        assert len({record.partition for record in mine}) == 1
        assert [int(record.value) for record in mine] == list(range(key, 200, 5))


async def test_what_can_be_no_record_is_told_of_once_and_breaks_nobody() -> None:
    """Neither who fires an answer nor the relay, which has to wait behind it."""
    producer = Producer(f"127.0.0.1:{free_port()}", delivery_seconds=30.0)
    await producer.start()
    producer.fire("gateway-replies", None, b"", [], partition=99_999_999_999)
    producer.fire("gateway\0replies", None, b"", [], partition=1)
    envelope = msgspec.json.decode(ENVELOPE, type=Envelope)
    records = [Outgoing(topic="a\0b", key=None, envelope=envelope, body=b"")] * 2

    with capture_logs() as told:
        assert [await producer.publish_all(records) for _ in range(3)] == [0, 0, 0]

    assert [line["event"] for line in told] == ["record_in_the_way"]
    assert told[0]["id"] == str(envelope.id)
    await producer.stop()


async def test_who_waits_on_a_producer_that_broke_is_told() -> None:
    """Else the relay would wait for ever: nobody polls a producer that was replaced."""
    producer = Producer(f"127.0.0.1:{free_port()}", delivery_seconds=30.0)
    await producer.start()
    record = Outgoing(
        topic="t", key=None, envelope=msgspec.json.decode(ENVELOPE, type=Envelope), body=b""
    )
    waiting = asyncio.create_task(producer.publish_all([record] * 3))
    await asyncio.sleep(0.1)
    broken = producer._producer

    producer._renew_if_fatal(KafkaError(KafkaError._FATAL, "made up", True))

    assert await asyncio.wait_for(waiting, 3.0) == 0
    assert producer._producer is not broken
    await producer.stop()


async def test_a_producer_that_gets_nothing_through_for_long_is_made_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A half-open connection can leave the client silent for ever, although Kafka is there."""
    monkeypatch.setattr(sending, "STUCK_SECONDS", 1.0)
    producer = Producer(f"127.0.0.1:{free_port()}", delivery_seconds=0.3)
    await producer.start()
    first = producer._producer
    producer.fire("t", None, b"", [])
    await asyncio.sleep(0.6)
    assert producer._producer is first, "a first record that is late is no reason"
    for _ in range(100):
        producer.fire("t", None, b"", [])
        await asyncio.sleep(0.1)
        if producer._producer is not first:
            break
    assert producer._producer is not first
    await producer.stop()


def test_only_what_somebody_waits_for_hurries_the_relay() -> None:
    def leaving(topic: str) -> Effects:
        effects = Effects()
        envelope = Envelope(id=uuid4(), type="spine.Made", version=1, source="made")
        effects.outgoing.append(Outgoing(topic=topic, key=None, envelope=envelope, body=b"{}"))
        return effects

    assert not Effects().urgent
    assert not leaving("reservation-events").urgent
    assert leaving("payment-service").urgent
    assert leaving("reservation-dead").urgent
