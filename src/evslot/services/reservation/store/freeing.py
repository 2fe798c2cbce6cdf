"""Freeing chargers: the claims of whatever ends go through here, and closures take them over."""

from collections.abc import Sequence
from uuid import UUID

from evslot.spine.transaction import Row, Transaction
from evslot.values import ReservationId

DELETE_CLAIMS = """
delete from occupancy where ref = any($1::uuid[]) returning station_id, charger_id, during"""


async def free_claims(tx: Transaction, over: Sequence[ReservationId]) -> None:
    """The chargers of these bookings are free again, but for two things that come first: the
    buffer of the driver's slot before, and closures, which take what is left of the piece.

    Each booking has to be locked: a closure that is just being set waits for it, or is seen here.
    """
    freed = await tx.fetch(DELETE_CLAIMS, over)
    await give_back_buffers(tx, over=over)
    await _hand_over(tx, freed)


async def free_closure(tx: Transaction, closure_id: UUID) -> None:
    """What a lifted closure occupied is free, but for what another closure wants of it."""
    await _hand_over(tx, await tx.fetch(DELETE_CLAIMS, [closure_id]))


# Locked, so that a closure that is just being lifted gets nothing more; two closures that want the
# same share it by age. Never in one statement with the delete: the insert would not see it free.
HAND_OVER = """
with freed as (
  select station_id, charger_id, range_agg(during * tstzrange($4, null)) as during
  from unnest($1::uuid[], $2::uuid[], $3::tstzrange[]) as f (station_id, charger_id, during)
  group by station_id, charger_id),
standing as (
  select closure_id, charger_ids, during from closure
  where state = 'standing' and station_id = any($1::uuid[]) and upper(during) > $4
  order by closure_id for share),
wanted as (
  select s.closure_id, f.station_id, f.charger_id, f.during * multirange(s.during) as pieces
  from freed f join standing s on f.charger_id = any(s.charger_ids) and f.during && s.during),
shared as (
  select closure_id, station_id, charger_id,
    pieces
    - coalesce((select range_agg(o.during) from occupancy o
                where o.charger_id = w.charger_id and o.during && range_merge(w.pieces)), '{}')
    - coalesce(range_agg(pieces) over (partition by charger_id order by closure_id
                 rows between unbounded preceding and 1 preceding), '{}') as pieces
  from wanted w)
insert into occupancy (station_id, charger_id, during, kind, ref)
select station_id, charger_id, piece, 'closure', closure_id
from shared, unnest(pieces) as piece
order by charger_id, piece
on conflict on constraint occupancy_no_overlap do nothing"""


async def _hand_over(tx: Transaction, freed: Sequence[Row]) -> None:
    if freed:
        columns = [[row[name] for row in freed] for name in ("station_id", "charger_id", "during")]
        await tx.execute(HAND_OVER, *columns, tx.now)


# The earlier booking is locked: it may be ending at this moment, and wants no buffer then.
GIVE_BACK_BUFFERS = """
with cut as (
  select earlier.reservation_id
  from reservation over join reservation earlier
    on earlier.driver_id = over.driver_id and earlier.charger_id = over.charger_id
    and upper(earlier.period) <= lower(over.period)
    and upper(earlier.occupied) > lower(over.period)
  where over.reservation_id = any($1::uuid[]) and earlier.state in ('held', 'confirmed', 'active')
  union
  select unnest($2::uuid[])),
living as (
  select reservation_id, period, occupied from reservation
  where reservation_id in (select reservation_id from cut)
    and state in ('held', 'confirmed', 'active')
  order by reservation_id for update)
insert into occupancy (station_id, charger_id, during, kind, ref, held_until)
select claim.station_id, claim.charger_id, tstzrange(upper(r.period), upper(r.occupied)),
       claim.kind, claim.ref, claim.held_until
from living r
join occupancy claim on claim.ref = r.reservation_id and upper(claim.during) = upper(r.period)
where upper(r.occupied) > upper(r.period)
order by claim.charger_id
on conflict on constraint occupancy_no_overlap do nothing"""


async def give_back_buffers(
    tx: Transaction, over: Sequence[ReservationId] = (), earlier: Sequence[ReservationId] = ()
) -> None:
    """Give `earlier` slots, and those that the driver had before `over`, their buffers again.

    Only where still free: a row of its own, because an insert can lose to somebody else where
    an update would fail.
    """
    await tx.execute(GIVE_BACK_BUFFERS, over, earlier)
