"""What fails at its own work ends its process, with the reason, instead of repeating for ever."""

import asyncio
import time
from uuid import UUID

import asyncpg
import pytest

from evslot.embedded.throwaway import PostgresServer
from evslot.spine import lanes
from evslot.spine.config import Config
from evslot.spine.lanes import LaneBroken
from evslot.spine.service import Process, TaskEnded
from evslot.spine.slots import SlotTaken
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


def between_tries(h: Harness) -> None:
    """Mended in the midst of one, the message could be buried by what is whole again."""
    while not h.commands.in_trouble:
        time.sleep(0.01)


async def test_a_lane_goes_on_where_the_failure_passes(
    h: Harness, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "BACK_OFF_SECONDS", (0.0, 1.0))
    await as_superuser(postgres_server, h, GONE)
    held, _ = hands(h, SAID)
    work = asyncio.create_task(h.commands._persist(list(held)))
    async with asyncio.timeout(10.0):
        await asyncio.to_thread(between_tries, h)
    await as_superuser(postgres_server, h, BACK)
    await work
    assert held[0].finished
    assert await accounts(h) == {"a": 1}


def process_of_nothing() -> Process:
    return Process(
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


async def ended(process: Process, error: Exception | None) -> None:
    """A task of the process ends, well or not."""

    async def end() -> None:
        if error is not None:
            raise error

    task = asyncio.create_task(end(), name="relay")
    await asyncio.wait([task])
    process._task_ended(task)


@pytest.mark.parametrize("error", [LaneBroken("20 times in a row"), SlotTaken("slot 0")])
async def test_what_a_person_can_mend_ends_the_process_with_its_reason(error: Exception) -> None:
    process = process_of_nothing()
    await ended(process, error)
    assert process._stopping.is_set()
    assert process._fatal is error


async def test_a_task_that_fails_is_no_clean_end_of_the_process() -> None:
    process = process_of_nothing()
    await ended(process, ConnectionRefusedError("no way"))
    assert process._stopping.is_set()
    assert isinstance(process._fatal, TaskEnded)
    assert str(process._fatal) == "relay failed: ConnectionRefusedError: no way"


async def test_a_task_with_nothing_to_do_ends_nothing() -> None:
    """Of a service without jobs."""
    process = process_of_nothing()
    await ended(process, None)
    assert not process._stopping.is_set()


async def test_what_fails_once_the_process_stops_leaves_it_a_clean_end() -> None:
    process = process_of_nothing()
    process.stop()
    await ended(process, ConnectionRefusedError("no way"))
    assert process._fatal is None
