"""What operators see of the bookings at their stations; and what is forgotten of a person."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.harness import Harness, driver
from tests.services.reservation.acting import confirmed, hold, soon
from tests.services.reservation.made_up import NOW, ORGANISATION, held

from evslot.embedded.throwaway import PostgresServer
from evslot.services.reservation.domain import table
from evslot.services.reservation.messages import (
    CancelReservation,
    GetBookingsExport,
    GetReservation,
    ListReservations,
    ListStationBookings,
    Reservation,
)
from evslot.services.reservation.service import SERVICE
from evslot.services.user.messages import UserErased
from evslot.spine.callers import Caller
from evslot.spine.message import Personal, Query, Refused
from evslot.values import Money, OrganisationId, StationId, new_id

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)


def member(organisation: OrganisationId = ORGANISATION, role: Any = "viewer") -> Caller:
    return driver(organisations={organisation: role})


async def code_of(work: Any) -> str:
    with pytest.raises(Refused) as no:
        await work
    return no.value.code


async def three(h: Harness) -> list[Reservation]:
    """Two bookings at one station, one at another; an hour each."""
    start, elsewhere = soon(), StationId(uuid4())
    return [
        await hold(h, start, driver()),
        await confirmed(h, start + 2 * HOUR, driver()),
        await hold(h, start + 2 * HOUR, driver(), station=elsewhere, charger=new_id()),
    ]


async def test_members_find_bookings_by_state_station_and_time(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        first, second, other = await three(h)
        await hold(h, soon(), driver(), organisation_id=OrganisationId(uuid4()), charger=new_id())

        async def found(**wish: Any) -> set[Any]:
            question = ListStationBookings(organisation_id=ORGANISATION, **wish)
            page = await h.ask(question, caller=member())
            return {one.reservation_id for one in page.reservations}

        ids = [one.reservation_id for one in (first, second, other)]
        assert await found() == set(ids)
        assert await found(station_id=other.station_id) == {ids[2]}
        assert await found(states=["confirmed"]) == {ids[1]}
        assert await found(since=first.period.end) == {ids[1], ids[2]}
        assert await found(since=first.period.end - timedelta(seconds=1)) == set(ids)
        assert await found(until=second.period.start) == {ids[0]}


async def test_pages_hold_every_booking_once(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        made = [(await hold(h, soon(24 + 2 * n), driver())).reservation_id for n in range(5)]
        asked = ListStationBookings(organisation_id=ORGANISATION, limit=2, states=["held"])
        seen, cursor = [], None
        for _ in range(3):
            page = await h.ask(replace(asked, cursor=cursor), caller=member())
            seen += [one.reservation_id for one in page.reservations]
            cursor = page.next_cursor or cursor
        assert seen == made[::-1]
        other = ListStationBookings(organisation_id=ORGANISATION, cursor=cursor)
        assert await code_of(h.ask(other, caller=member())) == "cursor_invalid"


async def test_only_members_see_what_is_booked(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        asked: list[Query[Any]] = [
            ListStationBookings(organisation_id=ORGANISATION),
            GetBookingsExport(organisation_id=ORGANISATION, since=soon(), until=soon(48)),
        ]
        for question in asked:
            assert await code_of(h.ask(question, caller=driver())) == "members_only"
            stranger = member(OrganisationId(uuid4()), role="owner")
            assert await code_of(h.ask(question, caller=stranger)) == "organisation_not_found"
        mine = ListReservations(driver_id=driver().user_id)  # type: ignore[arg-type]
        assert await code_of(h.ask(mine, caller=member())) == "reservation_not_found"


async def test_the_table_has_a_line_for_each_booking_that_starts_in_the_span(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        bookings = await three(h)
        question = GetBookingsExport(
            organisation_id=ORGANISATION,
            since=bookings[0].period.start,
            until=bookings[2].period.start + HOUR,
        )
        whole = await h.ask(question, caller=member())
        assert whole.next_cursor is None
        rows = list(csv.DictReader(io.StringIO(whole.text, newline="")))
        assert [row["state"] for row in rows].count("held") == 2
        assert {row["reservation_id"] for row in rows} == {
            str(one.reservation_id) for one in bookings
        }
        assert rows[0]["price"] == "6.40"
        start = datetime.fromisoformat(rows[0]["start"])
        assert start == bookings[0].period.start
        assert (
            start.utcoffset()
            == bookings[0].period.start.astimezone(ZoneInfo("Europe/Berlin")).utcoffset()
        )

        monkeypatch.setattr(table, "PART_BYTES", 600)
        parts: list[str] = []
        cursor = None
        while not parts or cursor is not None:
            part = await h.ask(replace(question, cursor=cursor), caller=member())
            parts.append(part.text)
            cursor = part.next_cursor
        assert len(parts) > 1
        assert "".join(parts) == whole.text
        assert await code_of(h.ask(replace(question, since=question.until), caller=member())) == (
            "period_invalid"
        )
        empty = replace(question, since=soon(240), until=soon(241))
        assert (await h.ask(empty, caller=member())).text.count("\r\n") == 1


@given(
    TEXTS,
    TEXTS,
    st.integers(0, 10**12),
    st.sampled_from(["EUR", "JPY", "KWD", "INR", "IQD", "RWF"]),
)
def test_what_is_written_into_the_table_is_read_from_it(
    station: str, label: str, price: int, currency: str
) -> None:
    made = held(NOW + HOUR).reservation
    odd = replace(made, station_name=station, charger_label=label, total=Money(price, currency))
    text, taken = table.part([odd, made], begin=True)
    assert taken == 2
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == 2
    shown = rows[0]
    assert shown["station"].removeprefix("'") == station.removeprefix("'")
    assert shown["station"][:1] not in ("=", "+", "-", "@")
    digits = {"EUR": 2, "INR": 2, "JPY": 0, "RWF": 0, "KWD": 3, "IQD": 3}[currency]
    assert round(float(shown["price"]) * 10**digits) == price


async def test_what_an_erased_person_wrote_is_gone(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me, other = driver(), driver()
        bookings = [await hold(h, soon(), me), await hold(h, soon(30), other)]
        for booking, who in zip(bookings, (me, other), strict=True):
            why = Personal(f"planted by {booking.code}")
            cancel = CancelReservation(reservation_id=booking.reservation_id, reason=why)
            await h.send(cancel, caller=who)
        assert me.user_id is not None
        await h.hear(UserErased(user_id=me.user_id, version=2))

        async def reasons(booking: Reservation) -> list[str | None]:
            question = GetReservation(reservation_id=booking.reservation_id)
            details = await h.ask(question, caller=member())
            return [line.reason.value if line.reason else None for line in details.story]

        assert await reasons(bookings[0]) == [None, None]
        assert await reasons(bookings[1]) == [None, f"planted by {bookings[1].code}"]
        assert bookings[0].created_at < datetime.now(UTC)
