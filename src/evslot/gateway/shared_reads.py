"""Public reads shared by all who ask at the same moment: one question, one short-lived answer."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar
from uuid import UUID

T = TypeVar("T")

KEPT = 2000
"""Answers; a search of 50 stations is about 20 kB."""


class _Entry:
    __slots__ = ("asked", "fresh_until", "station_id")

    def __init__(self, asked: "asyncio.Task[Any]", station_id: UUID | None) -> None:
        self.asked = asked
        self.station_id = station_id
        self.fresh_until = float("inf")


class SharedReads:
    """Single flight, then `seconds` of reuse; a station's answers end when it changes."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._by_station: dict[UUID, set[Hashable]] = {}

    async def get(
        self,
        question: Hashable,
        ask: Callable[[], Awaitable[T]],
        station_id: UUID | None = None,
    ) -> T:
        """The answer; raises what asking raised, to all who asked together."""
        entry = self._entries.get(question)
        if entry is None or entry.fresh_until < time.monotonic():
            entry = self._ask(question, ask, station_id)
        # Shielded: one caller that goes away must not take the answer from the others.
        return await asyncio.shield(entry.asked)

    def station_changed(self, station_id: UUID) -> None:
        """Drop what is known of a station; a question under way is answered, but not kept."""
        for question in self._by_station.pop(station_id, ()):
            self._entries.pop(question, None)

    def __len__(self) -> int:
        return len(self._entries)

    def _ask(
        self, question: Hashable, ask: Callable[[], Awaitable[T]], station_id: UUID | None
    ) -> _Entry:
        self._drop(question)
        self._drop_stale()
        entry = _Entry(asyncio.ensure_future(ask()), station_id)
        self._entries[question] = entry
        if station_id is not None:
            self._by_station.setdefault(station_id, set()).add(question)

        def answered(asked: "asyncio.Task[Any]") -> None:
            entry.fresh_until = time.monotonic() + self._seconds
            failed = asked.cancelled() or asked.exception() is not None
            if failed and self._entries.get(question) is entry:
                self._drop(question)

        entry.asked.add_done_callback(answered)
        while len(self._entries) > KEPT:
            self._drop(next(iter(self._entries)))
        return entry

    def _drop_stale(self) -> None:
        """The oldest, as far as they are over: what nobody will get is not kept.

        Two thousand answers are half a million objects for the garbage collector to look through,
        again and again (a fifth of a gateway's time at 200 searches a second).
        """
        now = time.monotonic()
        while self._entries:
            question, entry = next(iter(self._entries.items()))
            if entry.fresh_until >= now:
                return
            self._drop(question)

    def _drop(self, question: Hashable) -> None:
        entry = self._entries.pop(question, None)
        if entry is None or entry.station_id is None:
            return
        questions = self._by_station.get(entry.station_id, set())
        questions.discard(question)
        if not questions:
            self._by_station.pop(entry.station_id, None)
