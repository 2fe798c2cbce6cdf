"""Writes of bookings as last heard, and of the reminders that are due for them."""

from uuid import UUID

import msgspec

from evslot.services.notification.domain.facts import BookingFacts
from evslot.services.notification.domain.reminding import Reminder
from evslot.services.reservation.messages import Reservation
from evslot.spine.message import encode
from evslot.spine.transaction import Row, Transaction


async def upsert_booking(tx: Transaction, booking: Reservation, facts: BookingFacts) -> bool:
    """False where this version, or a later one, is known, or the driver is gone or made up."""
    return bool(
        await tx.execute(
            """insert into booking (reservation_id, driver_id, version, state, payment_id, facts,
                                    ends_at)
               select $1, $2, $3, $4, $5, $6::jsonb, $7
               where not exists (select from person
                                 where user_id = $2 and (made_up or erased_at is not null))
               on conflict (reservation_id) do update
                 set version = excluded.version, state = excluded.state,
                     payment_id = excluded.payment_id, facts = excluded.facts,
                     ends_at = excluded.ends_at
               where booking.version < excluded.version""",
            booking.reservation_id,
            booking.driver_id,
            booking.version,
            booking.state,
            booking.payment_id,
            encode(facts).decode(),
            booking.period.end,
        )
    )


async def find_booking(tx: Transaction, reservation_id: UUID) -> BookingFacts | None:
    """A booking that was confirmed once."""
    facts = await tx.fetch_value(
        "select facts from booking where reservation_id = $1", reservation_id
    )
    return None if facts is None else msgspec.json.decode(facts, type=BookingFacts)


async def insert_reminder(tx: Transaction, reservation_id: UUID, reminder: Reminder) -> None:
    await tx.execute(
        """insert into reminder (reservation_id, kind, due_at) values ($1, $2, $3)
           on conflict (reservation_id, kind) do update set due_at = excluded.due_at""",
        reservation_id,
        reminder.kind,
        reminder.due_at,
    )


async def delete_reminders(tx: Transaction, reservation_id: UUID) -> None:
    await tx.execute("delete from reminder where reservation_id = $1", reservation_id)


async def take_reminders(tx: Transaction, limit: int) -> list[Row]:
    """Those that are due, the oldest first; they are gone from the table."""
    return await tx.fetch(
        """delete from reminder r using booking b
           where b.reservation_id = r.reservation_id
             and (r.reservation_id, r.kind) in (
               select reservation_id, kind from reminder where due_at <= $1
               order by due_at limit $2 for update skip locked)
           returning r.kind, r.due_at, b.driver_id, b.facts""",
        tx.now,
        limit,
    )
