"""Sagas: a process over several services, as a list of steps and of what puts each one back.

Each move is a row of `saga`, written in the transaction of what it changed. A question to another
service has the id uuid5(saga, step, attempt): asked again, it is the same question. Refused at
some step, the saga turns back and undoes the steps before it, last first.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

import structlog
from msgspec import Struct
from msgspec.structs import replace

from evslot.spine import db
from evslot.spine.handling import Handlers, Reply
from evslot.spine.message import Command, Refused
from evslot.spine.transaction import Transaction

log = structlog.get_logger()

D = TypeVar("D", bound=Struct)
O = TypeVar("O")  # noqa: E741

SAVE = """
insert into saga (id, name, subject, step, state, reason, data)
values ($1, $2, $3, $4, $5, $6, $7::jsonb)
on conflict (id) do update
  set step = excluded.step, state = excluded.state, reason = excluded.reason,
      data = excluded.data, updated_at = now()"""

LOCK = """
select subject, step, state, reason, data from saga where id = $1 and name = $2 for update"""


class Failure(Struct, frozen=True, kw_only=True):
    """Why a saga turns back."""

    reason: str
    """The code of the refusal, or what a step of ours said."""
    known: bool
    """False: a step failed, and whether it happened nobody knows; it is put back too."""


class Abandon(Exception):
    """Raised by a step of ours, before it writes: turn back and put right what was done."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True)
class Act(Generic[D]):
    """A step within this service, done at once; may raise Abandon."""

    name: str
    act: Callable[[D, Transaction], Awaitable[D]]


async def _unchanged(data: D, _: Any, __: Transaction) -> D:
    return data


@dataclass(frozen=True)
class Ask(Generic[D, O]):
    """A step that another service takes: what to ask it, what its answer means to us."""

    name: str
    outcome: type[O]
    ask: Callable[[D], Command[O] | None]
    """None: nothing to ask this time; the step is passed over."""
    done: Callable[[D, O, Transaction], Awaitable[D]]
    undo: Callable[[D], Command[O] | None] | None = None
    """What puts the step back; None from it: there is nothing to put back."""
    undone: Callable[[D, O, Transaction], Awaitable[D]] = _unchanged


Step = Act[D] | Ask[D, Any]


class _Run(Struct, Generic[D], frozen=True, kw_only=True):
    """One saga at work."""

    id: UUID
    subject: UUID
    place: int
    """Index of the step that is waited for."""
    state: Literal["running", "compensating", "done", "failed", "stuck"]
    reason: str | None
    data: D


