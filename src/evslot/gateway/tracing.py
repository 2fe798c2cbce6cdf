"""What a request set off, read off the topics: every record that carries the request's trace."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from litestar.di import NamedDependency
from msgspec import Struct

from evslot.spine.answers import ANSWER
from evslot.spine.kafka import read_spans
from evslot.spine.records import Incoming
from evslot.spine.topics import SERVICES, Topics

MOST_RECORDS = 20_000
SECONDS = 2.0
BEFORE, AFTER = timedelta(seconds=3), timedelta(seconds=15)
"""Around each line of a story: its request came before it; mails and money come after it."""
MOST_SPANS = 20


class Seen(Struct, frozen=True, kw_only=True):
    """A record of a request."""

    topic: str
    partition: int
    offset: int
    at: datetime
    type: str
    id: str
    source: str
    trace: str
    """32 hexadecimal digits; empty where it has none."""


class Journey(Struct, frozen=True, kw_only=True):
    """One record and what came of it: the answer, and how long the owner took."""

    record: Seen
    service: str | None
    """Who took the record and answers it; None for facts."""
    milliseconds: float | None
    """From the record's append to its answer's, by the broker's clock."""


class Step(Struct, frozen=True, kw_only=True):
    """A record that went through Kafka, and what was done with it."""

    at: datetime
    kind: Literal["asked", "told"]
    """A command or question to a service, or an event for all."""
    type: str
    topic: str
    partition: int
    offset: int
    source: str
    """Who wrote it."""
    service: str | None
    """Who answers it."""
    database: str | None
    """That service's own."""
    milliseconds: float | None
    """Until the answer; None for events, or where the answer is forgotten (after 10 minutes)."""


class TracedRequest(Struct, frozen=True, kw_only=True):
    """All that one request, or one timer, set off, in the order in which Kafka took it."""

    trace_id: str
    steps: list[Step]


class Trace(Struct, frozen=True, kw_only=True):
    """What happened to a booking behind the scenes, oldest request first."""

    reservation_id: UUID
    requests: list[TracedRequest]
    complete: bool
    """False: there was too much to read, or it is not kept any more."""


def seen_of(incoming: Incoming) -> Seen:
    """A record by its headers alone."""
    trace = (incoming.header("traceparent") or "").split("-")
    return Seen(
        topic=incoming.topic,
        partition=incoming.partition,
        offset=incoming.offset,
        at=incoming.appended_at,
        type=incoming.header("ce_type") or "?",
        id=incoming.header("ce_id") or "",
        source=incoming.header("ce_source") or "",
        trace=trace[1] if len(trace) == 4 else "",
    )


def journey_of(record: Seen, answer: Seen | None, topics: Topics) -> Journey:
    """`answer`: the record that answers this one, where one was seen."""
    owner = record.topic.removeprefix(topics.prefix).removesuffix("-service")
    asked = owner in SERVICES and record.type != ANSWER
    told = answer if asked else None
    return Journey(
        record=record,
        service=owner if asked else None,
        milliseconds=(told.at - record.at).total_seconds() * 1000 if told else None,
    )


def read_topics(topics: Topics) -> list[str]:
    """All but those of dead letters."""
    return [topic.name for topic in topics.table() if not topic.name.endswith("-dead")]


class Tracing:
    """Looks back at what a booking set off; in development only."""

    def __init__(self, bootstrap: str, topics: Topics) -> None:
        self._bootstrap = bootstrap
        self._topics = topics
        self._one_at_a_time = asyncio.Lock()

    async def look_back(self, reservation_id: UUID, instants: Sequence[datetime]) -> Trace:
        """`instants`: when something happened to the booking. Raises BrokerUnavailable."""
        spans = spans_around(instants, datetime.now(UTC))
        async with self._one_at_a_time:
            records, whole = await asyncio.to_thread(
                read_spans,
                self._bootstrap,
                read_topics(self._topics),
                spans[-MOST_SPANS:],
                most=MOST_RECORDS,
                seconds=SECONDS,
            )
        requests = self.requests(reservation_id, records)
        whole = whole and bool(requests) and len(spans) <= MOST_SPANS
        return Trace(reservation_id=reservation_id, requests=requests, complete=whole)

    def requests(self, reservation_id: UUID, records: Sequence[Incoming]) -> list[TracedRequest]:
        """Those that an event about the booking belongs to."""
        about = str(reservation_id).encode()
        facts = {self._topics.events(service) for service in SERVICES}
        traces = {
            seen_of(one).trace for one in records if one.topic in facts and about in one.value
        }
        seen = [seen_of(one) for one in records]
        answers = {one.id: one for one in seen if one.type == ANSWER}
        wanted = sorted(
            (one for one in seen if one.type != ANSWER and one.trace in traces - {""}),
            key=lambda one: one.at,
        )
        told: dict[str, list[Step]] = {}
        for one in wanted:
            journey = journey_of(one, answers.get(one.id), self._topics)
            told.setdefault(one.trace, []).append(_step(journey))
        return [TracedRequest(trace_id=trace, steps=steps) for trace, steps in told.items()]


Tracer = NamedDependency[Tracing | None]
"""What a route takes as `tracing`: None where nobody may look behind the scenes."""


def spans_around(instants: Iterable[datetime], now: datetime) -> list[tuple[datetime, datetime]]:
    """What lies around some instants up to now, without what lies in two spans twice."""
    spans: list[tuple[datetime, datetime]] = []
    for instant in sorted(instants):
        begin, end = instant - BEFORE, min(instant + AFTER, now)
        if spans and begin <= spans[-1][1]:
            begin = spans.pop()[0]
        spans.append((begin, end))
    return spans


def _step(journey: Journey) -> Step:
    record = journey.record
    return Step(
        at=record.at,
        kind="told" if journey.service is None else "asked",
        type=record.type,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        source=record.source,
        service=journey.service,
        database=journey.service and f"ev_{journey.service}_db",
        milliseconds=journey.milliseconds,
    )
