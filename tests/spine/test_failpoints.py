"""Failpoints: off they do nothing; on, a process dies at each of them and no effect is doubled."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from evslot.cli.surroundings import arm_failpoints
from evslot.embedded.postgres import DatabaseSpec, provision
from evslot.embedded.throwaway import PostgresServer
from evslot.spine import failpoints, migrations
from evslot.spine.config import SettingInvalid
from evslot.spine.failpoints import EXIT_STATUS, POINTS, FailpointUnknown, Raised, failpoint
from evslot.spine.kafka import read_all
from tests.harness import Harness
from tests.spine.ledger.acting import accounts, say
from tests.spine.ledger.messages import Deposit, Spend
from tests.spine.ledger.service import SERVICE
from tests.spine.test_process import Ledgers
from tests.spine.test_process import ledgers as ledgers

pytestmark = pytest.mark.anyio

OF_A_SERVICE = [name for name in POINTS if not name.startswith(("edge.", "migration."))]
TRIES = 40


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    """Nothing stays armed behind a test."""
    yield
    failpoints.arm(None, "test")


def test_a_failpoint_that_is_off_leaves_nothing_out() -> None:
    assert not any(failpoint(name) for name in POINTS)


def test_a_failpoint_strikes_at_its_hit_and_at_no_other() -> None:
    failpoints.arm("relay.after_mark:2:raise,reply.before_send:2+:drop", "test")
    assert not failpoint("relay.after_mark")
    with pytest.raises(Raised, match=r"relay\.after_mark"):
        failpoint("relay.after_mark")
    assert not failpoint("relay.after_mark")
    assert [failpoint("reply.before_send") for _ in range(4)] == [False, True, True, True]


def test_a_failpoint_may_only_stand_still() -> None:
    failpoints.arm("job.before_call:1:sleep=0.05", "test")
    started = time.monotonic()
    assert not failpoint("job.before_call")
    assert time.monotonic() - started >= 0.05


@pytest.mark.parametrize(
    "text", ["relay.nowhere:1:exit", "relay.after_mark:0:exit", "relay.after_mark:1:cry", "exit"]
)
def test_what_names_no_failpoint_or_no_action_is_refused(text: str) -> None:
    with pytest.raises(FailpointUnknown, match="EVSLOT_FAIL"):
        failpoints.arm(text, "test")


def test_a_process_that_runs_is_told_by_a_file_which_is_used_up(tmp_path: Path) -> None:
    failpoints.arm(f"@{tmp_path}", "station-1")
    assert not failpoint("reply.before_send")
    (tmp_path / "station-1.reply.before_send").write_text("2:drop\n")
    (tmp_path / "station.reply.before_send").write_text("1:exit\n")  # for another one
    assert [failpoint("reply.before_send") for _ in range(3)] == [False, True, False]
    assert (tmp_path / "station-1.reply.before_send.hit").exists()


def test_exit_ends_a_process_at_once_and_tells_where() -> None:
    code = (
        "from evslot.spine import failpoints\n"
        "failpoints.arm('offsets.before_commit:1:exit', 'x')\n"
        "try:\n    failpoints.failpoint('offsets.before_commit')\n"
        "finally:\n    print('swept up')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == EXIT_STATUS
    assert "offsets.before_commit" in done.stdout
    assert "swept up" not in done.stdout


def test_failpoints_are_refused_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVSLOT_FAIL", "relay.after_mark:1:exit")
    monkeypatch.setenv("EVSLOT_ENVIRONMENT", "production")
    with pytest.raises(SettingInvalid, match="EVSLOT_FAIL"):
        arm_failpoints("reservation")


@pytest.mark.parametrize("point", ["commands.before_commit", "commands.after_commit"])
async def test_a_batch_that_breaks_at_its_commit_has_one_effect(h: Harness, point: str) -> None:
    failpoints.arm(f"{point}:1:raise", "ledger")
    (answer,) = await say(h, Deposit(account="a", amount=5))
    assert answer.status == 200
    assert await accounts(h) == {"a": 5}
    assert len(h.events) == 1


async def test_a_migration_that_dies_half_way_is_made_whole_the_next_time(
    postgres_server: PostgresServer,
) -> None:
    spec = DatabaseSpec(f"failing_{uuid4().hex[:8]}", "failing", "secret")
    await provision(postgres_server.superuser_dsn, [spec])
    place = f"{postgres_server.host}:{postgres_server.port}/{spec.name}"
    url = f"postgresql://{spec.owner}:{spec.password}@{place}"
    folders = SERVICE.schema_folders
    names = [migration.name for migration in migrations.read(folders)]
    for point in ("migration.before_commit", "migration.after_commit"):
        failpoints.arm(f"{point}:2:raise", "migrate")
        with pytest.raises(Raised):
            await migrations.migrate(url, folders)
    failpoints.arm(None, "migrate")
    assert await migrations.migrate(url, folders) == names[3:]
    assert await migrations.migrate(url, folders) == []


async def test_a_process_dies_at_each_failpoint_and_every_command_has_one_effect(
    ledgers: Ledgers, tmp_path: Path
) -> None:
    orders = tmp_path / "orders"
    orders.mkdir()
    ledgers.run(EVSLOT_FAIL=f"@{orders}")
    await ledgers.ask(Deposit(account="a", amount=1000))
    spent = 0
    for point in OF_A_SERVICE:
        (orders / f"ledger.{point}").write_text("1:exit")
        spent += await spend_until_it_dies(ledgers, orders, point)
        assert (orders / f"ledger.{point}.hit").exists()
    await until_taxed(ledgers, spent)
    events = await asyncio.to_thread(read_all, ledgers.bootstrap, [ledgers.topics.events("ledger")])
    assert len({event.header("ce_id") for event in events}) == 1 + 2 * spent


async def spend_until_it_dies(ledgers: Ledgers, orders: Path, point: str) -> int:
    """Each a command with an event, a command to a service and a job; answers how many."""
    process = ledgers.processes[-1]
    asked = {}
    for number in (uuid4() for _ in range(TRIES)):
        asked[number] = asyncio.create_task(ledgers.ask(Spend(account="a", amount=1), number))
        await asyncio.sleep(0.2)
        if process.poll() is not None:
            break
    assert await asyncio.to_thread(process.wait, 10) == EXIT_STATUS, point
    assert f'"point": "{point}"' in ledgers.log_of(process)
    ledgers.run(EVSLOT_FAIL=f"@{orders}")
    for number, asking in asked.items():
        asking.cancel()
        answer = await ledgers.ask(Spend(account="a", amount=1), number, seconds=60.0)
        assert answer.status == 200, point
    return len(asked)


async def until_taxed(ledgers: Ledgers, spent: int) -> None:
    """Each was spent once, and so was its tax, which goes through the outbox to the same topic."""
    expected = {"a": 1000 - spent, "tax": spent}
    for _ in range(100):
        if await ledgers.balances() == expected:
            break
        await asyncio.sleep(0.2)
    await asyncio.sleep(0.5)  # what comes twice would come now
    assert await ledgers.balances() == expected