class Saga(Generic[D]):
    """A named list of steps; `failed` is told first when it turns back, and why.

    Where there is no `failed`, or it answers None, it does not turn back: it is stuck until a
    person has looked.
    """

    def __init__(
        self,
        name: str,
        data: type[D],
        steps: Sequence[Step[D]],
        failed: Callable[[D, Failure, Transaction], Awaitable[D | None]] | None = None,
    ) -> None:
        self.name = name
        self.handlers = Handlers()
        self._data = data
        self._steps = tuple(steps)
        self._failed = failed
        for place, step in enumerate(self._steps):
            if isinstance(step, Ask):
                self.handlers.answered(f"{name}.{step.name}")(partial(self._answered, place))
            if isinstance(step, Ask) and step.undo is not None:
                self.handlers.answered(f"{name}.{step.name}.undo")(partial(self._undone, place))

    async def start(
        self,
        tx: Transaction,
        saga_id: UUID,
        *,
        subject: UUID,
        data: D,
        first: Command[Any] | None = None,
    ) -> None:
        """Begin. `first` is the first step's question where it holds what `data` must not."""
        run = _Run(id=saga_id, subject=subject, place=0, state="running", reason=None, data=data)
        if first is None:
            await self._go_on(run, 0, tx)
        else:
            tx.ask(first, then=f"{self.name}.{self._steps[0].name}", about=saga_id)
            await self._save(run, tx)

    async def _answered(self, place: int, reply: Reply, tx: Transaction) -> None:
        run = await self._waiting(reply.about, "running", place, tx)
        if run is None:
            return
        step: Ask[D, Any] = self._steps[place]  # type: ignore[assignment]  # only those ask
        try:
            outcome = reply.result(step.outcome)
        except Refused as no:
            # A failure, unlike a refusal, leaves open whether it happened: put it back too.
            failure = Failure(reason=no.code, known=no.status < 500)
            await self._turn_back(run, failure, place - 1 if failure.known else place, tx)
            return
        data = await step.done(run.data, outcome, tx)
        await self._go_on(replace(run, data=data), place + 1, tx)

    async def _go_on(self, run: _Run[D], first: int, tx: Transaction) -> None:
        """Take steps from `first` until one has to wait for an answer, or none is left."""
        for place in range(first, len(self._steps)):
            step = self._steps[place]
            run = replace(run, place=place)
            if isinstance(step, Ask):
                question = step.ask(run.data)
                if question is not None:
                    tx.ask(question, then=f"{self.name}.{step.name}", about=run.id)
                    await self._save(run, tx)
                    return
                continue
            try:
                run = replace(run, data=await step.act(run.data, tx))
            except Abandon as no:
                await self._turn_back(run, Failure(reason=no.reason, known=True), place - 1, tx)
                return
        await self._save(replace(run, state="done"), tx)

    async def _turn_back(self, run: _Run[D], why: Failure, last: int, tx: Transaction) -> None:
        data = None if self._failed is None else await self._failed(run.data, why, tx)
        if data is None:
            await self._stick(run, why.reason, tx)
            return
        run = replace(run, state="compensating", reason=why.reason, data=data)
        await self._put_back(run, last, tx)

    async def _put_back(self, run: _Run[D], last: int, tx: Transaction) -> None:
        """Undo steps from `last` down until one has to wait for an answer, or none is left."""
        for place in range(last, -1, -1):
            step = self._steps[place]
            if not isinstance(step, Ask) or step.undo is None:
                continue
            compensation = step.undo(run.data)
            if compensation is not None:
                tx.ask(compensation, then=f"{self.name}.{step.name}.undo", about=run.id)
                await self._save(replace(run, place=place), tx)
                return
        await self._save(replace(run, state="failed"), tx)

    async def _undone(self, place: int, reply: Reply, tx: Transaction) -> None:
        run = await self._waiting(reply.about, "compensating", place, tx)
        if run is None:
            return
        step: Ask[D, Any] = self._steps[place]  # type: ignore[assignment]  # only those ask
        try:
            outcome = reply.result(step.outcome)
        except Refused as no:
            await self._stick(run, no.code, tx)
            return
        data = await step.undone(run.data, outcome, tx)
        await self._put_back(replace(run, data=data), place - 1, tx)

    async def _stick(self, run: _Run[D], reason: str, tx: Transaction) -> None:
        step = self._steps[run.place].name
        log.error("saga_stuck", saga=self.name, id=str(run.id), step=step, reason=reason)
        await self._save(replace(run, state="stuck", reason=reason), tx)

    async def _waiting(
        self, saga_id: UUID, state: str, place: int, tx: Transaction
    ) -> _Run[D] | None:
        """The saga, locked, if it waits for this very answer: a repeated one finds it gone on."""
        row = await tx.fetch_row(LOCK, saga_id, self.name)
        if row is None or (row["state"], row["step"]) != (state, self._steps[place].name):
            return None
        return _Run(
            id=saga_id,
            subject=row["subject"],
            place=place,
            state=row["state"],
            reason=row["reason"],
            data=db.from_json(row["data"], self._data),
        )

    async def _save(self, run: _Run[D], tx: Transaction) -> None:
        await tx.execute(
            SAVE,
            run.id,
            self.name,
            run.subject,
            self._steps[run.place].name,
            run.state,
            run.reason,
            db.to_json(run.data),
        )
