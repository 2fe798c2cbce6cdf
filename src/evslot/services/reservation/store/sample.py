"""Made-up bookings, written whole: what occupies goes through the same guard as anybody's."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from evslot.services.reservation.domain.booking import Booking, Told
from evslot.services.reservation.store.rows import json_of, range_of, row_of
from evslot.spine.transaction import Transaction
from evslot.values import ChargerId, OrganisationId, Period, ReservationId

KNOWN = """
select reservation_id from reservation where reservation_id = any($1::uuid[])"""


async def find_known(tx: Transaction, ids: Sequence[ReservationId]) -> set[ReservationId]:
    """Those that were written before."""
    return {row["reservation_id"] for row in await tx.fetch(KNOWN, ids)}


# A booking is at most a day long: what overlaps a span begins a day before it at the earliest.
CLAIMED = """
select charger_id, occupied from reservation
where organisation_id = any($1::uuid[]) and charger_id = any($2::uuid[])
  and lower(period) >= $3::timestamptz - interval '1 day' and lower(period) < $4
  and upper(occupied) > $3 and state in ('confirmed', 'active', 'completed', 'no_show')"""


async def find_claimed(
    tx: Transaction,
    organisations: Iterable[OrganisationId],
    chargers: Iterable[ChargerId],
    span: Period,
) -> dict[ChargerId, list[Period]]:
    """What bookings that were kept, whoever's, have claimed on these chargers in a span."""
    found: dict[ChargerId, list[Period]] = {}
    for row in await tx.fetch(
        CLAIMED, sorted(organisations), sorted(chargers), span.start, span.end
    ):
        period = Period(row["occupied"].lower, row["occupied"].upper)
        found.setdefault(row["charger_id"], []).append(period)
    return found


INSERT = """
with wished as (
  select * from jsonb_populate_recordset(null::reservation, $1::jsonb)),
claimed as (
  insert into occupancy
  select claim.* from jsonb_populate_recordset(null::occupancy, $2::jsonb) as claim
  order by claim.charger_id, claim.during
  on conflict on constraint occupancy_no_overlap do nothing
  returning ref),
kept as (
  insert into reservation
  select * from wished
  where state not in ('held', 'confirmed', 'active')
    or reservation_id in (select ref from claimed)
  returning reservation_id)
insert into story
select told.* from jsonb_populate_recordset(null::story, $3::jsonb) as told
join kept using (reservation_id)
returning reservation_id"""


class Written(Struct, frozen=True, kw_only=True):
    """A booking as it is now, with the story of how it came to that."""

    booking: Booking
    story: Sequence[tuple[Booking, Told]]


async def insert_lives(tx: Transaction, lives: Sequence[Written]) -> set[ReservationId]:
    """Those that got what they claim; what is over claims nothing."""
    rows = [_row(life.booking) for life in lives]
    claims = [_claim(life.booking) for life in lives if _occupies(life.booking)]
    story = [_line(booking, told) for life in lives for booking, told in life.story]
    kept = await tx.fetch(INSERT, json_of(rows), json_of(claims), json_of(story))
    return {row["reservation_id"] for row in kept}


def _occupies(booking: Booking) -> bool:
    return booking.reservation.state in ("confirmed", "active")


def _row(booking: Booking) -> dict[str, Any]:
    fee = booking.reservation.fee
    return row_of(booking) | {
        "confirmed_at": booking.confirmed_at,
        "fee_amount": fee.amount if fee else None,
    }


def _claim(booking: Booking) -> dict[str, Any]:
    reservation = booking.reservation
    return {
        "station_id": reservation.station_id,
        "charger_id": reservation.charger_id,
        "during": range_of(reservation.occupied),
        "kind": "booking",
        "ref": reservation.reservation_id,
    }


def _line(booking: Booking, told: Told) -> dict[str, Any]:
    reservation = booking.reservation
    return {
        "reservation_id": reservation.reservation_id,
        "version": reservation.version,
        "at": reservation.changed_at,
        "what": told.what,
        "by_role": told.by,
        "by_user": told.user_id,
        "reason": told.reason,
        "evidence": msgspec.to_builtins(told.evidence) if told.evidence else None,
    }


UPSERT_HISTORY = """
insert into sample_history (written_until) values ($1)
on conflict (sole) do update set
  written_until = greatest(sample_history.written_until, excluded.written_until)
returning written_until"""


async def note_history(tx: Transaction, written_until: datetime) -> datetime:
    """Never goes back."""
    until: datetime = await tx.fetch_value(UPSERT_HISTORY, written_until)
    return until
