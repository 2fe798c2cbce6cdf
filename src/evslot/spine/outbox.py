"""The outbox: what leaves a service is a row of its transaction, published by one leased relay."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog
from msgspec import Struct

from evslot.spine import db, telemetry
from evslot.spine.failpoints import failpoint
from evslot.spine.leases import Lease
from evslot.spine.message import Envelope

log = structlog.get_logger()

BATCH = 500
"""Rows published at once; also what a lost lease may publish twice."""
TICK_SECONDS = 0.02
IDLE_TICK_SECONDS = 0.1
"""The tick slows down to this while nothing leaves; a nudge of the same process wakes it."""


class Outgoing(Struct, frozen=True, kw_only=True):
    """A record to be published."""

    topic: str
    key: str | None
    envelope: Envelope
    body: bytes

    def row(self) -> tuple[str, str | None, bytes, bytes]:
        return (self.topic, self.key, msgspec.json.encode(self.envelope), self.body)


Publish = Callable[[Sequence[Outgoing]], Awaitable[int]]
"""Publishes in order; answers how many of the first records are acknowledged."""

UNSENT = """
select id, created_at, topic, key, envelope, body
from outbox where sent_at is null order by id limit $1"""

MARK_SENT = """
update outbox set sent_at = now()
from unnest($1::bigint[], $2::timestamptz[]) as sent(id, created_at)
where outbox.id = sent.id and outbox.created_at = sent.created_at
  and exists (select from lease where name = 'relay' and epoch = $3)"""

BACKLOG = """
select count(*) as rows, coalesce(extract(epoch from now() - min(created_at)), 0)::float as seconds
from (select created_at from outbox where sent_at is null order by id limit 10000) as unsent"""

AT_ONCE = 500
"""Timers and asks of one look. A parameter: a statement without any is planned at each look."""

TIMERS_DUE = """
with due as (
  delete from timer where id in (
    select id from timer where due_at <= now() order by due_at limit $1 for update skip locked)
  returning topic, key, envelope, body, due_at)
insert into outbox (topic, key, envelope, body)
select topic, key, envelope, body from due order by due_at"""

ASK_AGAIN = """
with silent as (
  -- 15 s, then half of the age again: a question that nobody can answer gets rare, up to 5 min
  update ask set send_again_at =
    now() + least(greatest((now() - asked_at) / 2, interval '15 seconds'), interval '5 minutes')
  where command_id in (
    select command_id from ask where answered_at is null and send_again_at <= now()
    order by send_again_at limit $1 for update skip locked)
  returning topic, key, envelope, body)
insert into outbox (topic, key, envelope, body) select topic, key, envelope, body from silent"""


class Relay:
    """Publishes unsent rows in order; only the holder of the lease does."""

    def __init__(self, database: db.Database, publish: Publish, lease: Lease) -> None:
        self._database = database
        self._publish = publish
        self._lease = lease
        self._nudged = asyncio.Event()
        self._soon: asyncio.TimerHandle | None = None
        self._pause = TICK_SECONDS
        self._one = asyncio.Lock()  # a last step at the end meets the one under way

    def nudge(self, urgent: bool) -> None:
        """Something was committed: look at once, or at the next tick where only views wait.

        Events of some holds then travel together; one by one they cost more than the holds.
        """
        if urgent:
            self._nudged.set()
        elif self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(TICK_SECONDS, self._nudged.set)

    async def run(self) -> None:
        """Until cancelled. Trouble is waited out; what is unsent stays unsent."""
        while True:
            try:
                moved = await self.step()
            except Exception as error:
                if not db.is_trouble(error):
                    log.exception("relay_failed")
                    telemetry.TROUBLE.labels(kind="relay").inc()
                moved = 0
                await asyncio.sleep(0.2)
            if moved < BATCH:
                await self._rest(moved)

    async def step(self) -> int:
        """Publish one batch; answers how many rows went out."""
        async with self._one:
            return await self._step()

    async def _step(self) -> int:
        epoch = await self._lease.hold()
        if epoch is None:
            return 0
        rows = await self._database.fetch(UNSENT, BATCH)
        if not rows:
            return 0
        records = [_record(row) for row in rows]
        failpoint("relay.before_publish")
        acknowledged = await self._publish(records)
        failpoint("relay.after_publish")
        sent = rows[:acknowledged]
        if sent:
            marked = await self._database.execute(
                MARK_SENT, [row["id"] for row in sent], [row["created_at"] for row in sent], epoch
            )
            if marked < len(sent):
                self._lease.forget()  # a younger owner is at work: it publishes the rest
            failpoint("relay.after_mark")
        return len(sent)

    async def _rest(self, moved: int) -> None:
        self._pause = TICK_SECONDS if moved else min(self._pause * 1.5, IDLE_TICK_SECONDS)
        try:
            async with asyncio.timeout(self._pause):
                await self._nudged.wait()
        except TimeoutError:
            return
        self._nudged.clear()
        self._soon = None
        self._pause = TICK_SECONDS


def _record(row: db.Row) -> Outgoing:
    return Outgoing(
        topic=row["topic"],
        key=row["key"],
        envelope=msgspec.json.decode(row["envelope"], type=Envelope),
        body=row["body"],
    )
