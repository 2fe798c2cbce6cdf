"""Says things to the ledger and reads what it holds, in a few words."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from evslot.spine.callers import SYSTEM, Caller
from evslot.spine.message import Answer, Command
from tests.harness import Hand, Harness
from tests.spine.ledger.messages import BalanceChanged

Said = tuple[Command[Any], UUID]


async def say(h: Harness, *said: Command[Any] | Said, caller: Caller = SYSTEM) -> list[Answer]:
    """One batch; every command answered at once, in order."""
    answers = await try_saying(h, *said, caller=caller)
    assert all(answer is not None for answer in answers), answers
    return [answer for answer in answers if answer is not None]


async def try_saying(
    h: Harness, *said: Command[Any] | Said, caller: Caller = SYSTEM
) -> list[Answer | None]:
    """One batch; None for what is not answered yet."""
    pairs = [one if isinstance(one, tuple) else (one, uuid4()) for one in said]
    return await h.submit_many([(command, caller, number) for command, number in pairs])


async def accounts(h: Harness) -> dict[str, int]:
    rows = await h.fetch("select name, balance from account order by name")
    return {row["name"]: row["balance"] for row in rows}


async def seats(h: Harness) -> dict[int, str]:
    rows = await h.fetch("select number, account from seat order by number")
    return {row["number"]: row["account"] for row in rows}


async def inbox(h: Harness) -> dict[UUID, str]:
    """State of each command by its id."""
    rows = await h.fetch("select command_id, state from inbox")
    return {row["command_id"]: row["state"] for row in rows}


def told(h: Harness) -> list[tuple[str, int]]:
    """Account and balance of each event so far."""
    return [(e.account, e.balance) for e in h.events if isinstance(e, BalanceChanged)]


def hands(
    h: Harness, said: Sequence[Said], caller: Caller = SYSTEM
) -> tuple[list[Hand], list[str]]:
    """Records in hand, and the names that their answers will have."""
    records = [h.record(command, caller, number) for command, number in said]
    return [Hand(incoming) for incoming, _ in records], [name for _, name in records]
