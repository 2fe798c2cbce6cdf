"""Trouble against poison: what the surroundings do is waited out, a broken message is buried."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import msgspec
import psutil
import pytest

from evslot.cli.letters import again
from evslot.embedded.throwaway import START_SECONDS, Servers
from evslot.spine import db
from evslot.spine.callers import SYSTEM
from evslot.spine.lanes import CommandLane
from evslot.spine.message import Secret
from evslot.spine.records import DeadLetter, Incoming
from evslot.spine.telemetry import REGISTRY
from tests.harness import Hand, Harness
from tests.spine.ledger.acting import accounts, hands, inbox, say, try_saying
from tests.spine.ledger.messages import (
    Balance,
    Deposit,
    Enroll,
    Fill,
    Filled,
    Linger,
    Mint,
    Minted,
    Order,
    Stumble,
)
from tests.spine.ledger.service import SERVICE
from tests.spine.ledger.switches import Switches
from tests.spine.oracle.messages import RateSet

pytestmark = pytest.mark.anyio

BATCH = [(Deposit(account=f"a{n}", amount=1), UUID(int=n + 1)) for n in range(5)]
LINGERING = [*BATCH, (Linger(account="z", seconds=0.3), UUID(int=100))]


@asynccontextmanager
async def in_the_way(h: Harness, account: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody else's transaction that has locked an account."""
    connection = await asyncpg.connect(h.url)
    try:
        await connection.execute("set lock_timeout = 0")
        await connection.execute("insert into account values ($1, 0, 1)", account)
        async with connection.transaction():
            await connection.execute("update account set version = 1 where name = $1", account)
            yield connection
    finally:
        await connection.close()


async def until_lingering(h: Harness) -> int:
    """The backend that sleeps in a handler."""
    for _ in range(100):
        pid = await h.fetch_value(
            "select pid from pg_stat_activity where datname = current_database()"
            " and query like 'select pg_sleep%' and state = 'active' and pid <> pg_backend_pid()"
        )
        if pid is not None:
            return int(pid)
        await asyncio.sleep(0.01)
    raise AssertionError("nobody lingers")


async def test_a_lost_connection_repeats_the_whole_batch_and_blames_nobody(h: Harness) -> None:
    held, names = hands(h, LINGERING)
    work = asyncio.create_task(h.commands._persist(list(held)))

    pid = await until_lingering(h)
    assert not any(hand.finished for hand in held)
    await h.execute("select pg_terminate_backend($1)", pid)
    await work
    await h._collect()

    assert await accounts(h) == {**{f"a{n}": 1 for n in range(5)}, "z": 1}
    assert [answer.status for name in names if (answer := h.answer_of(name))] == [200] * 6
    assert all(hand.finished for hand in held)
    assert h.dead == []


async def test_a_deadlock_blames_nobody(h: Harness) -> None:
    """The batch has a0 and waits for b; somebody else has b and then wants a0."""
    said = [*BATCH, (Deposit(account="b", amount=1), uuid4())]
    held, _ = hands(h, said)
    await say(h, Deposit(account="a0", amount=0))
    async with in_the_way(h, "b") as other:
        work = asyncio.create_task(h.commands._persist(list(held)))
        await asyncio.sleep(0.6)  # now the batch waits for b, so it is the one that finds out
        await other.execute("update account set version = 1 where name = 'a0'")
    await work
    await h._collect()

    held_now = await accounts(h)
    assert (held_now["a0"], held_now["b"]) == (1, 1)
    assert h.dead == []


async def test_a_timeout_blames_nobody_and_nothing_is_done_before_the_commit(h: Harness) -> None:
    impatient = db.Database(h.url, name="impatient", statement_seconds=0.1)
    lane = CommandLane(h.wiring, h.handlers, h.commands.reader, impatient, h._reply, lambda _: None)
    held, names = hands(h, BATCH)
    async with in_the_way(h, "a0"):  # the first: what comes before might be done by itself
        work = asyncio.create_task(lane._persist(list(held)))
        await asyncio.sleep(0.5)
        assert lane.in_trouble
        assert not any(hand.finished for hand in held)
    await work
    await impatient.stop()
    await h._collect()

    assert set((await accounts(h)).values()) == {1}
    assert [answer.status for name in names if (answer := h.answer_of(name))] == [200] * 5
    assert not lane.in_trouble
    assert h.dead == []


async def test_who_waits_is_told_after_a_while_that_the_outcome_is_not_known(h: Harness) -> None:
    watching = asyncio.create_task(h.commands.watch())
    running = asyncio.create_task(h.commands.run())
    held, names = hands(h, BATCH)
    async with in_the_way(h, "a3"):
        h.commands.put(list(held))
        await asyncio.sleep(0.9)
        assert all(h.answer_of(name) is None for name in names)
        await asyncio.sleep(0.8)
        interim = [h.answer_of(name) for name in names]
    await h.commands.drained()
    await stopped(watching, running)

    assert [(a.status, a.code) for a in interim if a] == [(503, "unavailable")] * 5
    assert [a.status for name in names if (a := h.answer_of(name))] == [200] * 5
    assert set((await accounts(h)).values()) == {1}


