"""Jobs: leased, tried again with pauses, fenced by the attempt, and emptied at the end."""

import asyncio
from uuid import UUID, uuid4

import msgspec
import pytest

from evslot.spine import db
from evslot.spine.callers import SYSTEM
from evslot.spine.effects import speaking
from evslot.spine.jobs import RESULT_TRIES, JobRunner, run_again, runner
from evslot.spine.message import Secret
from evslot.spine.records import DeadLetter
from evslot.spine.transaction import Transaction
from tests.harness import Harness
from tests.spine.ledger.acting import say
from tests.spine.ledger.handlers import jobs
from tests.spine.ledger.messages import CallBell, Ringing
from tests.spine.ledger.switches import Switches

pytestmark = pytest.mark.anyio

BELL = CallBell(account="a", password=Secret("open sesame"))


async def called(h: Harness) -> UUID:
    (answer,) = await say(h, BELL)
    return answer.result(Ringing).job_id


async def bells(h: Harness) -> list[str]:
    return [row["said"] for row in await h.fetch("select said from bell order by id")]


async def job(h: Harness) -> db.Row:
    (row,) = await h.fetch("select *, extract(epoch from run_at - now())::float as pause from job")
    return row


async def due(h: Harness) -> None:
    await h.execute("update job set run_at = now() where state = 'ready'")


async def until_rung(switches: Switches, times: int = 1) -> None:
    for _ in range(500):
        if len(switches.rung) >= times:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the bell was not rung")


async def lease_lost(h: Harness) -> None:
    """As if the process at work had been silent for too long."""
    await h.execute("update job set leased_until = now() - interval '1 ms' where state = 'running'")


def another_runner(h: Harness, slot: int = 0) -> JobRunner:
    return JobRunner(h.wiring, jobs, h.handlers, h.database, h._reply, lambda urgent: None, slot)


async def test_a_job_runs_after_the_commit_and_its_result_comes_in_a_transaction(
    h: Harness,
) -> None:
    job_id = await called(h)
    assert h.resources.get(Switches).rung == []

    await h.jobs.step("Ring")

    assert h.resources.get(Switches).rung == [(job_id, 1)]
    assert await bells(h) == ["ring 1"]
    assert (await job(h))["state"] == "done"


async def test_the_payload_is_sealed_while_it_waits_and_emptied_at_the_end(h: Harness) -> None:
    heard: list[str] = []

    def listen(_: UUID, __: int, password: str) -> str:
        heard.append(password)
        return "heard"

    h.resources.get(Switches).bell = listen
    await called(h)
    waiting = bytes((await job(h))["payload"])

    await h.jobs.step("Ring")

    assert b"password" in waiting
    assert b"sesame" not in waiting
    assert heard == ["open sesame"]
    assert bytes((await job(h))["payload"]) == b""


async def test_what_fails_is_tried_again_under_the_same_id_with_growing_pauses(
    h: Harness,
) -> None:
    def stumble(_: UUID, attempt: int, __: str) -> str:
        if attempt < 3:
            raise ConnectionError("no line")
        return "at last"

    h.resources.get(Switches).bell = stumble
    job_id = await called(h)
    pauses = []
    for _ in range(2):
        await h.jobs.step("Ring")
        row = await job(h)
        assert row["state"] == "ready"
        pauses.append(row["pause"])
        assert await h.jobs.step("Ring") == 0, "not before its time"
        await due(h)

    await h.jobs.step("Ring")

    assert 0.2 < pauses[0] <= 0.5 < pauses[1] + 0.1 <= 1.1
    assert h.resources.get(Switches).rung == [(job_id, n) for n in (1, 2, 3)]
    assert await bells(h) == ["at last"]


async def call_off(h: Harness, job_id: UUID) -> None:
    async with speaking(h.database, h.wiring, h._reply, lambda urgent: None) as spoken:
        connection, now, effects = spoken
        tx = Transaction(connection, now, h.wiring, effects, caller=SYSTEM, command_id=uuid4())
        await tx.call_off([job_id])


async def test_a_job_that_is_called_off_is_emptied_and_not_run(h: Harness) -> None:
    job_id = await called(h)

    await call_off(h, job_id)

    assert await h.jobs.step("Ring") == 0
    assert await bells(h) == []
    row = await job(h)
    assert (row["state"], row["payload"], row["error"]) == ("done", b"", "called off")


