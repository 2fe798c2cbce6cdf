"""The batch contract, clause by clause, against a real database."""

from uuid import UUID, uuid4

import pytest

from tests.harness import Harness
from tests.spine.ledger.acting import accounts, hands, inbox, say, seats, told, try_saying
from tests.spine.ledger.messages import (
    Balance,
    Claim,
    Claimed,
    Deposit,
    Enroll,
    Enrolled,
    EnrollMany,
    Fill,
    Filled,
    Order,
    Release,
    Spend,
    Withdraw,
)
from tests.spine.ledger.switches import Switches

pytestmark = pytest.mark.anyio


async def test_equal_ids_in_a_batch_run_once_and_all_are_answered(h: Harness) -> None:
    number = uuid4()
    deposit = Deposit(account="a", amount=5)

    answers = await say(h, *[(deposit, number)] * 10)

    assert await accounts(h) == {"a": 5}
    assert [answer.result(Balance).balance for answer in answers] == [5] * 10
    assert told(h) == [("a", 5)]


async def test_a_repeat_in_a_later_batch_gets_the_stored_answer(h: Harness) -> None:
    said = (Deposit(account="a", amount=5), uuid4())
    (first,) = await say(h, said)

    (again,) = await say(h, said)

    assert again.replayed
    assert not first.replayed
    assert again.body == first.body
    assert await accounts(h) == {"a": 5}


async def test_a_refusal_is_stored_and_replayed_too(h: Harness) -> None:
    said = (Withdraw(account="a", amount=5), uuid4())
    (first,) = await say(h, said)
    await say(h, Deposit(account="a", amount=100))

    (again,) = await say(h, said)

    assert (first.status, first.code) == (409, "overdrawn")
    assert (again.status, again.code, again.details) == (409, "overdrawn", {"balance": 0})
    assert await accounts(h) == {"a": 100}


async def test_messages_of_one_key_keep_their_order(h: Harness) -> None:
    """Each withdrawal is possible only because of the deposit right before it."""
    turns = [
        command(account=name, amount=7)
        for _ in range(20)
        for name in ("a", "b")
        for command in (Deposit, Withdraw)
    ]

    answers = await say(h, *turns)

    assert [answer.status for answer in answers] == [200] * len(turns)
    assert [balance for name, balance in told(h) if name == "a"] == [7, 0] * 20


async def test_a_handler_for_many_gets_what_does_not_touch(h: Harness) -> None:
    claims = [Claim(account=f"d{n}", seats=[n]) for n in range(30)]

    answers = await say(h, *claims)

    assert [answer.result(Claimed).together for answer in answers] == [30] * 30


async def test_of_two_that_touch_the_first_wins_and_the_second_is_run_after(h: Harness) -> None:
    answers = await say(
        h,
        Claim(account="first", seats=[1, 2]),
        Claim(account="second", seats=[2, 3]),
        Claim(account="third", seats=[4]),
    )

    assert [answer.status for answer in answers] == [200, 409, 200]
    assert h.resources.get(Switches).bundles == [["first", "third"], ["second"]]


async def test_who_was_passed_over_is_not_overtaken(h: Harness) -> None:
    """What waits behind its own key, or for a seat, keeps its place before later claims."""
    behind_its_key = await say(
        h,
        Claim(account="first", seats=[1]),
        Release(account="first"),
        Claim(account="first", seats=[3]),
        Claim(account="second", seats=[3]),
    )
    for_a_seat = await say(
        h,
        Claim(account="fourth", seats=[7]),
        Claim(account="fifth", seats=[7, 9]),
        Claim(account="sixth", seats=[9, 10]),
        Claim(account="seventh", seats=[10]),
    )

    assert [answer.status for answer in behind_its_key] == [200, 200, 200, 409]
    assert [answer.status for answer in for_a_seat] == [200, 409, 200, 409]
    assert await seats(h) == {1: "first", 3: "first", 7: "fourth", 9: "sixth", 10: "sixth"}


async def test_a_refusal_after_writing_is_cut_back_with_all_it_sent(h: Harness) -> None:
    await say(h, Deposit(account="a", amount=1))

    answers = await say(
        h,
        Deposit(account="a", amount=1),
        Spend(account="a", amount=100),
        Deposit(account="a", amount=1),
        Spend(account="a", amount=2),
    )

    assert [answer.status for answer in answers] == [200, 409, 200, 200]
    assert await accounts(h) == {"a": 1}
    assert told(h) == [("a", 1), ("a", 2), ("a", 3), ("a", 1)]
    assert len(h.sent) == 1
    assert await h.fetch_value("select count(*) from job") == 1


async def test_more_refusals_after_writing_than_savepoints(h: Harness) -> None:
    turns = [
        turn
        for n in range(150)
        for turn in (Deposit(account=f"a{n % 7}", amount=1), Spend(account=f"b{n}", amount=1))
    ]

    answers = await say(h, *turns)

    assert [answer.status for answer in answers] == [200, 409] * 150
    held = await accounts(h)
    assert sum(held.values()) == 150
    assert set(held) == {f"a{n}" for n in range(7)}
    assert len(told(h)) == 150
    assert set((await inbox(h)).values()) == {"answered"}


