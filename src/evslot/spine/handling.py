"""Registers what a service does: for commands, events, answers, job results, time, questions."""

from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Any, Generic, TypeVar
from uuid import UUID

from msgspec import Struct

from evslot.spine.callers import Caller
from evslot.spine.message import Answer, Command, Event, Message, Query
from evslot.spine.transaction import Job, Later, Reading, Transaction

C = TypeVar("C", bound=Command[Any])
E = TypeVar("E", bound=Event)
Q = TypeVar("Q", bound=Query[Any])
J = TypeVar("J", bound=Job[Any])
O = TypeVar("O")  # noqa: E741
T = TypeVar("T")


class Received(Struct, Generic[C], frozen=True, kw_only=True):
    """One of many commands of a batch, for an `on_many` handler."""

    command: C
    caller: Caller
    command_id: UUID
    prepared: Any = None
    """What the `prepare` function of this kind returned."""
    trace: str | None = None
    """W3C traceparent; goes on with the events of this command."""


class Reply(Struct, frozen=True, kw_only=True):
    """The answer to a question asked with `tx.ask`."""

    about: UUID
    step: str
    asked: str
    """Wire name of the question."""
    command_id: UUID
    context: Any
    answer: Answer
    unseal: Callable[[str], bytes]

    def result(self, outcome: type[T]) -> T:
        """The typed outcome; raises Refused where the answer is a no."""
        return self.answer.result(outcome, self.unseal)


class Many(Struct, frozen=True, kw_only=True):
    """A handler for many commands that do not touch each other."""

    run: Callable[..., Awaitable[list[Any]]]
    touches: Callable[[Any], Iterable[Hashable]]


class Periodic(Struct, frozen=True, kw_only=True):
    """Work that one process of a service does every so often."""

    run: Callable[[Transaction], Awaitable[bool | None]]
    seconds: float


Page = Callable[[Transaction, UUID | None], Awaitable[UUID | None]]
"""Emits what comes after an id; answers the last id, or None at the end."""


class Handlers:
    """What a service does when it is told something; the functions stay ordinary functions."""

    def __init__(self) -> None:
        self.one: dict[type[Message], Callable[..., Awaitable[Any]]] = {}
        self.many: dict[type[Message], Many] = {}
        self.preparing: dict[type[Message], Callable[..., Awaitable[Any]]] = {}
        self.events: dict[type[Message], Callable[..., Awaitable[None]]] = {}
        self.answers: dict[str, Callable[..., Awaitable[None]]] = {}
        self.results: dict[type[Job[Any]], Callable[..., Awaitable[None]]] = {}
        self.periodic: list[Periodic] = []
        self.republishing: list[Page] = []

    def on(
        self, kind: type[Command[O]]
    ) -> Callable[
        [Callable[[C, Transaction], Awaitable[O | Later]]],
        Callable[[C, Transaction], Awaitable[O | Later]],
    ]:
        """A handler for one command: refuses before it writes, answers the outcome or LATER."""

        def register(
            run: Callable[[C, Transaction], Awaitable[O | Later]],
        ) -> Callable[[C, Transaction], Awaitable[O | Later]]:
            _once(self.one, kind, run)
            return run

        return register

    def on_many(
        self, kind: type[C], *, touches: Callable[[Received[C]], Iterable[Hashable]]
    ) -> Callable[[T], T]:
        """A handler for many: gets only commands with no touched thing in common.

        It answers a list of outcomes and refusals, in order, and never LATER.
        """

        def register(run: T) -> T:
            _once(self.many, kind, Many(run=run, touches=touches))  # type: ignore[arg-type]
            return run

        return register

    def prepare(
        self, kind: type[C]
    ) -> Callable[[Callable[[C, Reading], Awaitable[T]]], Callable[[C, Reading], Awaitable[T]]]:
        """Slow thinking before the transaction (password hashes); the result is `tx.prepared`."""

        def register(
            run: Callable[[C, Reading], Awaitable[T]],
        ) -> Callable[[C, Reading], Awaitable[T]]:
            _once(self.preparing, kind, run)
            return run

        return register

    def heard(
        self, kind: type[E]
    ) -> Callable[
        [Callable[[E, Transaction], Awaitable[None]]], Callable[[E, Transaction], Awaitable[None]]
    ]:
        """An event of any service; may come twice and late, so compare versions."""

        def register(
            run: Callable[[E, Transaction], Awaitable[None]],
        ) -> Callable[[E, Transaction], Awaitable[None]]:
            _once(self.events, kind, run)
            return run

        return register

    def answered(
        self, step: str
    ) -> Callable[
        [Callable[[Reply, Transaction], Awaitable[None]]],
        Callable[[Reply, Transaction], Awaitable[None]],
    ]:
        """The answer to what was asked with `tx.ask(…, then=step)`."""

        def register(
            run: Callable[[Reply, Transaction], Awaitable[None]],
        ) -> Callable[[Reply, Transaction], Awaitable[None]]:
            _once(self.answers, step, run)
            return run

        return register

    def result(self, kind: type[J]) -> Callable[[T], T]:
        """What came of a job: its result, or JobFailed."""

        def register(run: T) -> T:
            _once(self.results, kind, run)
            return run

        return register

    def every(
        self, *, seconds: float
    ) -> Callable[
        [Callable[[Transaction], Awaitable[bool | None]]],
        Callable[[Transaction], Awaitable[bool | None]],
    ]:
        """Housekeeping by one process of the service at a time; keep each run bounded.

        True says that the bound was met: the next run comes at once, after the other duties.
        """

        def register(
            run: Callable[[Transaction], Awaitable[bool | None]],
        ) -> Callable[[Transaction], Awaitable[bool | None]]:
            self.periodic.append(Periodic(run=run, seconds=seconds))
            return run

        return register

    def republish(self, run: Page) -> Page:
        """A page of `evslot republish`: emits up to 500 things after an id, answers the last id.

        Answers None when there is no more. The events carry the versions they had.
        """
        self.republishing.append(run)
        return run

    def include(self, other: "Handlers") -> None:
        """Take over what another registry (a saga's) has."""
        pairs: list[tuple[dict[Any, Any], dict[Any, Any]]] = [
            (self.one, other.one),
            (self.many, other.many),
            (self.preparing, other.preparing),
            (self.events, other.events),
            (self.answers, other.answers),
            (self.results, other.results),
        ]
        for own, more in pairs:
            for key, run in more.items():
                _once(own, key, run)
        self.periodic.extend(other.periodic)
        self.republishing.extend(other.republishing)


class Queries:
    """What a service answers without changing anything."""

    def __init__(self) -> None:
        self.on_query: dict[type[Message], Callable[..., Awaitable[Any]]] = {}

    def on(
        self, kind: type[Query[O]]
    ) -> Callable[[Callable[[Q, Reading], Awaitable[O]]], Callable[[Q, Reading], Awaitable[O]]]:
        """A function that answers one kind of question."""

        def register(
            run: Callable[[Q, Reading], Awaitable[O]],
        ) -> Callable[[Q, Reading], Awaitable[O]]:
            _once(self.on_query, kind, run)
            return run

        return register

    def include(self, other: "Queries") -> None:
        """Take over what another registry (of a module beside it) has."""
        for kind, run in other.on_query.items():
            _once(self.on_query, kind, run)


def _once(registry: dict[Any, Any], key: Any, run: Any) -> None:
    if key in registry:
        raise ValueError(f"{getattr(key, '__name__', key)} has a handler already")
    registry[key] = run
