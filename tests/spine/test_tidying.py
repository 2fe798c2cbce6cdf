"""What is cleaned up, and what must be kept."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest

from evslot.embedded.throwaway import PostgresServer
from evslot.spine.duties import Duties
from evslot.spine.handling import Handlers
from evslot.spine.leases import Lease
from evslot.spine.message import Secret
from evslot.spine.transaction import Transaction
from tests.harness import Harness
from tests.spine.ledger.acting import inbox, say, try_saying
from tests.spine.ledger.messages import Consult, Deposit, Order
from tests.spine.oracle.messages import Advice

pytestmark = pytest.mark.anyio


def duties_of(h: Harness, handlers: Handlers) -> Duties:
    lease = Lease(h.database, "duties", "one")
    return Duties(h.wiring, handlers, h.database, lease, h._reply, lambda urgent: None)


async def tidy(h: Harness, rounds: int = 1) -> None:
    """The first rounds of a fresh process on duty."""
    duties = duties_of(h, h.handlers)
    for _ in range(rounds):
        await duties._round()


async def partitions(h: Harness) -> list[str]:
    """Yesterday's aside: tests that run over midnight have one."""
    rows = await h.fetch(
        "select inhrelid::regclass::text as name from pg_inherits"
        " where inhparent = 'outbox'::regclass and inhrelid::regclass::text"
        " <> 'outbox_' || to_char((now() - interval '1 day') at time zone 'UTC', 'YYYYMMDD')"
        " order by 1"
    )
    return [row["name"] for row in rows]


async def row(h: Harness, day: int, *, sent: bool, body: str = "x") -> None:
    """An outbox row of a day relative to today."""
    await h.execute(
        "insert into outbox (created_at, topic, key, envelope, body, sent_at)"
        " select at, 't', 'k', '{}', $2, case when $3 then at end"
        " from (select now() + make_interval(days => $1) as at) as day",
        day,
        body.encode(),
        sent,
    )


async def as_owner(server: PostgresServer, h: Harness, sql: str) -> None:
    connection = await asyncpg.connect(server.superuser_dsn, database=h.url.rsplit("/", 1)[1])
    try:
        await connection.execute("set role ledger_test")
        await connection.execute(sql)
    finally:
        await connection.close()


async def test_partitions_are_made_ahead_and_rows_fall_into_them(h: Harness) -> None:
    await h.execute("select outbox_partitions()")
    await row(h, 0, sent=False)

    there = await partitions(h)
    assert len(there) == 4
    assert there[-1] == "outbox_rest"
    assert await h.fetch_value("select count(*) from outbox_rest") == 0


async def test_a_day_that_is_all_sent_is_dropped_and_one_that_is_not_is_kept(
    h: Harness, postgres_server: PostgresServer
) -> None:
    for day in (5, 4):
        await as_owner(
            postgres_server,
            h,
            f"""do $$ begin execute format(
                'create table outbox_%s partition of outbox for values from (%L) to (%L)',
                to_char((now() at time zone 'UTC')::date - {day}, 'YYYYMMDD'),
                ((now() at time zone 'UTC')::date - {day})::timestamp at time zone 'UTC',
                ((now() at time zone 'UTC')::date - {day - 1})::timestamp at time zone 'UTC');
            end $$""",
        )
    await row(h, -5, sent=True)
    await row(h, -4, sent=False)
    before = await partitions(h)

    await tidy(h)

    after = await partitions(h)
    assert len(before) == 6
    assert after == before[1:]
    assert await h.fetch_value("select count(*) from outbox where sent_at is null") == 1


async def test_sent_rows_that_fell_into_no_day_are_cleaned_up_too(h: Harness) -> None:
    """As after some days without anybody at work: today's first rows have no partition yet."""
    await row(h, -20, sent=True)
    await row(h, -20, sent=False)
    assert await h.fetch_value("select count(*) from outbox_rest") == 2

    await tidy(h)

    assert await h.fetch_value("select count(*) from outbox_rest where sent_at is null") == 1
    assert await h.fetch_value("select count(*) from outbox_rest") == 1


async def test_inbox_rows_outlive_the_topics_and_open_ones_stay_for_ever(h: Harness) -> None:
    young, old, open_ = uuid4(), uuid4(), uuid4()
    await say(h, (Deposit(account="a", amount=1), young), (Deposit(account="a", amount=1), old))
    await try_saying(h, (Order(account="a"), open_))
    await aged(h, young, 8)
    await aged(h, old, 10)
    await aged(h, open_, 100)

    await tidy(h)

    assert set(await inbox(h)) == {young, open_}


async def aged(h: Harness, number: UUID, days: int) -> None:
    await h.execute(
        "update inbox set received_at = now() - make_interval(days => $2) where command_id = $1",
        number,
        days,
    )


async def test_the_clean_up_goes_on_at_once_while_there_is_more(h: Harness) -> None:
    """At a thousand commands a second, a few thousand rows in ten minutes would never do."""
    await h.execute(
        "insert into inbox (command_id, fingerprint, type, state, received_at)"
        " select gen_random_uuid(), '', 't', 'answered', now() - interval '10 days'"
        " from generate_series(1, 12000)"
    )

    await tidy(h, rounds=3)

    assert await h.fetch_value("select count(*) from inbox") == 0


async def test_a_duty_that_is_not_done_goes_on_at_once_after_the_others(h: Harness) -> None:
    did: list[str] = []
    handlers = Handlers()

    @handlers.every(seconds=3600.0)
    async def much(tx: Transaction) -> bool:
        did.append("much")
        return len(did) < 5

    @handlers.every(seconds=0.0)
    async def other(tx: Transaction) -> None:
        did.append("other")

    duties = duties_of(h, handlers)
    for _ in range(5):
        await duties._round()

    assert did == ["much", "other", "much", "other", "much", "other", "other", "other"]


async def test_answered_questions_go_after_a_while_and_open_ones_stay(h: Harness) -> None:
    await try_saying(h, Consult(account="a", question="one"), Consult(account="a", question="two"))
    await h.answer_asked(h.sent[0], Advice(words="yes", whispered=Secret("no")))
    await h.execute(
        "update ask set answered_at = now() - interval '10 days' where answered_at is not null"
    )
    await h.execute("update ask set asked_at = now() - interval '100 days'")

    await tidy(h)

    assert await h.fetch_value("select count(*) from ask where answered_at is null") == 1
    assert await h.fetch_value("select count(*) from ask") == 1


async def test_two_at_once_do_not_hinder_each_other(h: Harness) -> None:
    await asyncio.gather(*(tidy(h) for _ in range(3)))

    assert len(await partitions(h)) == 4
