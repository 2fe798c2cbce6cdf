"""What became of a command: every service answers this from its inbox."""

from typing import Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from evslot.spine import answers, db
from evslot.spine.inbox import Waiter
from evslot.spine.message import Answer, Catalogue, Query
from evslot.spine.sealing import Keys

STORED = "select type, state, answer from inbox where command_id = $1"


class OperationState(Struct, frozen=True, kw_only=True):
    """pending: not read yet (or never came); running: a later step answers; done: see `answer`."""

    state: Literal["pending", "running", "done"]
    type: str | None = None
    """Wire name of the command."""
    answer: Answer | None = None


class GetOperation(Query[OperationState], frozen=True, kw_only=True):
    """Where a command stands; only for the edge, which knows whose it is."""

    command_id: UUID
    service: str
    """The service that owns the command."""

    def key(self) -> None:
        return None

    def destination(self) -> str:
        return self.service


async def look_up(
    connection: db.Connection,
    query: GetOperation,
    waiter: Waiter,
    catalogue: Catalogue,
    keys: Keys,
) -> OperationState:
    """The stored answer, its sealed fields sealed to who asks now."""
    row = await connection.fetchrow(STORED, query.command_id)
    if row is None:
        return OperationState(state="pending")
    if row["state"] == "failed":
        return OperationState(state="done", type=row["type"], answer=answers.FAILED)
    if row["answer"] is None:
        return OperationState(state="running", type=row["type"])
    stored = msgspec.json.decode(row["answer"], type=Answer)
    kind = catalogue.find_newest(row["type"])
    return OperationState(
        state="done",
        type=row["type"],
        answer=answers.opened_for(stored, kind, waiter, keys),
    )
