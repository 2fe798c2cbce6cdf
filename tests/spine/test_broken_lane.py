"""A lane that fails at its own work ends its process instead of repeating it for ever."""

import asyncio
from uuid import UUID

import asyncpg
import pytest

from evslot.embedded.throwaway import PostgresServer
from evslot.spine import lanes
from evslot.spine.config import Config
from evslot.spine.lanes import LaneBroken
from evslot.spine.service import Process
from tests.harness import Harness
from tests.spine.ledger.acting import accounts, hands
from tests.spine.ledger.messages import Deposit
from tests.spine.ledger.service import SERVICE

pytestmark = pytest.mark.anyio

GONE = "alter table outbox rename to outbox_gone"
BACK = "alter table outbox_gone rename to outbox"
SAID = [(Deposit(account="a", amount=1), UUID(int=7))]


async def as_superuser(server: PostgresServer, h: Harness, sql: str) -> None:
    """Nothing in the process expects what is done here."""
    connection = await asyncpg.connect(server.superuser_dsn, database=h.url.rsplit("/", 1)[1])
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def test_a_lane_that_fails_unexpectedly_gives_up_after_a_bound(
    h: Harness, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the work nor the dead letter can be written, and nothing says that it is trouble."""
    monkeypatch.setattr(lanes, "BACK_OFF_SECONDS", (0.0,))
    await as_superuser(postgres_server, h, GONE)
    held, _ = hands(h, SAID)
    with pytest.raises(LaneBroken, match=r"commands failed 20 times in a row.*42P01"):
        await h.commands._persist(list(held))
    assert not held[0].finished
    assert await accounts(h) == {}


async def test_a_lane_goes_on_where_the_failure_passes(
    h: Harness, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "BACK_OFF_SECONDS", (0.05,))
    await as_superuser(postgres_server, h, GONE)
    held, _ = hands(h, SAID)
    work = asyncio.create_task(h.commands._persist(list(held)))
    await asyncio.sleep(0.1)
    await as_superuser(postgres_server, h, BACK)
    await work
    assert held[0].finished
    assert await accounts(h) == {"a": 1}


async def test_a_broken_lane_ends_its_process_with_the_reason() -> None:
    async def broken() -> None:
        raise LaneBroken("commands failed 20 times in a row: KeyError: 'x'")

    process = Process(
        SERVICE,
        Config(
            {
                "EVSLOT_LEDGER_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
                "EVSLOT_LEDGER_HEALTH_PORT": "0",
                "EVSLOT_LEDGER_KEYS_FILE": "none",
                "EVSLOT_KEYS_PUBLIC_FILE": "none",
            }
        ),
    )
    task = asyncio.create_task(broken())
    await asyncio.wait([task])
    process._task_ended(task)
    assert process._stopping.is_set()
    assert isinstance(process._fatal, LaneBroken)
