"""Keeps a handful of made-up drivers acting, gently, for as long as the system runs."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Final

import httpx

from evslot.cli.traffic.acts import Middle, act
from evslot.cli.traffic.person import Nobody, Person, Trouble

BETWEEN_ACTS: Final = (4.0, 8.0)
"""Seconds: slow enough to go unnoticed on the machine, fast enough to be seen."""
LONGEST_PAUSE = 30.0


async def be_about(
    address: str,
    numbers: Sequence[int],
    middle: Middle,
    say: Callable[[str], None],
    pauses: tuple[float, float] = BETWEEN_ACTS,
    done: Counter[str] | None = None,
) -> None:
    """Until cancelled; `done` counts the acts. Where the system is in trouble they wait for it."""
    luck = Random(f"evslot traffic {datetime.now(UTC).date()}")
    async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
        people = [Person(client, number) for number in numbers]
        failures = 0
        while True:
            pause = luck.uniform(*pauses)
            await asyncio.sleep(min(pause * 2**failures, max(pause, LONGEST_PAUSE)))
            try:
                what = await act(luck.choice(people), luck, middle)
            except Trouble:
                failures = min(failures + 1, 5)
            except Nobody as error:
                say(f"nobody made up is about: {error}")
                return
            else:
                failures = 0
                if done is not None:
                    done[what] += 1
