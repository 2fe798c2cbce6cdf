"""What a transaction leaves behind besides its own rows, written at its end, told after commit."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
from msgspec import Struct

from evslot.spine import answers, db, inbox
from evslot.spine.failpoints import failpoint
from evslot.spine.inbox import Waiter
from evslot.spine.message import Answer
from evslot.spine.outbox import Outgoing
from evslot.spine.wiring import Wiring

SendReply = Callable[[Outgoing, Waiter], None]
"""Publishes an answer without waiting for Kafka: a lost one is asked for again."""
Nudge = Callable[[bool], None]
"""Says after a commit that something waits to leave, and whether somebody waits for it."""


class Effects:
    """What a transaction will leave behind besides its own rows; written at its end."""

    def __init__(self) -> None:
        self.outgoing: list[Outgoing] = []
        self.timers: list[tuple[datetime, Outgoing]] = []
        self.asks: list[tuple[Any, ...]] = []
        self.jobs: list[tuple[UUID, str, bytes, float, str | None]] = []
        self.answers: list[tuple[UUID, Any]] = []

    @property
    def urgent(self) -> bool:
        """Whether somebody waits for what leaves: a service or a worker, not only views."""
        return bool(self.jobs) or any(
            not outgoing.topic.endswith("-events") for outgoing in self.outgoing
        )

    def mark(self) -> tuple[int, ...]:
        return tuple(map(len, self._all()))

    def cut_back(self, mark: tuple[int, ...]) -> None:
        """Forget what came after a mark: the handler refused."""
        for effects, length in zip(self._all(), mark, strict=True):
            del effects[length:]

    def _all(self) -> tuple[list[Any], ...]:
        return (self.outgoing, self.timers, self.asks, self.jobs, self.answers)


@asynccontextmanager
async def speaking(
    database: db.Database, wiring: Wiring, reply: SendReply, nudge: Nudge
) -> AsyncIterator[tuple[db.Connection, datetime, Effects]]:
    """A transaction with what leaves it: written at its end, told after its commit."""
    effects = Effects()
    async with database.transaction() as connection:
        now: datetime = await connection.fetchval("select now()")
        yield connection, now, effects
        replies = await write_effects(connection, wiring, effects, Closing())
        failpoint("effects.before_commit")
    failpoint("effects.after_commit")
    for outgoing, waiter in replies:
        reply(outgoing, waiter)
    if effects.mark() != Effects().mark():
        nudge(effects.urgent)


class Closing(Struct, frozen=True, kw_only=True):
    """How the commands of a batch end in the inbox."""

    answered: Sequence[tuple[UUID, Answer]] = ()
    left_open: Sequence[tuple[UUID, Sequence[Waiter]]] = ()


CLOSE = """
with answered as (
  update inbox set state = 'answered', answer = a.answer, answered_at = now()
  from unnest($1::uuid[], $2::bytea[]) as a(command_id, answer)
  where inbox.command_id = a.command_id)
insert into outbox (topic, key, envelope, body)
select topic, key, envelope, body
from unnest($3::text[], $4::text[], $5::bytea[], $6::bytea[])
  with ordinality as o(topic, key, envelope, body, place)
order by place"""

# Also one that failed before: what is open now must be found by its answer, and not run again.
LEAVE_OPEN = """
update inbox set state = 'open', waiting = o.waiting::jsonb
from unnest($1::uuid[], $2::text[]) as o(command_id, waiting)
where inbox.command_id = o.command_id"""

ANSWER_OPEN = """
update inbox set state = 'answered', answer = a.answer, answered_at = now(), waiting = '[]'
from unnest($1::uuid[], $2::bytea[]) as a(command_id, answer)
where inbox.command_id = a.command_id and inbox.state = 'open'
returning inbox.command_id, inbox.type, old.waiting"""

TIMERS = """
insert into timer (id, due_at, topic, key, envelope, body)
select * from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::bytea[],
                     $6::bytea[])"""

ASKS = """
insert into ask (command_id, step, about, context, type, topic, key, envelope, body)
select command_id, step, about, context::jsonb, type, topic, key, envelope, body
from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[],
            $8::bytea[], $9::bytea[])
  as a(command_id, step, about, context, type, topic, key, envelope, body)
on conflict (command_id) do nothing"""

JOBS = """
insert into job (id, kind, payload, deadline_at, traceparent)
select id, kind, payload, now() + make_interval(secs => seconds), traceparent
from unnest($1::uuid[], $2::text[], $3::bytea[], $4::float8[], $5::text[])
  as j(id, kind, payload, seconds, traceparent)
on conflict (id) do nothing"""


async def write_effects(
    connection: db.Connection, wiring: Wiring, effects: Effects, closing: Closing
) -> list[tuple[Outgoing, Waiter]]:
    """Write what leaves; answers the replies to publish after commit (to gateways)."""
    if closing.left_open:  # before the answers: one of them may be for a command of this batch
        left_open = [
            (number, msgspec.json.encode(waiters[: inbox.WAITING_LIMIT]).decode())
            for number, waiters in closing.left_open
        ]
        await connection.execute(LEAVE_OPEN, *db.columns(left_open, 2))
    replies = await _answer_open(connection, wiring, effects)
    if effects.timers:
        rows = [(uuid4(), when, *outgoing.row()) for when, outgoing in effects.timers]
        await connection.execute(TIMERS, *db.columns(rows, 6))
    if effects.asks:
        await connection.execute(ASKS, *db.columns(effects.asks, 9))
    if effects.jobs:
        await connection.execute(JOBS, *db.columns(effects.jobs, 5))
    if closing.answered or effects.outgoing:
        answered = [(number, msgspec.json.encode(answer)) for number, answer in closing.answered]
        await connection.execute(
            CLOSE,
            *db.columns(answered, 2),
            *db.columns([outgoing.row() for outgoing in effects.outgoing], 4),
        )
    return replies


async def _answer_open(
    connection: db.Connection, wiring: Wiring, effects: Effects
) -> list[tuple[Outgoing, Waiter]]:
    """Answer commands left open earlier; services are answered through the outbox."""
    if not effects.answers:
        return []
    first = dict(reversed(effects.answers))
    given = {number: answers.answer_for(outcome, wiring.keys) for number, outcome in first.items()}
    rows = await connection.fetch(
        ANSWER_OPEN, list(given), [msgspec.json.encode(answer) for answer in given.values()]
    )
    replies = []
    for row in rows:
        number = row["command_id"]
        kind = wiring.catalogue.find_newest(row["type"])
        for waiter in inbox.waiters(row["waiting"]):
            sent = answers.opened_for(given[number], kind, waiter, wiring.keys)
            outgoing = answers.record(sent, number, waiter, wiring.part)
            if answers.reply_partition(waiter) is None:
                effects.outgoing.append(outgoing)
            else:
                replies.append((outgoing, waiter))
    return replies
