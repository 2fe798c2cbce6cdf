"""Bookings: locked, written in their next version, ended, read again as they were told."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from evslot.services.reservation.domain.booking import Booking, Told
from evslot.services.reservation.store.freeing import free_claims
from evslot.services.reservation.store.rows import booking_of, json_of, range_of
from evslot.spine.transaction import Transaction
from evslot.values import Money, ReservationId, UserId

EARLY_TRIES = 3
"""Somebody may take the charger between the look and the claim, and give it back again."""

NIL = UUID(int=0)
"""Before every id."""


class InTheWay(Struct, frozen=True, kw_only=True):
    """What keeps a charger from being used early."""

    kind: str
    """hold, booking, offer, walk_in or closure."""
    until: datetime


LOCK_RESERVATION = """
select * from reservation where reservation_id = $1 for update"""


async def lock_reservation(tx: Transaction, reservation_id: ReservationId) -> Booking | None:
    """The booking as it is now; nobody else changes it before the commit."""
    row = await tx.fetch_row(LOCK_RESERVATION, reservation_id)
    return booking_of(row) if row else None


LOCK_WAITING = """
select * from reservation where driver_id = $1 and state in ('held', 'confirmed')
order by reservation_id for update"""


async def lock_waiting(tx: Transaction, driver_id: UserId) -> list[Booking]:
    """What a driver holds or has paid for and not begun; as many as the rules let them have."""
    return [booking_of(row) for row in await tx.fetch(LOCK_WAITING, driver_id)]


UPDATE_RESERVATION = """
with changed as (
  update reservation set
    version = $2, state = $3, held_until = $4, prolonged = $5, payment_id = $6,
    payment_state = $7, fee_amount = $8, changed_at = $9, occupied = $10::text::tstzrange,
    checked_in_at = $11, completed_at = $12
  where reservation_id = $1 and version = $2 - 1
  returning reservation_id, version, changed_at)
insert into story (reservation_id, version, at, what, by_role, by_user, reason, evidence)
select reservation_id, version, changed_at, $13, $14, $15, $16, $17::text::jsonb from changed"""


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
        range_of(reservation.occupied),
        reservation.checked_in_at,
        reservation.completed_at,
        told.what,
        told.by,
        told.user_id,
        told.reason,
        json_of(told.evidence) if told.evidence else None,
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


# What somebody has at hand is left to them: a completion, or the settling of its payment.
DUE = """
select * from reservation
where state in ('confirmed', 'active') and upper(occupied) <= $1
order by upper(occupied) limit $2 for update skip locked"""

END = """
with ended as (
  update reservation r set
    state = 'completed', version = version + 1, completed_at = upper(period), changed_at = $2,
    fee_amount = kept.fee
  from unnest($1::uuid[], $3::bigint[]) as kept (reservation_id, fee)
  where r.reservation_id = kept.reservation_id
  returning r.*),
told as (
  insert into story (reservation_id, version, at, what, by_role)
  select reservation_id, version, changed_at, 'ended', 'system' from ended)
select * from ended order by reservation_id"""


async def end_due(
    tx: Transaction, limit: int, fee_of: Callable[[Booking], Money | None]
) -> list[Booking]:
    """End bookings whose time, with the buffer, is over; longest ago first.

    `fee_of` says what is kept of the price, None where it is the price.
    """
    due = [booking_of(row) for row in await tx.fetch(DUE, tx.now, limit)]
    if not due:
        return []
    numbers = [booking.reservation.reservation_id for booking in due]
    fees = [None if (fee := fee_of(booking)) is None else fee.amount for booking in due]
    rows = await tx.fetch(END, numbers, tx.now, fees)
    await free_claims(tx, numbers)
    return [booking_of(row) for row in rows]


IN_THE_WAY = """
select kind, upper(during) as until from occupancy
where charger_id = $1 and during && tstzrange($2, $3)
order by upper(during) desc limit 1"""

CLAIM_EARLY = """
insert into occupancy (station_id, charger_id, during, kind, ref)
values ($1, $2, tstzrange($3, $4), 'booking', $5)
on conflict on constraint occupancy_no_overlap do nothing"""


async def claim_early(tx: Transaction, booking: Booking) -> InTheWay | None:
    """Take the charger from now to the start of a booking; answers what is in the way."""
    reservation = booking.reservation
    span = (tx.now, reservation.period.start)
    for _ in range(EARLY_TRIES):
        row = await tx.fetch_row(IN_THE_WAY, reservation.charger_id, *span)
        if row is not None:
            return InTheWay(kind=row["kind"], until=row["until"])
        ids = (reservation.station_id, reservation.charger_id)
        if await tx.execute(CLAIM_EARLY, *ids, *span, reservation.reservation_id):
            return None
    return InTheWay(kind="hold", until=reservation.period.start)


NUMBERS = """
select reservation_id from reservation where reservation_id > $1 order by reservation_id limit $2"""

# Money moves behind a booking's last change of state: that one is told again, too.
LAST_TOLD = """
select r.*, s.version as told_version, s.at, s.what, s.by_role, s.by_user, s.reason
from reservation r join story s using (reservation_id)
where r.reservation_id = any($1::uuid[]) and upper(r.occupied) > $2
  and (s.version = r.version or s.what = any(case r.state
    when 'active' then array['started']
    when 'completed' then array['completed', 'ended']
    when 'cancelled' then array['cancelled'] end))
order by r.reservation_id, s.version"""


async def find_last_told(
    tx: Transaction, after: UUID | None, looked_at: int
) -> tuple[list[tuple[Booking, Told]], UUID | None]:
    """Of the next so many bookings those whose time is not over, by id, with the lines that say
    how they stand; and how far that went, None at the end. An older line has the money of now.
    """
    numbers = [row["reservation_id"] for row in await tx.fetch(NUMBERS, after or NIL, looked_at)]
    lines = [
        (
            booking_of({**row, "version": row["told_version"], "changed_at": row["at"]}),
            Told(what=row["what"], by=row["by_role"], user_id=row["by_user"], reason=row["reason"]),
        )
        for row in await tx.fetch(LAST_TOLD, numbers, tx.now)
    ]
    return lines, numbers[-1] if numbers else None


FORGET_REASONS = """
with stories as (update story set reason = null where by_user = $1 and reason is not null)
update closure set reason = '' where created_by = $1 and reason <> ''"""


async def forget_reasons(tx: Transaction, user_id: UserId) -> None:
    """Empty what a person wrote; that it happened, when and by which role stays."""
    await tx.execute(FORGET_REASONS, user_id)
