"""Secrets through a batch: sealed on every way, stored for us alone, sealed anew for who asks."""

from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from evslot.spine.callers import SYSTEM
from evslot.spine.message import Answer, Command, Secret
from evslot.spine.operations import GetOperation, OperationState
from evslot.spine.sealing import AnswerKey
from tests.harness import Hand, Harness
from tests.spine.ledger.acting import hands, say, try_saying
from tests.spine.ledger.messages import Consult, Fill, Filled, GetCode, Mint, Minted, Order, Told
from tests.spine.oracle.messages import Advice

pytestmark = pytest.mark.anyio

PASSWORD = "planted-password"
TABLES = ("inbox", "outbox", "ask", "job", "timer", "account")


async def everything(h: Harness) -> str:
    """Every row of every table as text, bytes too."""
    texts = []
    for table in TABLES:
        rows = await h.fetch(f"select * from {table}")  # noqa: S608
        texts += [
            str(bytes(v) if isinstance(v, bytes) else v) for row in rows for v in row.values()
        ]
    return "\n".join(texts)


async def asked_by(h: Harness, key: AnswerKey, command: Command[Any], number: UUID) -> Answer:
    """The answer to a gateway with a key of its own."""
    mine, h._answer_key = h._answer_key, key
    try:
        (answer,) = await say(h, (command, number))
    finally:
        h._answer_key = mine
    return answer


async def test_a_secret_is_in_clear_nowhere_but_with_who_asked(h: Harness) -> None:
    number = uuid4()
    incoming, _ = h.record(Mint(account="a", password=Secret(PASSWORD)), SYSTEM, number)
    assert PASSWORD not in str(incoming)

    (answer,) = await say(h, (Mint(account="a", password=Secret(PASSWORD)), number))

    assert PASSWORD not in await everything(h)
    assert PASSWORD not in str(bytes(answer.body))
    minted = answer.result(Minted, h._answer_key.unseal)
    assert minted == Minted(code=Secret(f"code of {PASSWORD}"), length=len(PASSWORD))
    with pytest.raises(msgspec.ValidationError, match="sealed for somebody else"):
        answer.result(Minted, AnswerKey().unseal)


async def test_a_repeat_is_sealed_anew_for_another_who_asks(h: Harness) -> None:
    number, other = uuid4(), AnswerKey()
    mint = Mint(account="a", password=Secret(PASSWORD))
    await say(h, (mint, number))

    answer = await asked_by(h, other, mint, number)

    assert answer.replayed
    assert answer.result(Minted, other.unseal).code.value == f"code of {PASSWORD}"
    with pytest.raises(msgspec.ValidationError, match="sealed for somebody else"):
        answer.result(Minted, h._answer_key.unseal)


async def test_the_same_secret_sealed_twice_is_the_same_request(h: Harness) -> None:
    """Sealing differs every time; the fingerprint is that of the clear body."""
    number = uuid4()
    mint = Mint(account="a", password=Secret(PASSWORD))
    first, second = (h.record(mint, SYSTEM, number)[0].value for _ in range(2))
    assert first != second

    answers = await say(h, (mint, number), (mint, number))
    (other,) = await say(h, (Mint(account="a", password=Secret("other")), number))

    assert [answer.status for answer in answers] == [200, 200]
    assert other.status == 422


async def test_an_open_command_is_answered_sealed_to_each_who_waits(h: Harness) -> None:
    number = uuid4()
    keys = [AnswerKey(), AnswerKey()]
    names = []
    for key in keys:
        mine, h._answer_key = h._answer_key, key
        held, (name,) = hands(h, [(Order(account="a"), number)])
        await h.commands._persist(list(held))
        names.append(name)
        h._answer_key = mine

    await say(h, Fill(account="a", order_id=number, code=Secret(PASSWORD)))

    for key, name in zip(keys, names, strict=True):
        answer = h.answer_of(name)
        assert answer is not None
        assert answer.result(Filled, key.unseal).code == Secret(PASSWORD)
    assert PASSWORD not in await everything(h)


async def test_a_question_is_sealed_for_its_owner_and_its_answer_for_us(h: Harness) -> None:
    number = uuid4()
    await try_saying(h, (Consult(account="a", question="now?"), number))
    assert "a goat" not in await everything(h)

    await h.answer_asked(h.sent[0], Advice(words="wait", whispered=Secret(PASSWORD)))

    assert PASSWORD not in await everything(h)
    assert (await h.stored_answer(number, Told)).whispered == Secret(PASSWORD)


async def test_a_secret_answer_to_a_question_is_sealed_for_who_asks(h: Harness) -> None:
    incoming, name = h.record(GetCode(account="a"), SYSTEM, uuid4())
    await h.queries._serve(Hand(incoming))

    answer = h.answer_of(name)
    assert answer is not None
    assert b"code of a" not in bytes(answer.body)
    assert answer.result(Minted, h._answer_key.unseal).code == Secret("code of a")


async def test_an_operation_shows_its_stored_secret_to_who_asks_alone(h: Harness) -> None:
    number = uuid4()
    await say(h, (Mint(account="a", password=Secret(PASSWORD)), number))

    state = await h.ask(GetOperation(command_id=number, service="ledger"))

    assert isinstance(state, OperationState)
    assert state.state == "done"
    assert state.answer is not None
    minted = state.answer.result(Minted, h._answer_key.unseal)
    assert minted.code.value == f"code of {PASSWORD}"
