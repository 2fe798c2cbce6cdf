"""The three preset terms of a booking."""

from typing import Final

from evslot.values import LadderStep, Terms


def _ladder(*steps: tuple[int, int]) -> tuple[LadderStep, ...]:
    return tuple(LadderStep(until_minutes=until, kept_percent=kept) for until, kept in steps)


PRESETS: Final = {
    "relaxed": Terms(
        name="relaxed",
        version=1,
        ladder=_ladder((15, 0)),
        last_percent=50,
        grace_minutes=20,
        no_show_percent=50,
        early_minutes=10,
    ),
    "usual": Terms(
        name="usual",
        version=1,
        ladder=_ladder((60, 0), (15, 50)),
        last_percent=100,
        grace_minutes=15,
        no_show_percent=100,
        early_minutes=5,
    ),
    "strict": Terms(
        name="strict",
        version=1,
        ladder=_ladder((24 * 60, 0), (2 * 60, 50)),
        last_percent=100,
        grace_minutes=10,
        no_show_percent=100,
        early_minutes=0,
    ),
}
"""By name; `version` is set when a station takes them. None has a compensation: nobody pays one."""
