"""Closures: what an operator takes out of use, gap by gap, and whose stations they are."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from msgspec import Struct

from evslot.services.reservation.messages import Closure, TouchedBooking
from evslot.services.reservation.store.rows import range_of
from evslot.spine.transaction import Reader, Transaction
from evslot.values import ChargerId, OrganisationId, Period, ReservationId, StationId, UserId

TOUCHED_SHOWN = 500
"""More would not fit a record."""


class Station(Struct, frozen=True, kw_only=True):
    """What is known here of a station: whose it is, and its chargers."""

    station_id: StationId
    organisation_id: OrganisationId | None
    charger_ids: tuple[ChargerId, ...]


UPSERT_STATION = """
insert into station (station_id, version, organisation_id, charger_ids)
values ($1, $2, $3, $4)
on conflict (station_id) do update set
  version = excluded.version, organisation_id = excluded.organisation_id,
  charger_ids = excluded.charger_ids
where station.version < excluded.version"""


async def upsert_station(tx: Transaction, station: Station, version: int) -> None:
    """Unless a later version is known already."""
    await tx.execute(
        UPSERT_STATION,
        station.station_id,
        version,
        station.organisation_id,
        station.charger_ids,
    )


LOCK_STATION = """
select station_id, organisation_id, charger_ids from station where station_id = $1 for update"""


async def lock_station(tx: Transaction, station_id: StationId) -> Station | None:
    """Closures of a station are set and lifted one after the other."""
    row = await tx.fetch_row(LOCK_STATION, station_id)
    return station_of(row) if row else None


INSERT_CLOSURE = """
insert into closure (closure_id, version, station_id, organisation_id, charger_ids, during, reason,
  state, created_by, created_at, changed_at)
values ($1, $2, $3, $4, $5, $6::text::tstzrange, $7, $8, $9, $10, $11)
on conflict (closure_id) do nothing"""


async def insert_closure(tx: Transaction, closure: Closure, created_by: UserId) -> bool:
    """False where the id is taken."""
    inserted = await tx.execute(
        INSERT_CLOSURE,
        closure.closure_id,
        closure.version,
        closure.station_id,
        closure.organisation_id,
        sorted(closure.charger_ids),
        range_of(closure.period),
        closure.reason,
        closure.state,
        created_by,
        closure.created_at,
        closure.changed_at,
    )
    return inserted == 1


LOCK_BOOKINGS = """
select reservation_id from reservation
where reservation_id = any(array(
  select ref from occupancy
  where charger_id = any($1::uuid[]) and during && $2::text::tstzrange
    and kind in ('hold', 'booking')))
order by reservation_id for update"""


async def lock_bookings(
    tx: Transaction, chargers: Iterable[ChargerId], period: Period
) -> set[ReservationId]:
    """Whoever frees one of these has committed, or waits until the closure has."""
    rows = await tx.fetch(LOCK_BOOKINGS, sorted(chargers), range_of(period))
    return {row["reservation_id"] for row in rows}


# Sorted by charger, as holds are: both wait for each other in one direction only.
TAKE_GAPS = """
with there as (
  select w.charger_id, coalesce(range_agg(o.during), '{}') as taken,
    array_agg(o.ref) filter (where o.kind in ('hold', 'booking')) as refs
  from unnest($3::uuid[]) as w (charger_id)
  left join occupancy o on o.charger_id = w.charger_id and o.during && $4::text::tstzrange
  group by w.charger_id),
gaps as (
  select charger_id, gap
  from there, unnest(multirange($4::text::tstzrange) - taken) as gap),
took as (
  insert into occupancy (station_id, charger_id, during, kind, ref)
  select $2, charger_id, gap, 'closure', $1 from gaps order by charger_id, gap
  on conflict on constraint occupancy_no_overlap do nothing)
