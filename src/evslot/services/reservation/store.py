"""SQL of the write side: bookings, their stories, and what they claim on the chargers.

Locks are taken in one order everywhere: drivers, reservations, occupancy; each sorted.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from evslot.services.reservation.domain.booking import Booking, Told
from evslot.services.reservation.domain.holding import Hold
from evslot.services.reservation.messages import Reservation
from evslot.spine.transaction import Transaction
from evslot.values import ChargerId, Money, Period, PriceLine, ReservationId, Terms, UserId

LOCK_DRIVERS = """
insert into driver_use (driver_id, last_hold_at)
select driver_id, $2 from unnest($1::uuid[]) as asking(driver_id) order by driver_id
on conflict (driver_id) do update set last_hold_at = excluded.last_hold_at"""


async def lock_drivers(tx: Transaction, drivers: Iterable[UserId]) -> None:
    """From here to the commit nobody else judges these drivers' rules. Sorted: no deadlock."""
    await tx.execute(LOCK_DRIVERS, sorted(drivers), tx.now)


OWN_BOOKINGS = """
select * from reservation
where driver_id = any($1::uuid[]) and state in ('held', 'confirmed', 'active')
  and (state = 'held' or upper(occupied) > $2)
union all
select * from reservation
where driver_id = any($1::uuid[]) and state = 'expired' and held_until > $2 - interval '25 hours'"""


async def find_own_bookings(
    tx: Transaction, drivers: Iterable[UserId]
) -> dict[UserId, list[Booking]]:
    """What the rules of a driver look at: live bookings, and holds that lapsed in the last day.

    A statement after the lock, so that it sees what was committed while the lock was waited for.
    """
    own: dict[UserId, list[Booking]] = {}
    for row in await tx.fetch(OWN_BOOKINGS, sorted(drivers), tx.now):
        own.setdefault(row["driver_id"], []).append(booking_of(row))
    return own


LAPSED_ON = """
select reservation_id from reservation
where state = 'held' and charger_id = any($1::uuid[]) and held_until <= $2
order by reservation_id for update"""


async def expire_lapsed_on(tx: Transaction, chargers: Iterable[ChargerId]) -> list[Booking]:
    """Free the chargers somebody wants of lapsed holds, swept or not.

    Never in one statement with the insert that wants the slot: that one would not see it free.
    """
    rows = await tx.fetch(LAPSED_ON, sorted(chargers), tx.now)
    return await _expire(tx, [row["reservation_id"] for row in rows])


LAPSED = """
select reservation_id from reservation
where state = 'held' and held_until <= $1
order by held_until limit $2 for update skip locked"""


async def expire_lapsed(tx: Transaction, limit: int) -> list[Booking]:
    """Free what lapsed anywhere, longest ago first; what somebody has at hand is left to them."""
    rows = await tx.fetch(LAPSED, tx.now, limit)
    return await _expire(tx, sorted(row["reservation_id"] for row in rows))


EXPIRE = """
with expired as (
  update reservation set state = 'expired', version = version + 1, changed_at = $2
  where reservation_id = any($1::uuid[])
  returning *),
freed as (
  delete from occupancy using expired where occupancy.ref = expired.reservation_id),
told as (
  insert into story (reservation_id, version, at, what, by_role)
  select reservation_id, version, changed_at, 'expired', 'system' from expired)
select * from expired order by reservation_id"""


