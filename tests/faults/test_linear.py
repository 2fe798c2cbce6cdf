"""The search for an order agrees with histories whose answer is known, and with brute force."""

import random
from collections.abc import Iterable, Iterator
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.linear import Operation, linearizable

Act = tuple[str, int]


class Register:
    """A number that is written and read: the classic of the literature."""

    def initial(self) -> int:
        return 0

    def step(self, state: int, act: Act, by: int | None) -> Iterable[int]:
        what, value = act
        if what == "put":
            yield value
        elif value == state:
            yield state


def put(value: int, began: int, ended: int | None) -> Operation[Act]:
    return Operation(began=began, ended=ended, act=("put", value))


def got(value: int, began: int, ended: int) -> Operation[Act]:
    return Operation(began=began, ended=ended, act=("get", value))


KNOWN = [
    # Porcupine's own first examples: a read beside a write may see it, or not.
    ("yes", [put(100, 0, 100), got(100, 25, 75), got(0, 30, 60)]),
    ("no", [put(200, 0, 100), got(200, 10, 30), got(0, 40, 90)]),
    ("yes", []),
    ("yes", [put(1, 0, 1), got(1, 2, 3)]),
    ("no", [put(1, 0, 1), got(0, 2, 3)]),
    ("no", [got(1, 0, 1), put(1, 2, 3)]),
    # Herlihy and Wing: two writes at once, then all must read the same one.
    ("yes", [put(1, 0, 10), put(2, 0, 10), got(2, 11, 12), got(2, 13, 14)]),
    ("no", [put(1, 0, 10), put(2, 0, 10), got(2, 11, 12), got(1, 13, 14)]),
    ("yes", [put(1, 0, 10), put(2, 0, 10), got(1, 2, 9), got(2, 11, 12)]),
    # Touching bounds overlap: what ended at the moment another began may come after it.
    ("yes", [put(1, 0, 5), got(0, 5, 6)]),
    # A write that nobody was told of: late, never, or once – but not undone.
    ("yes", [put(1, 0, None), got(0, 10, 11), got(1, 20, 21)]),
    ("yes", [put(1, 0, None), got(0, 10, 11)]),
    ("no", [put(1, 0, None), got(1, 10, 11), got(0, 20, 21)]),
    ("no", [put(1, 15, None), got(1, 10, 11)]),
    ("yes", [put(1, 0, None), put(2, 5, 6), got(2, 7, 8), got(1, 9, 10)]),
]


@pytest.mark.parametrize(("verdict", "operations"), KNOWN)
def test_known_histories_are_judged_as_known(
    verdict: str, operations: list[Operation[Act]]
) -> None:
    assert linearizable(operations, Register()).verdict == verdict


def test_what_cannot_follow_is_named() -> None:
    operations = [put(1, 0, 1), put(2, 2, 3), got(1, 4, 5)]
    assert linearizable(operations, Register()).stuck == (2,)


def acts() -> st.SearchStrategy[Operation[Act]]:
    """Operations of a small register; a write may be of unknown outcome."""
    what = st.tuples(st.sampled_from(["put", "get"]), st.integers(0, 2))
    return st.builds(_operation, what, st.integers(0, 20), st.integers(0, 8), st.booleans())


def _operation(act: Act, began: int, lasted: int, unknown: bool) -> Operation[Act]:
    ended = None if unknown and act[0] == "put" else began + lasted
    return Operation(began=began, ended=ended, act=act)


@given(st.lists(acts(), max_size=5))
def test_the_search_agrees_with_trying_every_order(operations: list[Operation[Act]]) -> None:
    expected = any(_possible(order) for order in _orders(operations))
    assert linearizable(operations, Register()).verdict == ("yes" if expected else "no")


def _orders(operations: list[Operation[Act]]) -> Iterator[tuple[Operation[Act], ...]]:
    """Every order of every choice of unknown operations."""
    sure = [op for op in operations if op.ended is not None]
    unsure = [op for op in operations if op.ended is None]
    for chosen in range(1 << len(unsure)):
        some = [op for place, op in enumerate(unsure) if chosen >> place & 1]
        yield from permutations([*sure, *some])


def _possible(order: tuple[Operation[Act], ...]) -> bool:
    for place, op in enumerate(order):
        if any(later.ended is not None and later.ended < op.began for later in order[place + 1 :]):
            return False
    state = Register().initial()
    for op in order:
        after = list(Register().step(state, op.act, None))
        if not after:
            return False
        state = after[0]
    return True


def test_a_long_history_of_many_clients_is_found_in_order() -> None:
    """Made from one real order: 400 operations, ten at a time."""
    dice = random.Random(7)
    operations, state = [], 0
    for moment in range(400):
        if dice.random() < 0.4:
            state = dice.randrange(5)
            act = ("put", state)
        else:
            act = ("get", state)
        at = moment * 10
        bounds = (at - dice.randrange(50), at + dice.randrange(50))
        operations.append(Operation(began=bounds[0], ended=bounds[1], act=act))
    searched = linearizable(operations, Register(), seconds=20)
    assert searched.verdict == "yes"


def test_what_takes_too_long_is_unknown() -> None:
    """Thirty different writes at once, and a read of what nobody wrote: 2^30 configurations."""
    operations = [put(number + 1, 0, 100) for number in range(30)]
    operations.append(got(99, 0, 100))
    assert linearizable(operations, Register(), seconds=0.2).verdict == "unknown"
