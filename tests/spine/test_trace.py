"""A trace (W3C Trace Context) goes from a request to everything that it sets off."""

from typing import Any
from uuid import uuid4

import msgspec
import pytest
from msgspec.structs import replace

from evslot.spine.message import Command, Envelope, Secret
from tests.harness import Hand, Harness
from tests.spine.ledger.acting import hands
from tests.spine.ledger.messages import CallBell, Consult, Deposit, Remind
from tests.spine.oracle.messages import Advice

pytestmark = pytest.mark.anyio

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = "00-1bf7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def hear(h: Harness, *traced: tuple[Command[Any], str]) -> None:
    """One batch, each command with a trace of its own."""
    held, _ = hands(h, [(command, uuid4()) for command, _ in traced])
    for hand, (_, trace) in zip(held, traced, strict=True):
        _mark(hand, trace)
    await h.commands._persist(list(held))


def _mark(hand: Hand, trace: str) -> None:
    headers = (*hand.incoming.headers, ("traceparent", trace.encode()))
    hand.incoming = replace(hand.incoming, headers=headers)


async def left(h: Harness) -> dict[str, str | None]:
    """Type -> trace of what left, or will when its time comes."""
    rows = await h.fetch("select envelope from outbox union all select envelope from timer")
    envelopes = [msgspec.json.decode(row["envelope"], type=Envelope) for row in rows]
    return {envelope.type: envelope.traceparent for envelope in envelopes}


async def test_an_event_carries_the_trace_of_its_command_and_of_no_other_in_the_batch(
    h: Harness,
) -> None:
    await hear(h, (Deposit(account="a", amount=1), TRACE), (Deposit(account="b", amount=1), OTHER))

    rows = await h.fetch("select key, envelope from outbox")
    found = {
        row["key"]: msgspec.json.decode(row["envelope"], type=Envelope).traceparent for row in rows
    }
    assert found == {"a": TRACE, "b": OTHER}


async def test_a_timer_keeps_the_trace(h: Harness) -> None:
    await hear(h, (Remind(account="a", seconds=60.0, amount=1), TRACE))

    assert await left(h) == {"ledger.Deposit": TRACE}


async def test_a_question_carries_the_trace_and_what_its_answer_sets_off_as_well(
    h: Harness,
) -> None:
    await hear(h, (Consult(account="a", question="now?"), TRACE))
    assert await left(h) == {"oracle.Advise": TRACE}

    await h._collect()
    await h.answer_asked(h.sent[0], Advice(words="wait", whispered=Secret("and see")))

    assert (await left(h))["ledger.BalanceChanged"] == TRACE


async def test_a_job_remembers_the_trace_for_its_result(h: Harness) -> None:
    await hear(h, (CallBell(account="a", password=Secret("open")), TRACE))

    assert [row["traceparent"] for row in await h.fetch("select traceparent from job")] == [TRACE]
