"""Looking behind the scenes of a booking: where it is let, and how much is looked at."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from evslot.embedded.throwaway import PostgresServer
from evslot.gateway.settings import GatewaySettings
from evslot.gateway.tracing import AFTER, BEFORE, Tracing, spans_around
from evslot.spine.records import Incoming
from evslot.spine.topics import Topics
from tests.gateway.edge_bench import database
from tests.gateway.test_trouble import edge_without_kafka

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.anyio
async def test_in_production_nobody_looks_behind_the_scenes(
    postgres_server: PostgresServer,
) -> None:
    url = await database(postgres_server)
    async with edge_without_kafka(url, GatewaySettings()) as (http, headers):
        answer = await http.get(f"/v1/reservations/{uuid4()}/trace", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "traces_off")


def test_spans_that_touch_are_one_and_none_reaches_ahead() -> None:
    first, second, late = NOW - 100 * SECOND, NOW - 95 * SECOND, NOW - SECOND
    assert spans_around([second, late, first], NOW) == [
        (first - BEFORE, second + AFTER),
        (late - BEFORE, NOW),
    ]


def record(topic: str, kind: str, trace: str, value: str = "", number: int = 0) -> Incoming:
    return Incoming(
        topic=topic,
        partition=0,
        offset=number,
        appended_at=NOW + number * SECOND,
        key=None,
        value=value.encode(),
        headers=(
            ("ce_type", kind.encode()),
            ("ce_id", f"id-{trace}".encode()),
            ("traceparent", f"00-{trace}-b7ad6b7169203331-01".encode()),
        ),
    )


def test_a_request_belongs_to_a_booking_by_an_event_of_it_and_not_by_being_asked_about_it() -> None:
    booking = uuid4()
    tracing = Tracing("nowhere:1", Topics())
    records = [
        record("reservation-events", "reservation.SlotHeld", "aa", f'{{"id":"{booking}"}}', 2),
        record("reservation-service", "reservation.HoldSlot", "aa", "", 1),
        record("gateway-replies", "spine.Answer", "aa", str(booking), 3),
        record("reservation-service", "reservation.GetReservation", "bb", str(booking), 4),
        record("reservation-events", "reservation.SlotHeld", "cc", f'{{"id":"{uuid4()}"}}', 5),
    ]
    (request,) = tracing.requests(booking, records)
    assert request.trace_id == "aa"
    assert [(one.type, one.milliseconds) for one in request.steps] == [
        ("reservation.HoldSlot", 2000.0),
        ("reservation.SlotHeld", None),
    ]