@pytest.mark.parametrize("ends", ["well", "in trouble"])
async def test_a_job_called_off_at_work_brings_no_result_and_no_other_try(
    h: Harness, ends: str
) -> None:
    switches = h.resources.get(Switches)
    switches.bell_waits = asyncio.Event()
    if ends == "in trouble":
        switches.bell = no_line
    job_id = await called(h)
    working = asyncio.create_task(h.jobs.step("Ring"))
    await until_rung(switches)

    await call_off(h, job_id)
    switches.bell_waits.set()
    await working

    assert await bells(h) == []
    assert ((await job(h))["state"], bytes((await job(h))["payload"])) == ("done", b"")


def no_line(*_: object) -> str:
    raise ConnectionError("no line")


async def test_when_all_attempts_are_used_the_handler_is_told(h: Harness) -> None:
    h.resources.get(Switches).bell = no_line
    await called(h)

    await h.run_jobs()

    assert await bells(h) == ["failed: ConnectionError: no line"]
    row = await job(h)
    assert (row["state"], row["attempt"], bytes(row["payload"])) == ("failed", 3, b"")


async def test_past_its_deadline_a_job_is_given_up_without_another_try(h: Harness) -> None:
    h.resources.get(Switches).bell = no_line
    await called(h)
    await h.jobs.step("Ring")
    await h.execute("update job set deadline_at = now() - interval '1 s', run_at = now()")

    await h.jobs.step("Ring")

    assert len(h.resources.get(Switches).rung) == 1
    assert await bells(h) == ["failed: deadline"]


async def test_a_lost_lease_runs_again_with_the_same_id_and_the_late_result_is_fenced(
    h: Harness,
) -> None:
    """The first runner sleeps in the outside world while the second does the work."""
    switches = h.resources.get(Switches)
    switches.bell_waits = asyncio.Event()
    job_id = await called(h)
    slow = asyncio.create_task(h.jobs.step("Ring"))
    await until_rung(switches)
    await lease_lost(h)
    gate, switches.bell_waits = switches.bell_waits, None

    await another_runner(h).step("Ring")
    gate.set()
    await slow

    assert switches.rung == [(job_id, 1), (job_id, 2)]
    assert await bells(h) == ["ring 2"]
    assert (await job(h))["attempt"] == 2


async def test_a_late_failure_does_not_put_a_taken_over_job_back(h: Harness) -> None:
    switches = h.resources.get(Switches)
    switches.bell_waits = asyncio.Event()
    await called(h)
    slow = asyncio.create_task(h.jobs.step("Ring"))
    await until_rung(switches)
    await lease_lost(h)
    gate, switches.bell_waits = switches.bell_waits, None
    await another_runner(h).step("Ring")

    switches.bell = no_line
    gate.set()
    await slow

    assert (await job(h))["state"] == "done"
    assert await bells(h) == ["ring 2"]


async def test_a_late_result_is_fenced_while_the_job_is_still_at_work_elsewhere(
    h: Harness,
) -> None:
    switches = h.resources.get(Switches)
    first, second = asyncio.Event(), asyncio.Event()
    switches.bell_waits = first
    await called(h)
    slow = asyncio.create_task(h.jobs.step("Ring"))
    await until_rung(switches)
    await lease_lost(h)
    switches.bell_waits = second
    quick = asyncio.create_task(another_runner(h).step("Ring"))
    await until_rung(switches, 2)

    first.set()
    await slow
    before = (await job(h))["state"], await bells(h)
    second.set()
    await quick

    assert before == ("running", [])
    assert await bells(h) == ["ring 2"]


async def test_who_comes_next_in_a_slot_goes_on_with_its_jobs_at_once(h: Harness) -> None:
    job_id = await called(h)
    await h.execute(
        """update job set state = 'running', attempt = 1, slot = 1,
             leased_until = now() + interval '95 s'"""
    )
    switches = h.resources.get(Switches)

    other = asyncio.create_task(another_runner(h, slot=2).run())
    next_one = asyncio.create_task(another_runner(h, slot=1).run())
    try:
        await until_rung(switches)
    finally:
        for task in (other, next_one):
            task.cancel()
        await asyncio.gather(other, next_one, return_exceptions=True)

    assert switches.rung == [(job_id, 2)]


