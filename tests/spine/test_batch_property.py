"""Any split of a list of commands into batches gives the state and answers of the serial run."""

from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from evslot.spine.message import Answer, Command
from tests.harness import Harness
from tests.spine.ledger.acting import accounts, hands, inbox, seats
from tests.spine.ledger.messages import (
    BalanceChanged,
    Claim,
    Deposit,
    Enroll,
    EnrollMany,
    Fill,
    Order,
    Release,
    Spend,
    Withdraw,
)

pytestmark = pytest.mark.anyio

Said = list[tuple[Command[Any], UUID]]
ORDERS = [UUID(int=1000 + number) for number in range(3)]


class Result(Struct, frozen=True):
    """All that a run leaves behind."""

    answers: list[Any]
    accounts: dict[str, int]
    seats: dict[int, str]
    inbox: dict[UUID, str]
    events: dict[str, list[int]]
    sent: int
    jobs: int


names = st.sampled_from("abc")
amounts = st.integers(0, 6)
claims = st.builds(
    Claim, account=names, seats=st.lists(st.integers(1, 5), min_size=1, max_size=3, unique=True)
)
own_claims = names.map(lambda name: Claim(account=name, seats=[100 + ord(name)]))
releases = st.builds(Release, account=names)
about_seats = st.one_of(claims, claims, own_claims, own_claims, releases, releases)
about_all = st.one_of(
    st.builds(Deposit, account=names, amount=amounts),
    st.builds(Withdraw, account=names, amount=amounts),
    st.builds(Spend, account=names, amount=amounts),
    claims,
    own_claims,
    releases,
    st.builds(Order, account=names),
    st.builds(Enroll, account=names, name=st.sampled_from(["nobody", "x"])),
    st.builds(EnrollMany, account=names, name=st.sampled_from(["nobody", "x"])),
)


@st.composite
def conversations(draw: st.DrawFn) -> Said:
    """Commands, some of them said again, some ids used again for something else."""
    said: Said = []
    orders = list(ORDERS)
    placed: list[UUID] = []
    fresh = draw(st.sampled_from([about_all, about_seats]))
    times: dict[UUID, int] = {}
    for place in range(draw(st.integers(1, 30))):
        again = draw(st.sampled_from(["new", "new", "new", "same", "other"])) if said else "new"
        earlier = draw(st.sampled_from(said)) if said else None
        # Eight wait for an open command at most: more repeats than that are not all answered.
        if again != "new" and earlier is not None and times[earlier[1]] < 6:
            command = earlier[0] if again == "same" else replace(earlier[0], account="d")
            number = earlier[1]
        else:
            command = draw(fresh)
            number = UUID(int=place + 1)
            if isinstance(command, Order) and orders:
                number = orders.pop()
                placed.append(number)
            elif placed and draw(st.sampled_from(["fill", "another"])) == "fill":
                # Only what was opened can be answered: its id is known from its handler alone.
                command = Fill(account=draw(names), order_id=draw(st.sampled_from(placed)))
        times[number] = times.get(number, 0) + 1
        said.append((command, number))
    return said


@st.composite
def splits(draw: st.DrawFn) -> tuple[Said, list[int]]:
    said = draw(conversations())
    cuts = draw(st.sets(st.integers(1, len(said)), max_size=3))
    return said, sorted(cuts | {len(said)})


@given(case=splits())
@settings(
    max_examples=60,
    deadline=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_any_split_equals_the_serial_run(h: Harness, case: tuple[Said, list[int]]) -> None:
    said, cuts = case

    serial = await run(h, said, list(range(1, len(said) + 1)))
    split = await run(h, said, cuts)

    assert split == serial


async def run(h: Harness, said: Said, cuts: list[int]) -> Result:
    """From nothing, in batches that end at these places."""
    for table in ("account", "seat", "inbox", "job", "outbox"):
        await h.execute(f"delete from {table}")  # noqa: S608
    h.events.clear()
    h.sent.clear()
    held, expected = hands(h, said)
    first = 0
    for cut in cuts:
        await h.commands._persist(list(held[first:cut]))
        first = cut
    await h._collect()
    assert not h.dead
    assert all(hand.finished for hand in held)
    events: dict[str, list[int]] = {}
    for event in h.events:
        assert isinstance(event, BalanceChanged)
        events.setdefault(event.account, []).append(event.balance)
    return Result(
        answers=[plain(h.answer_of(name)) for name in expected],
        accounts=await accounts(h),
        seats=await seats(h),
        inbox=await inbox(h),
        events=events,
        sent=len(h.sent),
        jobs=await h.fetch_value("select count(*) from job"),
    )


def plain(answer: Answer | None) -> Any:
    """Without what may differ: whether it was replayed, and how many ran together."""
    if answer is None:
        return None
    body = msgspec.json.decode(answer.body)
    if isinstance(body, dict):
        body.pop("together", None)
    return answer.status, answer.code, answer.details, body