async def test_repeats_and_strangers_of_a_postponed_command_are_answered_once_each(
    h: Harness,
) -> None:
    """The 61st command and all that carry its id come in the next transaction together."""
    late = uuid4()
    turns = [(Deposit(account=f"a{n}", amount=1), uuid4()) for n in range(60)]
    turns += [
        (Deposit(account="z", amount=1), late),
        (Deposit(account="z", amount=2), late),
        (Deposit(account="z", amount=1), late),
    ]

    answers = await say(h, *turns)

    assert [answer.status for answer in answers[60:]] == [200, 422, 200]
    assert (await accounts(h))["z"] == 1


async def test_the_same_key_with_another_body_is_refused_and_changes_nothing(h: Harness) -> None:
    number = uuid4()
    await say(h, (Deposit(account="a", amount=5), number))

    (other,) = await say(h, (Deposit(account="a", amount=6), number))
    both = await say(
        h, (Deposit(account="b", amount=1), number), (Deposit(account="a", amount=5), number)
    )

    assert (other.status, other.code) == (422, "idempotency_key_reused")
    assert [answer.status for answer in both] == [422, 200]
    assert await accounts(h) == {"a": 5}


async def test_of_two_bodies_under_one_new_key_the_first_counts(h: Harness) -> None:
    number = uuid4()

    answers = await say(
        h,
        (Enroll(account="a", name="first"), number),
        (Enroll(account="a", name="first"), number),
        (Enroll(account="a", name="second"), number),
    )

    assert [answer.status for answer in answers] == [200, 200, 422]
    assert answers[0].result(Enrolled).prepared == "thought of first"
    assert h.resources.get(Switches).thought == ["first"]


async def test_a_refusal_of_the_preparation_is_the_answer(h: Harness) -> None:
    answers = await say(
        h,
        Enroll(account="a", name="nobody"),
        Enroll(account="a", name="somebody"),
        EnrollMany(account="b", name="nobody"),
        EnrollMany(account="c", name="somebody"),
    )

    assert [(answer.status, answer.code) for answer in answers] == [
        (422, "unwelcome"),
        (200, None),
        (422, "unwelcome"),
        (200, None),
    ]
    assert await accounts(h) == {"a": 1}


async def test_a_handler_for_many_that_raises_after_writing_leaves_nothing(h: Harness) -> None:
    answers = await try_saying(h, Claim(account="a", seats=[1]), Claim(account="b", seats=[666, 2]))

    assert [answer.status for answer in answers if answer] == [200, 500]
    assert await seats(h) == {1: "a"}


async def test_an_open_command_is_answered_to_all_who_joined(h: Harness) -> None:
    number = uuid4()
    order = (Order(account="a"), number)
    waiting = await _open_waiting(h, order, 3)

    await say(h, Fill(account="a", order_id=number))

    assert await accounts(h) == {"a": 1}
    for name in waiting:
        answer = h.answer_of(name)
        assert answer is not None
        assert answer.result(Filled).by == "a"


async def test_at_most_eight_wait_and_the_ninth_may_ask_again(h: Harness) -> None:
    number = uuid4()
    order = (Order(account="a"), number)
    waiting = await _open_waiting(h, order, 11)

    await say(h, Fill(account="a", order_id=number))
    (again,) = await say(h, order)

    assert sum(h.answer_of(name) is not None for name in waiting) == 8
    assert again.replayed
    assert again.result(Filled).by == "a"


async def test_more_than_eight_repeats_in_the_first_batch_break_nothing(h: Harness) -> None:
    number = uuid4()
    assert await try_saying(h, *[(Order(account="a"), number)] * 12) == [None] * 12

    await say(h, Fill(account="a", order_id=number))

    assert (await inbox(h))[number] == "answered"
    assert await accounts(h) == {"a": 1}


async def test_an_order_filled_in_its_own_batch_is_answered(h: Harness) -> None:
    number = uuid4()

    answers = await say(h, (Order(account="a"), number), Fill(account="a", order_id=number))

    assert answers[0].result(Filled).by == "a"


async def test_of_two_answers_in_a_batch_the_first_counts(h: Harness) -> None:
    number = uuid4()
    (name,) = await _open_waiting(h, (Order(account="a"), number), 1)

    await say(h, Fill(account="first", order_id=number), Fill(account="second", order_id=number))

    answer = h.answer_of(name)
    assert answer is not None
    assert answer.result(Filled).by == "first"


async def _open_waiting(h: Harness, order: tuple[Order, UUID], times: int) -> list[str]:
    """The same order several times, each in a batch of its own; the names that wait."""
    names = []
    for _ in range(times):
        held, (name,) = hands(h, [order])
        await h.commands._persist(list(held))
        names.append(name)
    return names
