"""A gap in what was heard is told until somebody closes it, also after a restart."""

import pytest

from evslot.cli.gaps import look
from evslot.spine import db, gaps
from evslot.spine.gaps import Gaps
from tests.harness import Harness

pytestmark = pytest.mark.anyio

MISSED = ("user-events", 3)


async def test_a_gap_is_told_until_it_is_closed_and_a_restart_does_not_forget_it(
    h: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gaps, "LOOK_SECONDS", 0.0)
    first = Gaps(h.database)
    first.note(*MISSED)
    (told,) = first.told()  # before it is written down
    assert told.startswith("user-events/3: ")
    await first.look()
    first.note(*MISSED)  # seen once more is the same gap
    await first.look()
    assert await look(h.url, close=False) == [MISSED]

    restarted = Gaps(h.database)
    await restarted.look()
    assert restarted.told() == first.told() == [told]

    assert await look(h.url, close=True) == [MISSED]
    await first.look()
    assert first.told() == []
    assert await look(h.url, close=True) == []


async def test_in_trouble_a_gap_stays_told() -> None:
    seen = Gaps(db.Database("postgresql://nobody@127.0.0.1:1/nothing", name="ledger"))
    seen.note(*MISSED)
    await seen.look()
    assert len(seen.told()) == 1