async def test_a_queue_that_moves_is_no_trouble_however_long_it_is(h: Harness) -> None:
    h.resources.get(Switches).thinking_seconds = 0.12
    watching = asyncio.create_task(h.commands.watch())
    running = asyncio.create_task(h.commands.run())
    crowd = [(Enroll(account=f"e{n}", name="somebody"), UUID(int=n + 1)) for n in range(32)]
    held, names = hands(h, crowd)
    started = time.monotonic()
    h.commands.put(list(held))
    while time.monotonic() < started + 1.6:
        assert not any(a.status == 503 for name in names if (a := h.answer_of(name)))
        await asyncio.sleep(0.05)
    await h.commands.drained()
    assert time.monotonic() > started + 1.6, "the last ones waited longer than anybody's patience"
    await stopped(watching, running)
    assert [a.status for name in names if (a := h.answer_of(name))] == [200] * 32


async def stopped(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_database_that_dies_is_waited_for(cache_dir: Path, ledger_keys: None) -> None:
    """A PostgreSQL of its own, killed in the middle of a batch; its supervisor restarts it."""
    servers = Servers(cache_dir)
    try:
        server = servers.start_postgres().result(START_SECONDS)
        async with Harness(SERVICE, server) as h:
            held, names = hands(h, LINGERING)
            work = asyncio.create_task(h.commands._persist(list(held)))
            pid = await until_lingering(h)
            (psutil.Process(pid).parent() or psutil.Process(pid)).kill()
            finished = [hand.finished for hand in held]
            await asyncio.wait_for(work, 30)
            await h._collect()

            assert not any(finished)
            assert await accounts(h) == {**{f"a{n}": 1 for n in range(5)}, "z": 1}
            assert [a.status for name in names if (a := h.answer_of(name))] == [200] * 6
            assert h.dead == []
    finally:
        servers.stop()


async def test_one_broken_message_among_a_hundred_goes_alone(h: Harness) -> None:
    h.resources.get(Switches).broken = True
    broken = Stumble(account="a50", amount=1000)
    turns = [Deposit(account=f"a{n}", amount=1) for n in range(100)]
    started = time.monotonic()

    answers = await say(h, *turns[:51], broken, *turns[51:], Deposit(account="a50", amount=1))

    assert time.monotonic() - started < 1.0
    assert [answer.status for answer in answers] == [200] * 51 + [500] + [200] * 50
    assert answers[51].code == "failed"
    assert await accounts(h) == {f"a{n}": 2 if n == 50 else 1 for n in range(100)}
    assert h.reasons() == ["RuntimeError: a stone in the way"]


async def test_several_broken_messages_of_all_kinds_go_and_the_others_stay(h: Harness) -> None:
    h.resources.get(Switches).broken = True

    answers = await say(
        h,
        Deposit(account="a", amount=1),
        Stumble(account="a", amount=10),
        Enroll(account="a", name="broken"),
        Stumble(account="b", amount=10),
        Deposit(account="b", amount=1),
        Enroll(account="b", name="well"),
    )

    assert [answer.status for answer in answers] == [200, 500, 500, 500, 200, 200]
    assert await accounts(h) == {"a": 1, "b": 2}
    assert len(h.dead) == 3


async def test_an_unexpected_failure_is_never_replayed(h: Harness) -> None:
    said = (Stumble(account="a", amount=1), uuid4())
    h.resources.get(Switches).broken = True
    (first,) = await say(h, said)
    state = (await inbox(h))[said[1]]
    h.resources.get(Switches).broken = False

    (second,) = await say(h, said)

    assert (first.status, state, second.status) == (500, "failed", 200)
    assert not second.replayed
    assert (await inbox(h))[said[1]] == "answered"
    assert await accounts(h) == {"a": 1}


async def test_a_dead_command_sent_again_is_done_when_the_cause_is_gone(h: Harness) -> None:
    said = (Stumble(account="a", amount=1), uuid4())
    h.resources.get(Switches).broken = True
    await say(h, said)
    h.resources.get(Switches).broken = False
    letter = msgspec.json.decode(h.dead[0].body, type=DeadLetter)
    incoming, _ = h.record(said[0], SYSTEM, uuid4())
    replayed = msgspec.structs.replace(incoming, headers=tuple(again(letter)))

    await h.commands._persist([Hand(replayed)])
    (asked_again,) = await say(h, said)

    assert asked_again.replayed
    assert asked_again.result(Balance).balance == 1
    assert await accounts(h) == {"a": 1}


async def test_a_dead_command_that_is_answered_later_is_open_when_it_runs_again(
    h: Harness,
) -> None:
    order = (Order(account="a"), uuid4())
    await try_saying(h, order)
    await h.execute("update inbox set state = 'failed', waiting = '[]'")

    held, (name,) = hands(h, [order])
    await h.commands._persist(list(held))
    assert (await inbox(h))[order[1]] == "open"
    assert await try_saying(h, order) == [None]
    await say(h, Fill(account="a", order_id=order[1]))

    answer = h.answer_of(name)
    assert answer is not None
    assert answer.result(Filled).by == "a"
    assert await accounts(h) == {"a": 2}  # once before it died, once after


async def test_a_repeat_that_cannot_be_answered_does_not_undo_the_first(h: Harness) -> None:
    """Its key for sealed fields is none, so it is buried; the stored answer stays."""
    said = (Mint(account="a", password=Secret("word")), uuid4())
    await say(h, said)
    incoming, _ = h.record(*said[:1], SYSTEM, said[1])
    headers = {**dict(incoming.headers), "answer_key": b"no key"}
    await h.commands._persist(
        [Hand(msgspec.structs.replace(incoming, headers=tuple(headers.items())))]
    )
    await h._collect()

    (later,) = await say(h, said)

    assert len(h.dead) == 1
    assert (await inbox(h))[said[1]] == "answered"
    assert later.replayed
    assert later.result(Minted, h._answer_key.unseal).code == Secret("code of word")


async def test_a_broken_event_goes_alone_and_the_others_are_heard(h: Harness) -> None:
    h.resources.get(Switches).broken = True

    await h.hear(
        RateSet(name="one", rate=1, version=1),
        RateSet(name="broken", rate=2, version=1),
        RateSet(name="three", rate=3, version=1),
    )

    rows = await h.fetch("select name from rate order by name")
    assert [row["name"] for row in rows] == ["one", "three"]
    assert h.reasons() == ["RuntimeError: a rate nobody understands"]


def late(incoming: Incoming) -> Hand:
    return Hand(
        msgspec.structs.replace(incoming, appended_at=incoming.appended_at - timedelta(seconds=31))
    )


async def test_what_comes_too_late_is_not_done_and_not_stored(h: Harness) -> None:
    said = (Deposit(account="a", amount=1), uuid4())
    (hand,), (name,) = hands(h, [said])
    await h.commands._persist([late(hand.incoming)])
    answer = h.answer_of(name)

    assert answer is not None
    assert (answer.status, answer.code) == (503, "too_late")
    assert (await inbox(h), await accounts(h)) == ({}, {})
    assert (await say(h, said))[0].status == 200


async def test_a_late_record_does_not_hide_its_repeat_that_is_in_time(h: Harness) -> None:
    said = (Deposit(account="a", amount=1), uuid4())
    (first, second), (_, name) = hands(h, [said, said])

    await h.commands._persist([late(first.incoming), second])

    answer = h.answer_of(name)
    assert answer is not None
    assert answer.status == 200
    assert await accounts(h) == {"a": 1}


async def test_a_late_repeat_of_what_was_done_gets_the_stored_answer(h: Harness) -> None:
    said = (Deposit(account="a", amount=1), uuid4())
    await say(h, said)
    (hand,), (name,) = hands(h, [said])

    await h.commands._persist([late(hand.incoming)])

    answer = h.answer_of(name)
    assert answer is not None
    assert answer.replayed
    assert answer.result(Balance).balance == 1


async def test_two_processes_with_the_same_commands_in_other_orders_do_not_deadlock(
    h: Harness,
) -> None:
    """As after a rebalance: both have the records, each in an order of its own."""
    other_database = db.Database(h.url, name="other")
    other = CommandLane(
        h.wiring, h.handlers, h.commands.reader, other_database, h._reply, lambda _: None
    )
    before = troubles()
    said = [(Deposit(account=f"a{n}", amount=1), UUID(int=n)) for n in (1, 2, 3)]
    ours, names = hands(h, said)
    theirs, their_names = hands(h, said[::-1])
    third = await asyncpg.connect(h.url)
    begun = third.transaction()
    await begun.start()
    # Both come to a halt at the one in the middle; unsorted, each would have what the other wants.
    await third.execute(
        "insert into inbox (command_id, fingerprint, type) values ($1, '', '')", said[1][1]
    )
    both = asyncio.gather(h.commands._persist(list(ours)), other._persist(list(theirs)))
    await asyncio.sleep(0.3)
    await begun.rollback()
    await third.close()
    await both
    await other_database.stop()

    answers = [answer for name in [*names, *their_names] if (answer := h.answer_of(name))]
    assert [answer.status for answer in answers] == [200] * 6
    assert sorted(answer.replayed for answer in answers) == [False] * 3 + [True] * 3
    assert set((await accounts(h)).values()) == {1}
    assert troubles() == before


def troubles() -> float:
    """Deadlocks, and waits for a lock that ended before the server looked for one."""
    kinds = ("DeadlockDetectedError", "LockNotAvailableError")
    counted = [REGISTRY.get_sample_value("evslot_trouble_total", {"kind": kind}) for kind in kinds]
    return sum(count or 0.0 for count in counted)
