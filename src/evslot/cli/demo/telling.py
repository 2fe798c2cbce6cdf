"""How the demonstration is told: numbered steps, facts, and the way each request took."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from rich.console import Console
from rich.markup import escape

from evslot import system
from evslot.cli.demo.visitor import Answered
from evslot.cli.demo.watching import Watch
from evslot.gateway.tracing import Journey
from evslot.money import for_people
from evslot.values import Money

SHOWN = 14
"""Records of one request that are printed."""


class Narrator:
    """Prints steps; the way of a request is read off the topics themselves."""

    def __init__(self, watch: Watch) -> None:
        self._console = Console(highlight=False)
        self._watch = watch
        self._step = 0

    def step(self, title: str) -> None:
        self._step += 1
        self._console.print(f"\n[bold]{self._step:2}  {escape(title)}[/]")

    def say(self, line: str) -> None:
        self._console.print(f"    {escape(line)}", soft_wrap=True)

    async def way(self, answered: Answered, *, until: str | None = None) -> None:
        """What went through Kafka for one request; waits for a record of the type `until`."""
        if until is not None:
            await self._watch.until(answered.trace, until)
        await self._watch.settled(answered.trace)
        journeys = self._watch.journeys(answered.trace)
        self._console.print(
            f"    [dim]HTTP {answered.status} after {answered.milliseconds:.0f} ms[/]"
        )
        for journey in journeys[:SHOWN]:
            self._console.print(f"    [dim]{escape(_line(journey))}[/]", soft_wrap=True)
        if len(journeys) > SHOWN:
            self._console.print(f"    [dim]  … and {len(journeys) - SHOWN} more records[/]")


def _line(journey: Journey) -> str:
    record = journey.record
    place = f"{record.topic}[{record.partition}]@{record.offset}"
    if journey.service is None:
        return f"  · {record.type} → {place}"
    took = "" if journey.milliseconds is None else f", answered after {journey.milliseconds:.0f} ms"
    return f"  → {record.type} → {place} → {system.part(journey.service).database}{took}"


def money(what: dict[str, Any]) -> str:
    """Minor units as a person writes them."""
    return for_people(Money(what["amount"], what["currency"]), "en_GB")


def moment(text: str, zone: str) -> str:
    """An instant in the station's zone."""
    local = datetime.fromisoformat(text).astimezone(ZoneInfo(zone))
    return format_datetime(local, "EEE d MMM HH:mm", locale="en_GB")
