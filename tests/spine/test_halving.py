"""What does not fit one transaction is done in several, in its order, and only once."""

import asyncio
from uuid import UUID

import pytest

from evslot.spine import db, lanes
from evslot.spine.batch import Item
from evslot.spine.lanes import CommandLane
from tests.harness import Harness
from tests.spine.ledger.acting import Said, accounts, hands, told
from tests.spine.ledger.messages import Deposit, Linger, Withdraw

pytestmark = pytest.mark.anyio

SECONDS = 0.4
"""What a transaction may take here."""


def said() -> list[Said]:
    """A second of work; each account is given something, and then pays half of it."""
    turns: list[Said] = []
    for n in range(5):
        turns += [
            (Deposit(account=f"a{n}", amount=2), UUID(int=10 * n + 1)),
            (Linger(account=f"b{n}", seconds=SECONDS / 2), UUID(int=10 * n + 2)),
            (Withdraw(account=f"a{n}", amount=1), UUID(int=10 * n + 3)),
        ]
    return turns


async def test_what_takes_longer_than_a_transaction_may_is_done_in_parts(
    h: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "BACK_OFF_SECONDS", (0.05,))
    impatient = db.Database(h.url, name="impatient")
    monkeypatch.setitem(impatient._settings, "transaction_timeout", str(int(SECONDS * 1000)))
    lane = CommandLane(h.wiring, h.handlers, h.commands.reader, impatient, h._reply, lambda _: None)
    held, names = hands(h, said())

    await asyncio.wait_for(lane._persist(list(held)), 30.0)
    await impatient.stop()
    await h._collect()

    assert all(hand.finished for hand in held)
    assert [answer.status for name in names if (answer := h.answer_of(name))] == [200] * 15
    assert await accounts(h) == {f"{x}{n}": 1 for x in "ab" for n in range(5)}
    assert [balance for account, balance in told(h) if account == "a3"] == [2, 1]
    assert not lane.in_trouble
    assert h.dead == []


async def test_from_the_second_failure_on_less_is_tried_and_after_a_success_more(
    h: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "BACK_OFF_SECONDS", (0.0,))
    tried: list[int] = []
    commit = h.commands._commit

    async def lost_at_first(items: list[Item]) -> list[Item]:
        tried.append(len(items))
        if len(tried) <= 3:
            raise ConnectionResetError
        return await commit(items)

    monkeypatch.setattr(h.commands, "_commit", lost_at_first)
    turns = [(Deposit(account="a", amount=n), UUID(int=n + 1)) for n in range(8)]
    held, _ = hands(h, turns)
    await h.commands._persist(list(held))
    await h._collect()

    assert tried == [8, 8, 4, 2, 4, 2]
    assert all(hand.finished for hand in held)
    assert [balance for _, balance in told(h)] == [0, 1, 3, 6, 10, 15, 21, 28]
