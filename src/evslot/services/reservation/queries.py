"""What the reservation service answers without changing anything."""

import base64
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from evslot.services.reservation import store
from evslot.services.reservation.domain import cancelling
from evslot.services.reservation.messages import (
    CursorInvalid,
    GetReservation,
    ListReservations,
    ReservationDetails,
    ReservationNotFound,
    Reservations,
    StoryLine,
)
from evslot.spine.handling import Queries
from evslot.spine.sealing import Keys
from evslot.spine.transaction import Reading

queries = Queries()

PAGE_LIMIT = 100
PART = "reservation"

BOOKING = """
select * from reservation where reservation_id = $1"""

STORY = """
select at, what, by_role, reason from story where reservation_id = $1 order by version"""


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
        story=[
            StoryLine(at=line["at"], what=line["what"], by=line["by_role"], reason=line["reason"])
            for line in await reading.fetch(STORY, query.reservation_id)
        ],
        cancel_fee_now=cancelling.cancel_fee(booking, by, reading.now),
    )


PAGE = """
select * from reservation
where driver_id = $1 and ($2::text[] is null or state = any($2))
  and ($3::timestamptz is null or (lower(period), reservation_id) < ($3, $4))
order by lower(period) desc, reservation_id desc
limit $5"""


class Place(Struct, frozen=True):
    """Where a page ended."""

    start: datetime
    reservation_id: UUID


@queries.on(ListReservations)
async def list_reservations(query: ListReservations, reading: Reading) -> Reservations:
    """The caller's own bookings, newest start first."""
    if reading.caller.require_user() != query.driver_id:
        raise ReservationNotFound()
    keys = reading.resource(Keys)
    after = _place(query, keys)
    limit = max(1, min(query.limit, PAGE_LIMIT))
    rows = await reading.fetch(
        PAGE,
        query.driver_id,
        query.states,
        after.start if after else None,
        after.reservation_id if after else None,
        limit + 1,
    )
    reservations = [store.booking_of(row).reservation for row in rows[:limit]]
    if len(rows) <= limit:
        return Reservations(reservations=reservations)
    last = Place(reservations[-1].period.start, reservations[-1].reservation_id)
    return Reservations(reservations=reservations, next_cursor=_cursor(query, last, keys))


def _cursor(query: ListReservations, place: Place, keys: Keys) -> str:
    """`<base64url of the place>.<mac>`; the mac also covers whose list it is, and of what."""
    payload = base64.urlsafe_b64encode(msgspec.json.encode(place)).decode()
    return f"{payload}.{keys.mac(PART, _signed(query, payload))}"


def _place(query: ListReservations, keys: Keys) -> Place | None:
    if query.cursor is None:
        return None
    payload, _, mac = query.cursor.partition(".")
    if not query.cursor.isascii() or not keys.check_mac(PART, _signed(query, payload), mac):
        raise CursorInvalid()
    return msgspec.json.decode(base64.urlsafe_b64decode(payload), type=Place)


def _signed(query: ListReservations, payload: str) -> bytes:
    states = ",".join(sorted(query.states)) if query.states is not None else "*"
    return f"bookings:{query.driver_id}:{states}:{payload}".encode()