async def _expire(tx: Transaction, lapsed: Sequence[ReservationId]) -> list[Booking]:
    if not lapsed:
        return []
    rows = await tx.fetch(EXPIRE, lapsed, tx.now)
    await give_back_buffers(tx, over=lapsed)
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
    claims = [_claim_row(hold) for hold in holds]
    rows = await tx.fetch(
        INSERT_HOLDS, _json(claims), _json([_row(hold.booking) for hold in holds])
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


GIVE_BACK_BUFFERS = """
with cut as (
  select earlier.reservation_id
  from reservation over join reservation earlier
    on earlier.driver_id = over.driver_id and earlier.charger_id = over.charger_id
    and upper(earlier.period) <= lower(over.period)
    and upper(earlier.occupied) > lower(over.period)
  where over.reservation_id = any($1::uuid[]) and earlier.state in ('held', 'confirmed', 'active')
  union
  select unnest($2::uuid[]))
insert into occupancy (station_id, charger_id, during, kind, ref, held_until)
select claim.station_id, claim.charger_id, tstzrange(upper(r.period), upper(r.occupied)),
       claim.kind, claim.ref, claim.held_until
from cut join reservation r using (reservation_id)
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


LOCK_RESERVATION = """
select * from reservation where reservation_id = $1 for update"""


async def lock_reservation(tx: Transaction, reservation_id: ReservationId) -> Booking | None:
    """The booking as it is now; nobody else changes it before the commit."""
    row = await tx.fetch_row(LOCK_RESERVATION, reservation_id)
    return booking_of(row) if row else None


UPDATE_RESERVATION = """
with changed as (
  update reservation set
    version = $2, state = $3, held_until = $4, prolonged = $5, payment_id = $6,
    payment_state = $7, fee_amount = $8, changed_at = $9
  where reservation_id = $1 and version = $2 - 1
  returning reservation_id, version, changed_at)
insert into story (reservation_id, version, at, what, by_role, by_user, reason)
select reservation_id, version, changed_at, $10, $11, $12, $13 from changed"""


async def update_reservation(tx: Transaction, booking: Booking, told: Told) -> None:
    """Write the next version of a locked booking with its line of the story."""
    reservation = booking.reservation
    changed = await tx.execute(
        UPDATE_RESERVATION,
        reservation.reservation_id,
        reservation.version,
        reservation.state,
        reservation.held_until,
        booking.prolonged,
        reservation.payment_id,
        reservation.payment_state,
        reservation.fee.amount if reservation.fee else None,
        reservation.changed_at,
        told.what,
        told.by,
        told.user_id,
        told.reason,
    )
    if changed != 1:
        raise LookupError(f"version {reservation.version} does not follow; lock before changing")


CONFIRM_RESERVATION = """
with confirmed as (
  update reservation set
    state = 'confirmed', version = $2, payment_state = $3, confirmed_at = $4, changed_at = $4
  where reservation_id = $1 and version = $2 - 1
    and state = 'held' and held_until > clock_timestamp()
  returning reservation_id, version, changed_at),
kept as (
  update occupancy set kind = 'booking', held_until = null
  from confirmed where occupancy.ref = confirmed.reservation_id)
insert into story (reservation_id, version, at, what, by_role)
select reservation_id, version, changed_at, 'confirmed', $5 from confirmed"""


async def confirm_reservation(tx: Transaction, booking: Booking, told: Told) -> bool:
    """Make a hold stand; False where it lapsed a moment ago, by the database's clock."""
    reservation = booking.reservation
    confirmed = await tx.execute(
        CONFIRM_RESERVATION,
        reservation.reservation_id,
        reservation.version,
        reservation.payment_state,
        booking.confirmed_at,
        told.by,
    )
    return confirmed == 1


PROLONG_OCCUPANCY = """
update occupancy set held_until = $2 where ref = $1 and kind = 'hold'"""


async def prolong_occupancy(tx: Transaction, booking: Booking) -> None:
    """The claim lasts as long as the hold."""
    reservation = booking.reservation
    await tx.execute(PROLONG_OCCUPANCY, reservation.reservation_id, reservation.held_until)


DELETE_OCCUPANCY = """
delete from occupancy where ref = $1"""


async def delete_occupancy(tx: Transaction, over: ReservationId) -> None:
    """The charger is free again, but for the buffer of the driver's slot before."""
    await tx.execute(DELETE_OCCUPANCY, over)
    await give_back_buffers(tx, over=[over])


LAST_TOLD = """
select r.*, s.what, s.by_role, s.by_user, s.reason
from reservation r join story s on s.reservation_id = r.reservation_id and s.version = r.version
where upper(r.occupied) > $1 and ($2::uuid is null or r.reservation_id > $2)
order by r.reservation_id limit $3"""


async def find_last_told(
    tx: Transaction, after: UUID | None, limit: int
) -> list[tuple[Booking, Told]]:
    """Bookings whose time is not over, each with the last line of its story; by id."""
    return [
        (
            booking_of(row),
            Told(what=row["what"], by=row["by_role"], user_id=row["by_user"], reason=row["reason"]),
        )
        for row in await tx.fetch(LAST_TOLD, tx.now, after, limit)
    ]


def booking_of(row: Mapping[str, Any]) -> Booking:
    """A row of `reservation`."""
    fee = row["fee_amount"]
    reservation = Reservation(
        reservation_id=row["reservation_id"],
        version=row["version"],
        state=row["state"],
        station_id=row["station_id"],
        organisation_id=row["organisation_id"],
        charger_id=row["charger_id"],
        charger_label=row["charger_label"],
        station_name=row["station_name"],
        zone=row["zone"],
        driver_id=row["driver_id"],
        vehicle_id=row["vehicle_id"],
        period=Period(row["period"].lower, row["period"].upper),
        occupied=Period(row["occupied"].lower, row["occupied"].upper),
        held_until=row["held_until"],
        total=Money(row["total_amount"], row["currency"]),
        lines=msgspec.json.decode(row["lines"], type=tuple[PriceLine, ...]),
        terms=msgspec.json.decode(row["terms"], type=Terms),
        tariff_version=row["tariff_version"],
        code=row["code"],
        payment_id=row["payment_id"],
        payment_state=row["payment_state"],
        fee=None if fee is None else Money(fee, row["currency"]),
        created_at=row["created_at"],
        changed_at=row["changed_at"],
    )
    return Booking(
        reservation=reservation,
        payer_id=row["payer_id"],
        created_by=row["created_by"],
        quote_id=row["quote_id"],
        prolonged=row["prolonged"],
        confirmed_at=row["confirmed_at"],
    )


def _row(booking: Booking) -> dict[str, Any]:
    """A fresh hold as a row of `reservation`."""
    reservation = booking.reservation
    row = msgspec.structs.asdict(reservation)
    total: Money = row.pop("total")
    return row | {
        "payer_id": booking.payer_id,
        "created_by": booking.created_by,
        "quote_id": booking.quote_id,
        "prolonged": booking.prolonged,
        "kind": "charger",
        "period": _range(reservation.period),
        "occupied": _range(reservation.occupied),
        "total_amount": total.amount,
        "currency": total.currency,
        "terms_version": reservation.terms.version,
    }


def _claim_row(hold: Hold) -> dict[str, Any]:
    reservation = hold.booking.reservation
    return {
        "station_id": reservation.station_id,
        "charger_id": reservation.charger_id,
        "during": _range(hold.claim),
        "kind": "hold",
        "ref": reservation.reservation_id,
        "held_until": reservation.held_until,
    }


def _range(period: Period) -> str:
    return f"[{period.start.isoformat()},{period.end.isoformat()})"


def _json(rows: list[dict[str, Any]]) -> str:
    return msgspec.json.encode(rows).decode()
