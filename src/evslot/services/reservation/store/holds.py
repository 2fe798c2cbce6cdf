"""Holds: the rules of a driver locked, what lapsed freed, and the claim itself."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from evslot.services.reservation.domain.booking import Booking, Own
from evslot.services.reservation.domain.holding import Crowd, Hold
from evslot.services.reservation.store.freeing import free_claims
from evslot.services.reservation.store.rows import booking_of, claim_row, json_of, own_of, row_of
from evslot.spine.transaction import Transaction
from evslot.values import ChargerId, ReservationId, UserId

LOCK_DRIVERS = """
insert into driver_use (driver_id, last_hold_at)
select driver_id, $2 from unnest($1::uuid[]) as asking(driver_id) order by driver_id
on conflict (driver_id) do update set last_hold_at = excluded.last_hold_at"""


async def lock_drivers(tx: Transaction, drivers: Iterable[UserId]) -> None:
    """From here to the commit nobody else judges these drivers' rules. Sorted: no deadlock."""
    await tx.execute(LOCK_DRIVERS, sorted(drivers), tx.now)


# A slot before the driver's own next one goes without its buffer, which that one gives back when it
# ends. So it must not end before the commit: locked, it ends later, or is seen as ended here.
OWN_AND_LAPSED = """
with lapsed as (
  select reservation_id from reservation
  where state = 'held' and charger_id = any($3::uuid[]) and held_until <= $2
  order by reservation_id for update),
near as (
  select * from reservation
  where driver_id = any($1::uuid[]) and state in ('held', 'confirmed', 'active')
    and (state = 'held' or upper(occupied) > $2) and charger_id = any($3::uuid[])
  order by reservation_id for share)
select driver_id, reservation_id, state, charger_id, vehicle_id, period, occupied, held_until
from near
union all
select driver_id, reservation_id, state, charger_id, vehicle_id, period, occupied, held_until
from reservation
where driver_id = any($1::uuid[]) and state in ('held', 'confirmed', 'active')
  and (state = 'held' or upper(occupied) > $2) and charger_id <> all($3::uuid[])
union all
select driver_id, reservation_id, state, charger_id, vehicle_id, period, occupied, held_until
from reservation
where driver_id = any($1::uuid[]) and state = 'expired' and held_until > $2 - interval '25 hours'
union all
select null, reservation_id, null, null, null, null, null, null from lapsed"""


class Around(Struct, frozen=True, kw_only=True):
    """What matters to some who want to hold something."""

    own: dict[UserId, list[Own]]
    """What the rules of a driver look at: live bookings, and holds lapsed in the last day."""
    lapsed: list[ReservationId]
    """Holds of anybody that lapsed on the wanted chargers, locked, swept or not."""


async def look_around(
    tx: Transaction, drivers: Iterable[UserId], chargers: Iterable[ChargerId]
) -> Around:
    """A statement after the drivers' lock: it sees what was committed while that was waited for."""
    around = Around(own={}, lapsed=[])
    for row in await tx.fetch(OWN_AND_LAPSED, sorted(drivers), tx.now, sorted(chargers)):
        if row["driver_id"] is None:
            around.lapsed.append(row["reservation_id"])
        else:
            around.own.setdefault(row["driver_id"], []).append(own_of(row))
    return around


NEWCOMERS = """
with paid as (
  select distinct driver_id from reservation
  where driver_id = any($1::uuid[]) and confirmed_at is not null and total_amount > 0),
unpaid as (
  select charger_id, lower(period) as starts, zone from reservation held
  where state = 'held' and charger_id = any($3::uuid[]) and held_until > $2
    and not exists (
      select from reservation before where before.driver_id = held.driver_id
        and before.confirmed_at is not null and before.total_amount > 0))
select driver_id, null::uuid as charger_id, null::timestamptz as starts, null as zone from paid
union all
select null, charger_id, starts, zone from unpaid"""


