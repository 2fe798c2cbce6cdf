"""Many bookings and closures of a reservation service under test, made of one in SQL."""

from datetime import timedelta

from tests.harness import Harness

from evslot.services.reservation.messages import Reservation

BOOKINGS = """
with copies as (
  insert into reservation
  select (jsonb_populate_record(r, jsonb_build_object(
    'reservation_id', gen_random_uuid(),
    'period', tstzrange(lower(period) + later, upper(period) + later),
    'occupied', tstzrange(lower(occupied) + later, upper(occupied) + later)))).*
  from reservation r, (select n * $3::interval from generate_series(1, $2::int) as n) as l (later)
  where reservation_id = $1
  returning reservation_id)
insert into story
select c.reservation_id, s.version, s.at, s.what, s.by_role, s.by_user, s.reason, s.evidence
from story s, copies c where s.reservation_id = $1"""

CLOSURES = """
insert into closure
select (jsonb_populate_record(c, jsonb_build_object('closure_id', gen_random_uuid()))).*
from closure c, generate_series(1, $1::int)"""


async def copy_booking(
    h: Harness, booking: Reservation, count: int, step: timedelta = timedelta(hours=1)
) -> None:
    """So many more with the same story, each a step later; they claim nothing."""
    await h.execute(BOOKINGS, booking.reservation_id, count, step)


async def copy_closures(h: Harness, count: int) -> None:
    await h.execute(CLOSURES, count)
