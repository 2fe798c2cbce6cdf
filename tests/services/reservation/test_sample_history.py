"""The made-up past of the sample: every book that says something about it says the same."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from tests.harness import Harness, driver
from tests.services.payment.paper_desk import tell_sellers
from tests.services.payment.payment_desk import Desk, open_desk
from tests.services.reservation.acting import wanting
from tests.services.reservation.sample_past import (
    few_stations,
    hear_of,
    payments_sent,
    planned,
    write,
)

from evslot.cli.history.parts import bookings
from evslot.embedded.throwaway import PostgresServer
from evslot.services.payment.messages import GetStatement
from evslot.services.payment.queries import broken_link, discrepancies
from evslot.services.reservation.domain import cancelling
from evslot.services.reservation.messages import (
    ClosureChanged,
    EnsureSampleBookings,
    EnsureSampleClosures,
    EnsureSampleHistory,
    GetSampleHistory,
    ReservationCompleted,
    ReservationConfirmed,
    ReservationEvent,
    SlotTaken,
)
from evslot.services.reservation.service import SERVICE
from evslot.services.reservation.store import booking_of
from evslot.spine.callers import SYSTEM
from evslot.spine.message import Refused
from evslot.values import Period, UserId

pytestmark = pytest.mark.anyio

NOW = datetime.now(UTC)
ALL = Period(NOW - timedelta(days=200), NOW + timedelta(days=100))
SHORT_HOLDS = {"EVSLOT_RESERVATION_HOLD_SECONDS_SOON": "2", "EVSLOT_RESERVATION_HOLD_SECONDS": "3"}


@pytest.fixture(scope="module")
async def past(postgres_server: PostgresServer) -> AsyncIterator[tuple[Harness, Desk]]:
    """Both services, with the same made-up past in them."""
    stations = few_stations()
    made, closures = planned(stations, NOW)
    async with Harness(SERVICE, postgres_server) as h, open_desk(postgres_server) as desk:
        await hear_of(h, stations)
        shut = EnsureSampleClosures(operator_id=UserId(uuid4()), closures=tuple(closures))
        await h.send(shut, caller=SYSTEM)
        await write(h, made)
        for command in payments_sent(h):
            await desk.h.send(command, caller=SYSTEM)
        await tell_sellers(desk)
        yield h, desk


async def test_the_past_has_everything_that_happens_to_bookings(
    past: tuple[Harness, Desk],
) -> None:
    h, _ = past
    rows = await h.fetch("select state, count(*) as n from reservation group by state")
    states = {row["state"]: row["n"] for row in rows}
    assert states["completed"] > 200
    assert min(states[one] for one in ("cancelled", "no_show", "released", "expired")) > 3
    assert states["confirmed"] > 5, "and something lies ahead"
    days = await h.fetch("select distinct extract(isodow from lower(period)) as d from reservation")
    assert len(days) == 7


async def test_every_story_leads_version_by_version_to_the_booking(
    past: tuple[Harness, Desk],
) -> None:
    h, _ = past
    stories: dict[Any, list[Any]] = defaultdict(list)
    for row in await h.fetch("select * from story order by reservation_id, version"):
        stories[row["reservation_id"]].append(row)
    for row in await h.fetch("select * from reservation"):
        story = stories.pop(row["reservation_id"])
        assert [line["version"] for line in story] == list(range(1, row["version"] + 1))
        assert [line["at"] for line in story] == sorted(line["at"] for line in story)
        assert story[-1]["at"] == row["changed_at"] <= datetime.now(UTC)
        assert story[0]["at"] == row["created_at"]
        whats = {line["what"]: line for line in story}
        for costly in ("started", "no_show", "cancelled"):
            assert costly not in whats or whats[costly]["evidence"], costly
        assert (row["checked_in_at"] is None) == ("started" not in whats)
    assert not stories


async def test_ledger_and_bookings_agree_to_the_cent(past: tuple[Harness, Desk]) -> None:
    h, desk = past
    wanted: Counter[tuple[Any, str]] = Counter()
    for row in await h.fetch("select * from reservation where payment_id is not null"):
        wanted[row["organisation_id"], row["currency"]] += _owed(row)
    booked: Counter[tuple[Any, str]] = Counter()
    for row in await desk.h.fetch("select * from payment"):
        booked[row["organisation_id"], row["currency"]] += row["captured"] - row["refunded"]
    assert +booked == +wanted
    assert sum(wanted.values()) > 10_000
    for (organisation_id, currency), sum_ in wanted.items():
        question = GetStatement(organisation_id=organisation_id, period=ALL)
        (line,) = (await desk.h.ask(question, caller=SYSTEM)).sums
        assert (line.currency, line.payable) == (currency, sum_)


def _owed(row: Any) -> int:
    """What the terms of a booking let its operator keep by now."""
    booking = booking_of(row)
    reservation = booking.reservation
    total = reservation.total
    if reservation.state == "no_show":
        percent = reservation.terms.no_show_percent
        assert reservation.fee == cancelling.share(total, percent)
    if reservation.state in ("cancelled", "no_show"):
        assert reservation.fee is not None
        return reservation.fee.amount
    if reservation.state in ("completed", "active"):
        return total.amount
    prepaid = reservation.state == "confirmed" and reservation.payment_state == "captured"
    return total.amount if prepaid else 0


async def test_states_of_payments_are_those_that_the_bookings_name(
    past: tuple[Harness, Desk],
) -> None:
    h, desk = past
    paid = {row["payment_id"]: row for row in await desk.h.fetch("select * from payment")}
    booked = await h.fetch("select * from reservation where payment_id is not null")
    assert len(paid) == len(booked)
    for row in booked:
        payment = paid[row["payment_id"]]
        assert payment["state"] == row["payment_state"]
        assert payment["reservation_id"] == row["reservation_id"]
        assert payment["amount"] == row["total_amount"]


async def test_ledger_receipts_and_the_providers_list_agree(past: tuple[Harness, Desk]) -> None:
    _, desk = past
    assert await discrepancies(desk.h.database) == []
    assert await broken_link(desk.h.database) is None
    assert await desk.h.fetch("select from receipt_due") == []
    rows = await desk.h.fetch(
        "select organisation_id, max(sequence) as last, count(*) as n from receipt group by 1"
    )
    assert len(rows) == 3
    assert all(row["last"] == row["n"] for row in rows)
    moved = await desk.h.fetch_value("select count(*) from ledger_transaction")
    assert sum(row["n"] for row in rows) == moved


async def test_what_lies_ahead_is_told_as_anything_is_and_the_past_to_nobody(
    past: tuple[Harness, Desk],
) -> None:
    h, desk = past
    told = [event for event in h.events if isinstance(event, ReservationEvent)]
    rows = await h.fetch("select reservation_id from reservation where state in ($1, $2)",
                         "confirmed", "active")  # fmt: skip
    assert {event.reservation.reservation_id for event in told} == {
        row["reservation_id"] for row in rows
    }
    assert any(isinstance(event, ReservationConfirmed) for event in told)
    assert not any(isinstance(event, ReservationCompleted) for event in told)
    assert desk.h.events == [], "no receipt is announced, no payment told"
    changed = [event for event in h.events if isinstance(event, ClosureChanged)]
    assert all(event.closure.period.end > NOW for event in changed)


async def test_what_lies_ahead_is_guarded_like_any_booking(past: tuple[Harness, Desk]) -> None:
    h, _ = past
    claims = {row["ref"] for row in await h.fetch("select ref from occupancy where kind = $1",
                                                  "booking")}  # fmt: skip
    ahead = await h.fetch("select * from reservation where state = 'confirmed'")
    assert {row["reservation_id"] for row in ahead} <= claims
    rival = booking_of(max(ahead, key=lambda row: row["period"].lower)).reservation
    wish = wanting(
        rival.period.start,
        charger=rival.charger_id,
        station=rival.station_id,
        minutes=int(rival.period.length.total_seconds() // 60),
    )
    with pytest.raises(Refused) as refused:
        await h.send(wish, caller=driver())
    assert refused.value.code == SlotTaken().code


async def test_written_again_nothing_is_added_and_the_next_day_tops_up(
    postgres_server: PostgresServer,
) -> None:
    stations = few_stations()[:1]
    yesterday = NOW - timedelta(days=1)
    async with Harness(SERVICE, postgres_server, SHORT_HOLDS) as h:
        before, _ = planned(stations, yesterday)
        first = await write(h, before)
        assert (first.written, first.known) == (len(before) - first.refused, 0)
        sent = len(payments_sent(h))
        again = await write(h, before)
        assert (again.written, again.known) == (0, first.written)
        assert len(payments_sent(h)) == sent, "no money moves twice"
        fresh, _ = planned(stations, NOW, since=yesterday)
        more = await write(h, fresh)
        assert more.written > 0
        assert more.known == 0


async def test_a_past_that_meets_a_real_booking_gives_way(
    postgres_server: PostgresServer,
) -> None:
    stations = few_stations()[:1]
    async with Harness(SERVICE, postgres_server) as h:
        made, _ = planned(stations, NOW)
        over = next(one for one in made if one.visit.left_at is not None)
        (alone,) = bookings([over])
        assert (await h.send(alone, caller=SYSTEM)).written == 1
        rival = msgspec.structs.replace(
            alone.visits[0], booked_at=over.visit.booked_at - timedelta(seconds=30)
        )
        count = await h.send(
            EnsureSampleBookings(sites=alone.sites, visits=(rival,)), caller=SYSTEM
        )
        assert (count.written, count.refused) == (0, 1)


async def test_how_far_the_sample_is_filled_never_goes_back(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        assert (await h.ask(GetSampleHistory(), caller=SYSTEM)).written_until is None
        await h.send(EnsureSampleHistory(written_until=NOW), caller=SYSTEM)
        earlier = EnsureSampleHistory(written_until=NOW - timedelta(days=1))
        assert (await h.send(earlier, caller=SYSTEM)).written_until == NOW
        assert (await h.ask(GetSampleHistory(), caller=SYSTEM)).written_until == NOW


async def test_only_the_system_fills_the_sample_and_only_in_development(
    postgres_server: PostgresServer,
) -> None:
    commands = (
        EnsureSampleBookings(sites=(), visits=()),
        EnsureSampleClosures(operator_id=UserId(uuid4()), closures=()),
        EnsureSampleHistory(written_until=NOW),
    )
    async with Harness(SERVICE, postgres_server) as h:
        for command in commands:
            answer = await h.submit(command, caller=driver())
            assert answer is not None
            assert answer.status == 403
    async with Harness(SERVICE, postgres_server, {"EVSLOT_ENVIRONMENT": "production"}) as h:
        for command in commands:
            answer = await h.submit(command, caller=SYSTEM)
            assert answer is not None
            assert answer.code == "sample_accounts_off"
