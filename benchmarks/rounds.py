"""Rounds in which the subjects take turns, and the medians over them."""

import gc
import statistics
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from benchmarks.load import Load, run_load
from benchmarks.pgbench import BareInserts
from benchmarks.subjects import Subject
from benchmarks.wishes import Wishes

FASTEST = 4000
"""Holds a second that a round's requests suffice for at first; later, twice what was seen."""
BARE = "pgbench"
BUSY_CLIENT = 0.7
"""A client that uses more of its processor than this measures itself."""


class Round(Struct, frozen=True, kw_only=True):
    """One subject under one load for some seconds."""

    subject: str
    connections: int
    clients: int
    """Fewer where PostgreSQL does not take so many connections at once."""
    holds_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_seconds_per_1000: dict[str, float]
    """By process, from the first request until it was quiet again."""
    client_share: float
    """How much of its one processor the client used."""
    statuses: dict[int, int]

    @property
    def is_valid(self) -> bool:
        """Whether every answer was a 201, and there were enough to speak of."""
        return set(self.statuses) == {201} and self.holds_per_second > 0


class Figure(Struct, frozen=True, kw_only=True):
    """Medians of the valid rounds of one subject under one load."""

    subject: str
    connections: int
    rounds: int
    invalid: int
    holds_per_second: float
    lowest: float
    highest: float
    p50_ms: float
    p99_ms: float
    cpu_seconds_per_1000: dict[str, float]
    """By process; empty where it was not measured."""


class Schedule(Struct, frozen=True, kw_only=True):
    """How much is measured."""

    rounds: int
    seconds: float
    warm_up: float
    connections: tuple[int, ...]


class Rounds:
    """Runs a schedule; keeps every round."""

    def __init__(self, wishes: Wishes, schedule: Schedule) -> None:
        self._wishes = wishes
        self._schedule = schedule
        self._seen: dict[tuple[str, int], float] = {}
        self.done: list[Round] = []

    async def run(self, subjects: Sequence[Subject], bare: BareInserts, number: int) -> None:
        """Round `number` of all; who begins changes from round to round."""
        shift = number % len(subjects)
        turns = [*subjects[shift:], *subjects[:shift]]
        for connections in self._schedule.connections:
            for subject in turns:
                self.done.append(await self._one(subject, connections))
            load = await bare.run(connections, self._schedule.seconds)
            self.done.append(replace(round_of(BARE, load, {}), connections=connections))

    async def _one(self, subject: Subject, connections: int) -> Round:
        seconds, warm_up = self._schedule.seconds, self._schedule.warm_up
        expected = self._seen.get((subject.name, connections), FASTEST / 2) * 2
        requests = self._wishes.take(int(expected * (seconds + warm_up)))
        gc.collect()
        before = subject.cpu()
        load = await run_load(subject.port, connections, requests, warm_up=warm_up, seconds=seconds)
        await subject.quiet()
        self._wishes.give_back(requests)
        after = subject.cpu()
        used = {name: after[name] - before[name] for name in after}
        done = round_of(subject.name, load, used)
        self._seen[subject.name, connections] = max(done.holds_per_second, 50.0)
        return done


def round_of(subject: str, load: Load, cpu: Mapping[str, float]) -> Round:
    """What a load came to; `cpu` in seconds by process of the subject."""
    count = len(load.latencies)
    return Round(
        subject=subject,
        connections=load.connections,
        clients=load.connections,
        holds_per_second=count / load.seconds if load.seconds > 0 else 0.0,
        p50_ms=percentile(load.latencies, 0.50) * 1000,
        p99_ms=percentile(load.latencies, 0.99) * 1000,
        cpu_seconds_per_1000={
            name: round(seconds / max(load.answers, 1) * 1000, 4) for name, seconds in cpu.items()
        },
        client_share=load.own_cpu / load.seconds if load.seconds > 0 else 0.0,
        statuses=load.statuses,
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """Nearest rank; 0 where there is nothing."""
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def medians(rounds: Iterable[Round]) -> list[Figure]:
    """In the order in which subject and load first came."""
    groups: dict[tuple[str, int], list[Round]] = {}
    for one in rounds:
        groups.setdefault((one.subject, one.connections), []).append(one)
    figures = [_figure(group) for group in groups.values()]
    return [figure for figure in figures if figure is not None]


def _figure(group: list[Round]) -> Figure | None:
    valid = [one for one in group if one.is_valid]
    if not valid:
        return None
    rates = [one.holds_per_second for one in valid]
    costs = {
        name: statistics.median(one.cpu_seconds_per_1000[name] for one in valid)
        for name in valid[0].cpu_seconds_per_1000
    }
    return Figure(
        subject=valid[0].subject,
        connections=valid[0].connections,
        rounds=len(valid),
        invalid=len(group) - len(valid),
        holds_per_second=statistics.median(rates),
        lowest=min(rates),
        highest=max(rates),
        p50_ms=statistics.median(one.p50_ms for one in valid),
        p99_ms=statistics.median(one.p99_ms for one in valid),
        cpu_seconds_per_1000=costs,
    )
