"""The system's own tables and records in the shapes that checks compare."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from tests.faults.checks.judging import Run
from tests.faults.truth import Record, Row

LIVE = ("held", "confirmed", "active")
"""States of a booking that take its charger."""
SERVICES = ("user", "station", "reservation", "payment", "notification")

Span = tuple[datetime, datetime]


def instant(text: str) -> datetime:
    """Of PostgreSQL's JSON, of its ranges, or of our own messages."""
    return datetime.fromisoformat(text)


def span(text: str) -> Span:
    """`["2026-11-24 16:00:00+00","2026-11-24 17:00:00+00")` of `to_jsonb`."""
    start, end = text[1:-1].replace('"', "").split(",")
    return instant(start), instant(end)


def period(value: dict[str, str]) -> Span:
    """A `Period` of a message."""
    return instant(value["start"]), instant(value["end"])


def overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def opened(text: str | None) -> Any:
    """JSON in a bytea column; None where there is nothing."""
    return json.loads(bytes.fromhex(text[2:])) if text else None


def outgoing(run: Run, part: str) -> Iterator[tuple[Row, dict[str, Any]]]:
    """Outbox rows with their envelopes, in the order in which their transactions wrote them."""
    for row in sorted(run.truth.table(part, "outbox"), key=lambda row: int(row["id"])):
        yield row, opened(row["envelope"])


def deduped(records: Iterable[Record]) -> Iterator[Record]:
    """The first record of each id: what came again changes nothing."""
    seen: set[str] = set()
    for record in records:
        if record.id not in seen:
            seen.add(record.id)
            yield record


def answers(run: Run, part: str, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Stored answers of a service to commands of one type: command id and answer."""
    for row in run.truth.table(part, "inbox"):
        if row["type"] == kind and row["answer"]:
            yield row["command_id"], opened(row["answer"])


def reservations(run: Run) -> dict[str, Row]:
    return {row["reservation_id"]: row for row in run.truth.table("reservation", "reservation")}


def stories(run: Run) -> dict[str, list[Row]]:
    """Story rows of each booking by version."""
    found: dict[str, list[Row]] = {}
    for row in run.truth.table("reservation", "story"):
        found.setdefault(row["reservation_id"], []).append(row)
    for rows in found.values():
        rows.sort(key=lambda row: int(row["version"]))
    return found


def told_reservation(body: Any) -> dict[str, Any] | None:
    """The booking in an answer of the edge, wherever it stands; None where there is none."""
    if not isinstance(body, dict):
        return None
    inner = body.get("reservation", body)
    return inner if isinstance(inner, dict) and "reservation_id" in inner else None
