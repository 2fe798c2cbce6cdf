"""Timers by the database's clock; questions to other services, and their answers counted once."""

from uuid import uuid4, uuid5

import pytest

from evslot.spine import outbox
from evslot.spine.message import Secret
from tests.harness import Harness
from tests.spine.ledger.acting import accounts, hands, inbox, try_saying
from tests.spine.ledger.messages import Consult, Deposit, Overdrawn, Remind, Told
from tests.spine.oracle.messages import Advice, Advise, RateSet

pytestmark = pytest.mark.anyio

WORDS = Advice(words="wait", whispered=Secret("and see"))


async def test_a_timer_goes_out_when_it_is_due_and_not_before(h: Harness) -> None:
    await try_saying(h, Remind(account="a", seconds=0.2, amount=5))

    await h.execute(outbox.TIMERS_DUE, outbox.AT_ONCE)
    await h._collect()
    assert h.sent == []
    await h.execute("select pg_sleep(0.25)")
    await h.execute(outbox.TIMERS_DUE, outbox.AT_ONCE)
    await h.execute(outbox.TIMERS_DUE, outbox.AT_ONCE)
    await h._collect()

    assert [sent.command for sent in h.sent] == [Deposit(account="a", amount=5)]
    await h.deliver(h.sent[0])
    await h.deliver(h.sent[0])
    assert await accounts(h) == {"a": 5}


async def test_timers_due_together_go_out_in_the_order_of_their_times(h: Harness) -> None:
    await try_saying(h, *(Remind(account="a", seconds=n / 100, amount=n) for n in (3, 1, 2)))
    await h.execute("select pg_sleep(0.05)")
    await h.execute(outbox.TIMERS_DUE, outbox.AT_ONCE)
    await h._collect()

    assert [sent.command for sent in h.sent] == [
        Deposit(account="a", amount=amount) for amount in (1, 2, 3)
    ]


async def test_an_answer_comes_to_its_handler_once_and_the_open_command_is_answered(
    h: Harness,
) -> None:
    number = uuid4()
    held, (name,) = hands(h, [(Consult(account="a", question="now?"), number)])
    await h.commands._persist(list(held))
    await h._collect()
    (asked,) = h.sent
    assert asked.command == Advise(question="now?", offering=Secret("a goat"))
    assert asked.command_id == uuid5(number, "advised/0")
    assert asked.answer_to == f"ledger-service#{number}"

    await h.answer_asked(asked, WORDS)
    await h.answer_asked(asked, WORDS)
    await h.answer_asked(asked, Advice(words="go", whispered=Secret("!")))

    answer = h.answer_of(name)
    assert answer is not None
    told = answer.result(Told, h._answer_key.unseal)
    assert told == Told(words="wait", whispered=Secret("and see"))
    assert await accounts(h) == {"a": 1}
    assert (await inbox(h))[number] == "answered"


async def test_a_handler_that_breaks_on_an_answer_is_asked_again_later(h: Harness) -> None:
    """The answer is buried with its reason; the question stays unanswered, so it goes out again."""
    await try_saying(h, Consult(account="a", question="now?"))
    await h.answer_asked(h.sent[0], Overdrawn())
    assert len(h.dead) == 1
    assert h.reasons()[0].startswith("Refused: overdrawn")

    await h.execute("update ask set send_again_at = now()")
    await h.execute(outbox.ASK_AGAIN, outbox.AT_ONCE)
    await h._collect()
    await h.answer_asked(h.sent[1], WORDS)

    assert await accounts(h) == {"a": 1}


async def test_a_silent_question_is_asked_again_with_the_same_id_until_it_is_answered(
    h: Harness,
) -> None:
    await try_saying(h, Consult(account="a", question="now?"))
    await h.execute(outbox.ASK_AGAIN, outbox.AT_ONCE)
    await h._collect()
    assert len(h.sent) == 1, "not before its time"

    await h.execute("update ask set send_again_at = now()")
    await h.execute(outbox.ASK_AGAIN, outbox.AT_ONCE)
    await h._collect()
    assert h.sent[0].command_id == h.sent[1].command_id
    assert h.sent[0].outgoing.body == h.sent[1].outgoing.body

    await h.answer_asked(h.sent[1], WORDS)
    await h.execute("update ask set send_again_at = now()")
    await h.execute(outbox.ASK_AGAIN, outbox.AT_ONCE)
    await h._collect()
    assert len(h.sent) == 2


@pytest.mark.parametrize(
    ("age", "pause"), [("0 s", 15), ("20 s", 15), ("60 s", 30), ("1 hour", 300)]
)
async def test_a_question_nobody_answers_is_asked_ever_more_rarely(
    h: Harness, age: str, pause: int
) -> None:
    await try_saying(h, Consult(account="a", question="now?"))
    await h.execute(
        f"update ask set send_again_at = now(), asked_at = now() - interval '{age}'"  # noqa: S608
    )

    await h.execute(outbox.ASK_AGAIN, outbox.AT_ONCE)

    seconds = await h.fetch_value("select extract(epoch from send_again_at - now()) from ask")
    assert pause - 1 < float(seconds) <= pause


async def test_a_view_takes_the_newest_version_whatever_comes_late_or_twice(h: Harness) -> None:
    first, second, third = (RateSet(name="r", rate=n * 10, version=n) for n in (1, 2, 3))
    number = uuid4()

    await h.hear(first, event_id=number)
    await h.hear(third)
    await h.hear(second)
    await h.hear(first, event_id=number)

    (row,) = await h.fetch("select rate, version from rate")
    assert (row["rate"], row["version"]) == (30, 3)
