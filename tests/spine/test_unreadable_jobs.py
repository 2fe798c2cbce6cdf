"""A job that cannot be read is left to who can read it, and in the end buried and told of."""

import base64
from uuid import UUID

import msgspec
import pytest

from evslot.spine.jobs import Job, run_again
from evslot.spine.jobs.dead import as_far_as_readable
from evslot.spine.message import Personal, Secret
from evslot.spine.records import DeadLetter
from tests.harness import Harness
from tests.spine.ledger.acting import say
from tests.spine.ledger.handlers import jobs
from tests.spine.ledger.messages import CallBell
from tests.spine.ledger.switches import Switches

pytestmark = pytest.mark.anyio

STRANGE = {
    "a key that is gone": b'{"password":"AAAA.sealed-with-another"}',
    "another version": b'{"word":"sesame"}',
}
STATE = """
select state, attempt, payload, error, extract(epoch from run_at - now())::float as pause
from job"""


async def called(h: Harness) -> bytes:
    """A job that waits; its payload."""
    await say(h, CallBell(account="a", password=Secret("open sesame")))
    return bytes(await h.fetch_value("select payload from job"))


async def bells(h: Harness) -> list[str]:
    return [row["said"] for row in await h.fetch("select said from bell order by id")]


@pytest.mark.parametrize("payload", STRANGE.values(), ids=STRANGE)
async def test_a_job_that_cannot_be_read_waits_for_a_process_that_can(
    h: Harness, payload: bytes
) -> None:
    readable = await called(h)
    await h.execute("update job set payload = $1", payload)
    await h.jobs.step("Ring")
    (row,) = await h.fetch(STATE)
    assert (row["state"], row["payload"]) == ("ready", payload)
    assert row["pause"] > 0.2

    await h.execute("update job set payload = $1", readable)
    await h.run_jobs()

    assert await bells(h) == ["ring 2"]
    assert h.dead == []


@pytest.mark.parametrize("payload", STRANGE.values(), ids=STRANGE)
async def test_at_last_its_handler_hears_that_it_failed_and_its_letter_keeps_what_it_says(
    h: Harness, payload: bytes
) -> None:
    readable = await called(h)
    await h.execute("update job set payload = $1", payload)

    await h.run_jobs()

    (row,) = await h.fetch(STATE)
    assert (row["state"], row["attempt"], row["payload"]) == ("failed", 3, b"")
    assert await bells(h) == [f"failed: {row['error']}"]
    assert row["error"].startswith("not understood: ")
    (letter,) = [msgspec.json.decode(one.body, type=DeadLetter) for one in h.dead]
    assert (letter.topic, letter.reason) == ("job/Ring", row["error"])
    assert base64.b64decode(letter.value) == payload

    mended = msgspec.structs.replace(letter, value=base64.b64encode(readable).decode())
    assert await run_again(h.database, jobs, mended)
    await h.run_jobs()
    assert len(h.resources.get(Switches).rung) == 1


@pytest.mark.parametrize("payload", [b"", b"\xff", b"[1]"])
async def test_one_that_says_nothing_at_all_is_buried_though_nobody_can_be_told(
    h: Harness, payload: bytes
) -> None:
    await called(h)
    await h.execute("update job set payload = $1", payload)

    await h.run_jobs()

    assert (await bells(h), len(h.dead)) == ([], 1)


async def test_a_handler_that_breaks_over_it_does_not_keep_it_from_its_grave(h: Harness) -> None:
    h.resources.get(Switches).results_break = True
    await called(h)
    await h.execute("update job set payload = $1", STRANGE["another version"])

    await h.run_jobs()

    assert (await bells(h), len(h.dead)) == ([], 1)
    assert h.reasons()[0].startswith("not understood: ")


async def test_past_its_deadline_it_is_not_tried_again(h: Harness) -> None:
    await called(h)
    await h.execute("update job set payload = '{}', deadline_at = now() - interval '1 s'")

    assert await h.run_jobs() == 1

    assert len(h.dead) == 1


class Fetch(Job[int], frozen=True, kw_only=True):
    """Fetch something."""

    number: UUID
    word: Secret[str]
    name: Personal[str] | None
    times: int
    pause: float = 1.5


def test_what_is_readable_of_a_job_is_read_field_by_field() -> None:
    number = UUID(int=7)
    payload = b'{"number":"%b","word":"x","name":null,"times":"many","more":1}'
    read = as_far_as_readable(payload % str(number).encode(), Fetch, sealed_for_somebody_else)
    assert isinstance(read, Fetch)
    assert msgspec.structs.asdict(read) == {
        "number": number,
        "word": None,
        "name": None,
        "times": None,
        "pause": 1.5,
    }


def sealed_for_somebody_else(_: str) -> bytes:
    raise ValueError("unknown key")
