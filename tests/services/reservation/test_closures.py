"""Closures: gaps at once, pieces as they get free; who may set and lift them, and see them."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace
from tests.harness import Harness, driver
from tests.services.reservation.acting import cancel, confirmed, hold, lapse, names, soon
from tests.services.reservation.closing import (
    HOUR,
    MINUTE,
    OTHER,
    close,
    closed_pieces,
    closing,
    details_of,
    holes,
    know_station,
    owner,
)
from tests.services.reservation.made_up import CHARGER, STATION

from evslot.embedded.throwaway import PostgresServer
from evslot.services.reservation.messages import (
    CheckIn,
    ClosureChanged,
    CompleteReservation,
    GetClosure,
    LiftClosure,
    ListClosures,
)
from evslot.services.reservation.service import SERVICE
from evslot.spine.message import Refused
from evslot.values import OrganisationId, Period, StationId, new_id

pytestmark = pytest.mark.anyio


async def code_of(work: Any) -> str:
    with pytest.raises(Refused) as no:
        await work
    return no.value.code


async def test_gaps_are_taken_at_once_and_the_rest_as_it_gets_free(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        await know_station(h)
        me, start = driver(), soon()
        booking = await confirmed(h, start + HOUR, me)
        held = await hold(h, start + 3 * HOUR, me)
        closed = await close(h, start, 5)
        assert await closed_pieces(h, closed) == [
            Period(start, booking.occupied.start),
            Period(booking.occupied.end, held.occupied.start),
            Period(held.occupied.end, start + 5 * HOUR),
        ]
        touched = {one.reservation_id: one.state for one in closed.touched}
        assert touched == {booking.reservation_id: "confirmed", held.reservation_id: "held"}
        assert closed.touched_total == 2
        assert await code_of(hold(h, start, driver())) == "slot_taken"

        await cancel(h, booking, me)
        assert await code_of(hold(h, start + HOUR, driver())) == "slot_taken"
        await lapse(h, held)
        await h.run_periodic()
        assert await code_of(hold(h, start + 3 * HOUR, driver())) == "slot_taken"
        assert await holes(h, closed) == []
        now = await details_of(h, closed)
        assert [one.state for one in now.touched] == ["cancelled", "expired"]

        lift = LiftClosure(station_id=STATION, closure_id=closed.closure.closure_id)
        lifted = await h.send(lift, caller=owner())
        assert (lifted.state, lifted.version) == ("lifted", 2)
        assert await h.send(lift, caller=owner()) == lifted
        assert await closed_pieces(h, closed) == []
        for hour in range(3):
            await hold(h, start + 2 * hour * HOUR, driver(), minutes=100)
        changes = [event for event in h.events if isinstance(event, ClosureChanged)]
        assert [(one.version, one.closure.state) for one in changes] == [
            (1, "standing"),
            (2, "lifted"),
        ]


async def test_whoever_leaves_early_leaves_to_the_closure(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        await know_station(h)
        me = driver()
        booking = await confirmed(h, datetime.now(UTC) + 2 * MINUTE, me)
        closed = await close(h, booking.period.start + 10 * MINUTE, 3)
        assert await closed_pieces(h, closed) == [
            Period(booking.occupied.end, closed.closure.period.end)
        ]
        await h.send(CheckIn(reservation_id=booking.reservation_id), caller=me)
        await h.send(CompleteReservation(reservation_id=booking.reservation_id), caller=me)
        assert await holes(h, closed) == []
        await hold(h, booking.period.start, driver(), minutes=5)


async def test_nobody_starts_early_in_closed_minutes(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        await know_station(h)
        me = driver()
        booking = await confirmed(h, datetime.now(UTC) + 2 * MINUTE, me)
        await close(h, datetime.now(UTC), 3)
        come = CheckIn(reservation_id=booking.reservation_id)
        with pytest.raises(Refused) as no:
            await h.send(come, caller=me)
        assert (no.value.code, no.value.details["by"]) == ("charger_in_use", "closure")


async def test_the_buffer_of_the_own_slot_before_comes_first(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        await know_station(h)
        me, start = driver(), soon()
        first = await confirmed(h, start, me)
        second = await confirmed(h, first.period.end, me)
        closed = await close(h, start, 4)
        assert await closed_pieces(h, closed) == [Period(second.occupied.end, start + 4 * HOUR)]
        await cancel(h, second, me)
        assert await holes(h, closed) == []
        assert (await closed_pieces(h, closed))[0].start == first.occupied.end
        await cancel(h, first, me)
        assert await holes(h, closed) == []


async def test_two_closures_share_what_both_want(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        await know_station(h, CHARGER, OTHER)
        me, start = driver(), soon()
        booking = await confirmed(h, start + HOUR, me, minutes=115)
        first = await close(h, start, 2, charger_ids=(CHARGER,))
        second = await close(h, start + HOUR, 3)
        assert [one.reservation_id for one in second.touched] == [booking.reservation_id]
        await cancel(h, booking, me)
        assert await holes(h, first) == await holes(h, second) == []
        lift = LiftClosure(station_id=STATION, closure_id=first.closure.closure_id)
        await h.send(lift, caller=owner())
        assert await holes(h, second) == []
        await hold(h, start, driver(), minutes=55)
        assert await code_of(hold(h, start + HOUR, driver())) == "slot_taken"


async def test_a_booking_whose_buffer_alone_is_closed_is_not_touched(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        await know_station(h)
        booking = await confirmed(h, soon(), driver())
        closed = await close(h, booking.period.end, 1)
        assert (closed.touched, closed.touched_total) == ([], 0)
        assert (await closed_pieces(h, closed))[0].start == booking.occupied.end


async def test_a_lapsed_hold_is_a_gap(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        await know_station(h)
        held = await hold(h, soon(), driver())
        await lapse(h, held)
        closed = await close(h, held.period.start, 2)
        assert closed.touched == []
        assert await holes(h, closed) == []
        assert sum((piece.length for piece in await closed_pieces(h, closed)), HOUR) == 3 * HOUR
        assert names(h.events)[-2:] == ["HoldExpired", "ClosureChanged"]


async def test_who_may_close_and_what(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        command = closing(soon(), 1)
        assert await code_of(h.send(command, caller=owner())) == "station_not_found"
        await know_station(h)
        assert await code_of(h.send(command, caller=driver())) == "not_an_operator"
        assert await code_of(h.send(command, caller=owner(role="viewer"))) == "not_an_operator"
        stranger = owner(OrganisationId(new_id()))
        assert await code_of(h.send(command, caller=stranger)) == "station_not_found"
        wrong = {
            "charger_not_found": replace(command, charger_ids=(CHARGER, OTHER)),
            "period_invalid": closing(soon(), -1),
            "reason_invalid": replace(command, reason="\0"),
        }
        for code, one in wrong.items():
            assert await code_of(h.send(one, caller=owner())) == code
        assert await code_of(h.send(closing(soon(-3), 1), caller=owner())) == "period_invalid"
        assert await code_of(h.send(closing(soon(), 24 * 800), caller=owner())) == "period_invalid"
        await h.send(command, caller=owner())
        assert await code_of(h.send(command, caller=owner())) == "closure_exists"
        lift = LiftClosure(station_id=STATION, closure_id=command.closure_id)
        assert await code_of(h.send(lift, caller=stranger)) == "station_not_found"
        unknown = LiftClosure(station_id=STATION, closure_id=uuid4())
        assert await code_of(h.send(unknown, caller=owner())) == "closure_not_found"
        seen = GetClosure(station_id=STATION, closure_id=command.closure_id)
        assert await code_of(h.ask(seen, caller=stranger)) == "station_not_found"
        assert await code_of(h.ask(seen, caller=driver())) == "members_only"
        listed = ListClosures(station_id=StationId(uuid4()))
        assert await code_of(h.ask(listed, caller=owner())) == "station_not_found"


async def test_closures_are_listed_latest_first_page_by_page(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        await know_station(h)
        made = [await close(h, soon() + day * 24 * HOUR, 1) for day in range(5)]
        found, cursor = [], None
        for _ in range(3):
            page = await h.ask(
                ListClosures(station_id=STATION, limit=2, cursor=cursor), caller=owner()
            )
            found += [one.closure_id for one in page.closures]
            cursor = page.next_cursor
        assert cursor is None
        assert found == [one.closure.closure_id for one in reversed(made)]
        forged = ListClosures(station_id=STATION, cursor="made.up")
        assert await code_of(h.ask(forged, caller=owner())) == "cursor_invalid"


async def test_an_older_state_of_a_station_changes_nothing(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        await know_station(h, CHARGER, OTHER, version=2)
        await know_station(h, CHARGER, version=1)
        closed = await close(h, soon(), 1)
        assert set(closed.closure.charger_ids) == {CHARGER, OTHER}


async def test_pieces_that_are_over_are_swept(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        await know_station(h)
        await close(h, datetime.now(UTC) - HOUR, 2)
        await h.run_periodic()
        assert await h.fetch_value("select count(*) from occupancy") == 1
        await h.execute(
            "update occupancy set during = tstzrange(lower(during), now() - interval '1 second')"
        )
        await h.run_periodic()
        assert await h.fetch_value("select count(*) from occupancy") == 0
