"""One booking with its story; the bookings of a driver; the bookings of an operator's stations."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from evslot.services.reservation import store
from evslot.services.reservation.domain import cancelling
from evslot.services.reservation.messages import (
    Evidence,
    GetReservation,
    ListReservations,
    ListStationBookings,
    ReservationDetails,
    ReservationNotFound,
    Reservations,
    State,
    StoryLine,
)
from evslot.services.reservation.queries.paging import Place, fitting, pack, page_size, unpack
from evslot.services.reservation.queries.parties import check_member
from evslot.spine.handling import Queries
from evslot.spine.message import Personal
from evslot.spine.sealing import Keys
from evslot.spine.transaction import Reading, Row
from evslot.values import StationId

queries = Queries()

BOOKING = """
select * from reservation where reservation_id = $1"""

STORY = """
select at, what, by_role, reason, evidence from story where reservation_id = $1 order by version"""


@queries.on(GetReservation)
async def get_reservation(query: GetReservation, reading: Reading) -> ReservationDetails:
    """A booking with its story, for its driver and for members of its organisation."""
    user_id = reading.caller.require_user()
    row = await reading.fetch_row(BOOKING, query.reservation_id)
    if row is None:
        raise ReservationNotFound()
    own = row["driver_id"] == user_id
    if not own and reading.caller.role_in(row["organisation_id"]) is None:
        raise ReservationNotFound()
    booking = store.booking_of(row)
    by: cancelling.By = "driver" if own else "operator"
    return ReservationDetails(
        reservation=booking.reservation,
        story=[_line(row) for row in await reading.fetch(STORY, query.reservation_id)],
        cancel_fee_now=cancelling.cancel_fee(booking, by, reading.now),
    )


def _line(row: Row) -> StoryLine:
    evidence = row["evidence"]
    return StoryLine(
        at=row["at"],
        what=row["what"],
        by=row["by_role"],
        reason=Personal(row["reason"]) if row["reason"] else None,
        evidence=msgspec.json.decode(evidence, type=Evidence) if evidence else None,
    )


class Filter(Struct, frozen=True, kw_only=True):
    """Which bookings of a list are wanted."""

    states: Sequence[State] | None
    station_id: StationId | None
    since: datetime | None
    until: datetime | None

    def about(self) -> str:
        """For the cursor: it belongs to this list alone."""
        states = ",".join(sorted(self.states)) if self.states is not None else "*"
        return f"{states}:{self.station_id}:{self.since}:{self.until}"


LIVE: frozenset[State] = frozenset({"held", "confirmed", "active"})

# No parameter may be null where the index is entered. A slot has at most a day, a buffer two hours.
PAGE_OF_DRIVER = """
select * from reservation
where driver_id = $1 and ($2::text[] is null or state = any($2))
  and ($3::uuid is null or station_id = $3)
  and ($4::timestamptz is null or upper(period) > $4)
  and lower(period) > greatest($4 - interval '2 days', $5::timestamptz, '-infinity')
  and lower(period) < coalesce($6::timestamptz, 'infinity')
  and (lower(period), reservation_id) < (
    coalesce($7::timestamptz, 'infinity'), coalesce($8::uuid, '00000000000000000000000000000000'))
order by lower(period) desc, reservation_id desc
limit $9"""

PAGE_OF_ORGANISATION = PAGE_OF_DRIVER.replace("driver_id = $1", "organisation_id = $1")

# The oldest that nobody has ended yet, however long nobody could.
LIVE_SINCE = """
select least(
  $1::timestamptz,
  (select min(upper(occupied)) from reservation where state in ('confirmed', 'active')),
  (select min(held_until) from reservation where state = 'held')) - interval '2 days'"""


@queries.on(ListReservations)
async def list_reservations(query: ListReservations, reading: Reading) -> Reservations:
    """The caller's own bookings, newest start first."""
    if reading.caller.require_user() != query.driver_id:
        raise ReservationNotFound()
    return await _page(PAGE_OF_DRIVER, query.driver_id, query, reading)


@queries.on(ListStationBookings)
async def list_station_bookings(query: ListStationBookings, reading: Reading) -> Reservations:
    """What is booked at an organisation's stations, for its members."""
    check_member(reading.caller, query.organisation_id)
    return await _page(PAGE_OF_ORGANISATION, query.organisation_id, query, reading)


async def _page(
    sql: str, owner: Any, query: ListReservations | ListStationBookings, reading: Reading
) -> Reservations:
    wanted = Filter(
        states=query.states, station_id=query.station_id, since=query.since, until=query.until
    )
    keys = reading.resource(Keys)
    about = f"{type(query).__name__}:{owner}:{wanted.about()}"
    after = unpack(query.cursor, about, keys)
    limit = page_size(query.limit)
    only_live = wanted.states is not None and LIVE.issuperset(wanted.states)
    rows = await reading.fetch(
        sql,
        owner,
        wanted.states,
        wanted.station_id,
        wanted.since,
        await reading.fetch_value(LIVE_SINCE, reading.now) if only_live else None,
        wanted.until,
        after.start if after else None,
        after.id if after else None,
        limit + 1,
    )
    reservations = fitting([store.booking_of(row).reservation for row in rows[:limit]])
    if len(reservations) == len(rows):
        return Reservations(reservations=reservations)
    last = Place(reservations[-1].period.start, reservations[-1].reservation_id)
    return Reservations(reservations=reservations, next_cursor=pack(last, about, keys))