async def crowd(tx: Transaction, drivers: Iterable[UserId], chargers: Iterable[ChargerId]) -> Crowd:
    """Who of these has paid before, and what of these chargers is held by those who have not."""
    rows = await tx.fetch(NEWCOMERS, sorted(drivers), tx.now, sorted(chargers))
    return Crowd(
        [row["driver_id"] for row in rows if row["driver_id"] is not None],
        [
            (row["charger_id"], row["starts"], row["zone"])
            for row in rows
            if row["driver_id"] is None
        ],
    )


LAPSED_ON = """
select reservation_id from reservation
where state = 'held' and charger_id = any($1::uuid[]) and held_until <= $2
order by reservation_id for update"""


async def expire_lapsed_on(tx: Transaction, chargers: Iterable[ChargerId]) -> list[Booking]:
    """Free chargers of lapsed holds, swept or not."""
    rows = await tx.fetch(LAPSED_ON, sorted(chargers), tx.now)
    return await expire(tx, [row["reservation_id"] for row in rows])


LAPSED = """
select reservation_id from reservation
where state = 'held' and held_until <= $1
order by held_until limit $2 for update skip locked"""


async def expire_lapsed(tx: Transaction, limit: int) -> list[Booking]:
    """Free what lapsed anywhere, longest ago first; what somebody has at hand is left to them."""
    rows = await tx.fetch(LAPSED, tx.now, limit)
    return await expire(tx, sorted(row["reservation_id"] for row in rows))


EXPIRE = """
with expired as (
  update reservation set state = 'expired', version = version + 1, changed_at = $2
  where reservation_id = any($1::uuid[])
  returning *),
told as (
  insert into story (reservation_id, version, at, what, by_role)
  select reservation_id, version, changed_at, 'expired', 'system' from expired)
select * from expired order by reservation_id"""


async def expire(tx: Transaction, lapsed: Sequence[ReservationId]) -> list[Booking]:
    """End holds that are locked, and free what they claim.

    Never in one statement with the insert that wants the slot: that one would not see it free.
    """
    if not lapsed:
        return []
    rows = await tx.fetch(EXPIRE, lapsed, tx.now)
    await free_claims(tx, lapsed)
    return [booking_of(row) for row in rows]


INSERT_HOLDS = """
with claimed as (
  insert into occupancy
  select station_id, charger_id, during, kind, ref, held_until
  from jsonb_populate_recordset(null::occupancy, $1::jsonb) with ordinality as
    claim(station_id, charger_id, during, kind, ref, held_until, arrival)
  order by charger_id, arrival
  on conflict on constraint occupancy_no_overlap do nothing
  returning ref),
held as (
  insert into reservation
  select wished.* from jsonb_populate_recordset(null::reservation, $2::jsonb) as wished
  join claimed on claimed.ref = wished.reservation_id
  returning reservation_id, version, created_at, driver_id)
insert into story (reservation_id, version, at, what, by_role, by_user)
select reservation_id, version, created_at, 'held', 'driver', driver_id from held
returning reservation_id"""


async def insert_holds(tx: Transaction, holds: Sequence[Hold]) -> set[ReservationId]:
    """Try holds in order of arrival; answers those that got their slot.

    The exclusion constraint decides, also between holds of one call. Sorted by charger, so that
    two processes wait for each other in one direction only.
    """
    claims = [claim_row(hold) for hold in holds]
    rows = await tx.fetch(
        INSERT_HOLDS, json_of(claims), json_of([row_of(hold.booking) for hold in holds])
    )
    return {row["reservation_id"] for row in rows}


CUT_BUFFERS = """
with pieces as (
  delete from occupancy using reservation r
  where r.reservation_id = any($1::uuid[]) and ref = r.reservation_id
    and lower(during) >= upper(r.period))
update occupancy set during = tstzrange(lower(during), upper(r.period))
from reservation r
where r.reservation_id = any($1::uuid[]) and ref = r.reservation_id
  and lower(during) < upper(r.period) and upper(during) > upper(r.period)"""


async def cut_buffers(tx: Transaction, earlier: Sequence[ReservationId]) -> None:
    """Cut bookings to their own period, for the next slot of the same driver."""
    await tx.execute(CUT_BUFFERS, sorted(earlier))