select (select count(*) from gaps) as gaps, array(select unnest(refs) from there) as refs"""


class Gaps(Struct, frozen=True, kw_only=True):
    """What a look at the chargers found, and took where nobody was faster."""

    count: int
    booked: set[ReservationId]
    """The bookings between the gaps."""


async def take_gaps(tx: Transaction, closure: Closure) -> Gaps:
    """Take all that is free of a closure's chargers and period, as it is at this moment."""
    row = await tx.fetch_row(
        TAKE_GAPS,
        closure.closure_id,
        closure.station_id,
        sorted(closure.charger_ids),
        range_of(closure.period),
    )
    assert row is not None
    return Gaps(count=row["gaps"], booked=set(row["refs"]))


INSERT_TOUCHED = """
insert into closure_touched (closure_id, reservation_id)
select $1, reservation_id from reservation
where reservation_id = any($2::uuid[]) and period && $3::text::tstzrange"""


async def insert_touched(
    tx: Transaction, closure: Closure, bookings: Iterable[ReservationId]
) -> None:
    """Those of the bookings on its chargers whose own time it touches, not only their buffer."""
    await tx.execute(INSERT_TOUCHED, closure.closure_id, sorted(bookings), range_of(closure.period))


LOCK_CLOSURE = """
select * from closure where closure_id = $1 and station_id = $2 for update"""


async def lock_closure(tx: Transaction, station_id: StationId, closure_id: UUID) -> Closure | None:
    """Waits for those who hand freed pieces over to it."""
    row = await tx.fetch_row(LOCK_CLOSURE, closure_id, station_id)
    return closure_of(row) if row else None


UPDATE_CLOSURE = """
update closure set version = $2, state = $3, changed_at = $4 where closure_id = $1"""


async def update_closure(tx: Transaction, closure: Closure) -> None:
    """Write the next version of a locked closure."""
    await tx.execute(
        UPDATE_CLOSURE, closure.closure_id, closure.version, closure.state, closure.changed_at
    )


FORGET_PIECES = """
delete from occupancy where (ref, charger_id, during) in (
  select ref, charger_id, during from occupancy
  where kind = 'closure' and upper(during) <= $1
  order by upper(during) limit $2 for update skip locked)"""


async def forget_closed_pieces(tx: Transaction, limit: int) -> None:
    """A row of occupancy stands for something that occupies; these are over."""
    await tx.execute(FORGET_PIECES, tx.now, limit)


CLOSURES_AFTER = """
select * from closure
where upper(during) > $1 and ($2::uuid is null or closure_id > $2)
order by closure_id limit $3"""


async def find_closures_after(tx: Transaction, after: UUID | None, limit: int) -> list[Closure]:
    """Closures whose time is not over, by id."""
    return [closure_of(row) for row in await tx.fetch(CLOSURES_AFTER, tx.now, after, limit)]


def station_of(row: Mapping[str, Any]) -> Station:
    """A row of `station`."""
    return Station(
        station_id=row["station_id"],
        organisation_id=row["organisation_id"],
        charger_ids=tuple(row["charger_ids"]),
    )


def closure_of(row: Mapping[str, Any]) -> Closure:
    """A row of `closure`."""
    return Closure(
        closure_id=row["closure_id"],
        version=row["version"],
        station_id=row["station_id"],
        organisation_id=row["organisation_id"],
        charger_ids=tuple(row["charger_ids"]),
        period=Period(row["during"].lower, row["during"].upper),
        reason=row["reason"],
        state=row["state"],
        created_at=row["created_at"],
        changed_at=row["changed_at"],
    )


TOUCHED = """
select r.reservation_id, r.state, r.charger_id, r.charger_label, r.period, r.code,
  count(*) over () as total
from closure_touched t join reservation r using (reservation_id)
where t.closure_id = $1
order by lower(r.period), r.reservation_id limit $2"""


async def find_touched(reader: Reader, closure_id: UUID) -> tuple[list[TouchedBooking], int]:
    """The first of the bookings that lived when a closure was set, and how many there are."""
    rows = await reader.fetch(TOUCHED, closure_id, TOUCHED_SHOWN)
    touched = [
        TouchedBooking(
            reservation_id=row["reservation_id"],
            state=row["state"],
            charger_id=row["charger_id"],
            charger_label=row["charger_label"],
            period=Period(row["period"].lower, row["period"].upper),
            code=row["code"],
        )
        for row in rows
    ]
    return touched, rows[0]["total"] if rows else 0