async def test_another_slot_leaves_a_lease_alone(h: Harness) -> None:
    await called(h)
    await h.execute(
        """update job set state = 'running', attempt = 1, slot = 1,
             leased_until = now() + interval '95 s'"""
    )
    other = another_runner(h, slot=2)

    await other._take_over()

    assert await other.step("Ring") == 0


async def test_two_runners_never_run_one_job_at_once(h: Harness) -> None:
    for _ in range(40):
        await called(h)
    runners = [another_runner(h, slot) for slot in range(4)]
    running = [asyncio.create_task(runner.run()) for runner in runners]
    for _ in range(200):
        if await h.fetch_value("select count(*) from job where state = 'done'") == 40:
            break
        await asyncio.sleep(0.02)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)

    rung = h.resources.get(Switches).rung
    assert len(rung) == 40
    assert {attempt for _, attempt in rung} == {1}
    assert len(await bells(h)) == 40


@pytest.mark.parametrize("ticks", range(4))
async def test_a_runner_stops_also_in_the_moment_it_is_nudged(h: Harness, ticks: int) -> None:
    """A wait that ends and is cancelled in one turn of the loop must not forget the second."""
    runner = another_runner(h)
    running = asyncio.create_task(runner.run())
    await asyncio.sleep(0.1)
    runner.nudge()
    for _ in range(ticks):
        await asyncio.sleep(0)

    running.cancel()

    stopped, _ = await asyncio.wait({running}, timeout=3.0)
    running.cancel()
    assert stopped


async def test_a_broken_result_handler_leaves_the_job_to_its_lease(h: Harness) -> None:
    """Outside it was done: the next attempt has the same id, so it is not done twice there."""
    switches = h.resources.get(Switches)
    switches.results_break = True
    job_id = await called(h)
    await h.jobs.step("Ring")
    assert (await job(h))["state"] == "running"
    assert await bells(h) == []

    switches.results_break = False
    await lease_lost(h)
    await h.jobs.step("Ring")

    assert switches.rung == [(job_id, 1), (job_id, 2)]
    assert await bells(h) == ["ring 2"]


async def test_what_was_done_outside_is_noted_through_trouble_and_not_done_again(
    h: Harness,
) -> None:
    """Else a mail would go out twice, and a payment wait for its lease, for a lost connection."""
    switches = h.resources.get(Switches)
    switches.results_trouble = 3
    job_id = await called(h)

    await h.jobs.step("Ring")

    assert (await job(h))["state"] == "done"
    assert switches.rung == [(job_id, 1)]
    assert await bells(h) == ["ring 1"]


async def test_trouble_that_outlasts_the_lease_leaves_the_job_to_the_next(
    h: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "LEASE_MARGIN", -2.0)  # over as soon as it is taken
    switches = h.resources.get(Switches)
    switches.results_trouble = 1
    job_id = await called(h)
    await h.jobs.step("Ring")
    assert (await job(h))["state"] == "running"
    monkeypatch.undo()

    await h.jobs.step("Ring")

    assert switches.rung == [(job_id, 1), (job_id, 2)]
    assert await bells(h) == ["ring 2"]


async def test_the_same_call_repeated_is_one_job(h: Harness) -> None:
    number = uuid4()
    await say(h, (BELL, number), (BELL, number))
    await say(h, (BELL, number))

    assert await h.run_jobs() == 1


async def test_a_result_that_nobody_understands_goes_to_the_dead_topic_and_can_be_run_again(
    h: Harness,
) -> None:
    switches = h.resources.get(Switches)
    switches.results_break = True
    job_id = await called(h)
    attempts = jobs.kinds["Ring"].attempts
    for _ in range(20):
        await h.jobs.step("Ring")
        await lease_lost(h)
    assert len(switches.rung) == attempts + RESULT_TRIES - 1
    row = await job(h)
    assert (row["state"], bytes(row["payload"])) == ("failed", b"")
    assert "nobody hears the bell" in row["error"]
    await h._collect()
    (letter,) = [msgspec.json.decode(one.body, type=DeadLetter) for one in h.dead]
    assert (letter.topic, letter.reason) == ("job/Ring", row["error"])
    assert dict(letter.headers)["ce_id"] == str(job_id)

    switches.results_break = False
    assert await run_again(h.database, jobs, letter)
    assert not await run_again(h.database, jobs, letter)
    await h.jobs.step("Ring")

    assert (await job(h))["state"] == "done"
    assert switches.rung[-1] == (job_id, 1)
    assert len(await bells(h)) == 1
