"""Whether a concurrent history could have happened one by one: a search over linearisations.

After Wing and Gong, "Testing and Verifying Concurrent Objects" (1993), with the memory of
configurations of Lowe, "Testing for linearizability" (2017), as Porcupine has it.
"""

import time
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Generic, Literal, Protocol, TypeVar

from msgspec import Struct

Act = TypeVar("Act")
Given = TypeVar("Given", contravariant=True)
State = TypeVar("State", bound=Hashable)

Verdict = Literal["yes", "no", "unknown"]
LOOK_AT_CLOCK_EVERY = 256


class Operation(Struct, Generic[Act], frozen=True, kw_only=True):
    """Something that took effect at one moment between its bounds, or – open – maybe never."""

    began: int
    ended: int | None
    """None: nobody was told what came of it; it may take effect any time later, or not at all."""
    act: Act


class Model(Protocol[Given, State]):
    """A thing that is used by one at a time."""

    def initial(self) -> State: ...

    def step(self, state: State, act: Given, by: int | None) -> Iterable[State]:
        """The states an act may lead to; none where it cannot have happened here.

        `by`: it happens before this moment (None: any time), because somebody was answered then.
        """
        ...


class Searched(Struct, kw_only=True):
    """The verdict, how much was looked at, and how far the best attempt got."""

    verdict: Verdict
    configurations: int
    stuck: tuple[int, ...] = ()
    """Places of operations that could not follow the longest linearisation that was found."""


class _Node(Struct, Generic[State]):
    done: int
    state: State
    following: Iterator[tuple[int, State]]


def linearizable(
    operations: Sequence[Operation[Act]], model: Model[Act, State], seconds: float = 60.0
) -> Searched:
    """Looks for an order that respects time and the model; `unknown` after so many seconds."""
    ops = sorted(operations, key=lambda op: op.began)
    search = _Search(ops, model)
    until = time.monotonic() + seconds
    start = model.initial()
    stack = [_Node(0, start, search.following(0, start))]
    seen: set[tuple[int, State]] = {(0, start)}
    best = -1
    stuck: tuple[int, ...] = ()
    while stack:
        node = stack[-1]
        if search.is_whole(node.done):
            return Searched(verdict="yes", configurations=len(seen))
        if node.done.bit_count() > best:
            best, stuck = node.done.bit_count(), search.waiting(node.done)
        found = next(node.following, None)
        if found is None:
            stack.pop()
            continue
        if found in seen:
            continue
        seen.add(found)
        stack.append(_Node(found[0], found[1], search.following(*found)))
        if len(seen) % LOOK_AT_CLOCK_EVERY == 0 and time.monotonic() > until:
            return Searched(verdict="unknown", configurations=len(seen), stuck=stuck)
    places = tuple(operations.index(ops[place]) for place in stuck)
    return Searched(verdict="no", configurations=len(seen), stuck=places)


class _Search(Generic[Act, State]):
    """Operations as bits: which are done is one number."""

    def __init__(self, ops: Sequence[Operation[Act]], model: Model[Act, State]) -> None:
        self._ops = ops
        self._model = model
        ends = [(op.ended, place) for place, op in enumerate(ops) if op.ended is not None]
        self._by_end = sorted(ends)
        self._must: int = sum(1 << place for _, place in ends)

    def is_whole(self, done: int) -> bool:
        """Whether all that was answered is done; the rest may never have happened."""
        return done & self._must == self._must

    def following(self, done: int, state: State) -> Iterator[tuple[int, State]]:
        """What can come next: begun before the first answer that is still to be explained."""
        by = self._first_end(done)
        candidates = self._candidates(done, by)
        # What nobody was told of comes last: most of it explains nothing.
        for place in sorted(candidates, key=lambda place: self._ops[place].ended is None):
            for after in self._model.step(state, self._ops[place].act, by):
                yield done | 1 << place, after

    def waiting(self, done: int) -> tuple[int, ...]:
        """Answered operations that would have to come next."""
        by = self._first_end(done)
        return tuple(
            place for place in self._candidates(done, by) if self._ops[place].ended is not None
        )

    def _candidates(self, done: int, by: int | None) -> list[int]:
        found = []
        for place, op in enumerate(self._ops):
            if by is not None and op.began > by:
                break
            if not done >> place & 1:
                found.append(place)
        return found

    def _first_end(self, done: int) -> int | None:
        for ended, place in self._by_end:
            if not done >> place & 1:
                return ended
        return None
