"""The chatty peer's statements, one function each, on tables made by our own migrations."""

from typing import Any
from uuid import UUID

import msgspec
from asyncpg import Range

from benchmarks.peers.booking import LIVE_HOLDS, TOPIC, Asked
from evslot.values import ChargerId, Period, ReservationId, UserId

Connection = Any

INSERT_REQUEST = """
insert into inbox (command_id, fingerprint, type) values ($1, $2, 'reservation.HoldSlot')
on conflict (command_id) do nothing returning true"""
KNOWN_REQUEST = """
select fingerprint, answer from inbox where command_id = $1 for update"""
ANSWER_REQUEST = """
update inbox set state = 'answered', answer = $2, answered_at = now() where command_id = $1"""
LOCK_DRIVER = """
insert into driver_use (driver_id, last_hold_at) values ($1, now())
on conflict (driver_id) do update set last_hold_at = excluded.last_hold_at"""
LIVE = """
select count(*) from reservation
where driver_id = $1 and state = 'held' and held_until > now()"""
LAPSED = """
select reservation_id from reservation
where charger_id = $1 and state = 'held' and held_until <= now()
order by reservation_id for update"""
EXPIRE = """
update reservation set state = 'expired', version = version + 1, changed_at = now()
where reservation_id = any($1::uuid[])"""
FREE = """
delete from occupancy where ref = any($1::uuid[])"""
TELL_EXPIRED = """
insert into story (reservation_id, version, at, what, by_role)
select reservation_id, version, changed_at, 'expired', 'system'
from reservation where reservation_id = any($1::uuid[])"""
CLAIM = """
insert into occupancy (station_id, charger_id, during, kind, ref, held_until)
values ($1, $2, $3, 'hold', $4, $5)
on conflict on constraint occupancy_no_overlap do nothing returning true"""
INSERT_RESERVATION = """
insert into reservation (
  reservation_id, version, state, station_id, organisation_id, charger_id, charger_label,
  station_name, zone, driver_id, payer_id, created_by, kind, period, occupied, held_until,
  prolonged, total_amount, currency, lines, terms, terms_version, tariff_version, quote_id, code,
  created_at, changed_at)
values ($1, 1, 'held', $2, $3, $4, $5, $6, $7, $8, $8, $8, 'charger', $9, $10, $11, false, $12,
        $13, $14, $15, $16, $17, $18, $19, $20, $20)"""
INSERT_STORY = """
insert into story (reservation_id, version, at, what, by_role, by_user)
values ($1, 1, $2, 'held', 'driver', $3)"""
INSERT_EVENT = """
insert into outbox (topic, key, envelope, body) values ($1, $2, $3, $4)"""


async def insert_request(connection: Connection, asked: Asked) -> bool:
    """False where this key was used before."""
    return bool(await connection.fetchval(INSERT_REQUEST, asked.command_id, asked.fingerprint))


async def known_request(connection: Connection, command_id: UUID) -> tuple[bytes, bytes | None]:
    """Fingerprint and answer."""
    row = await connection.fetchrow(KNOWN_REQUEST, command_id)
    return row["fingerprint"], row["answer"]


async def answer_request(connection: Connection, command_id: UUID, answer: bytes) -> None:
    await connection.execute(ANSWER_REQUEST, command_id, answer)


async def lock_driver(connection: Connection, driver_id: UserId) -> None:
    await connection.execute(LOCK_DRIVER, driver_id)


async def has_room(connection: Connection, driver_id: UserId) -> bool:
    """Whether the quota of live holds allows one more."""
    return bool(await connection.fetchval(LIVE, driver_id) < LIVE_HOLDS)


async def expire_lapsed(connection: Connection, charger_id: ChargerId) -> None:
    rows = await connection.fetch(LAPSED, charger_id)
    if not rows:
        return
    lapsed = [row["reservation_id"] for row in rows]
    await connection.execute(EXPIRE, lapsed)
    await connection.execute(FREE, lapsed)
    await connection.execute(TELL_EXPIRED, lapsed)


async def claim(connection: Connection, asked: Asked) -> bool:
    """False where the slot is taken."""
    reservation = asked.reservation
    return bool(
        await connection.fetchval(
            CLAIM,
            reservation.station_id,
            reservation.charger_id,
            range_of(asked.hold.claim),
            reservation.reservation_id,
            reservation.held_until,
        )
    )


async def insert_reservation(connection: Connection, asked: Asked) -> None:
    reservation = asked.reservation
    await connection.execute(
        INSERT_RESERVATION,
        reservation.reservation_id,
        reservation.station_id,
        reservation.organisation_id,
        reservation.charger_id,
        reservation.charger_label,
        reservation.station_name,
        reservation.zone,
        reservation.driver_id,
        range_of(reservation.period),
        range_of(reservation.occupied),
        reservation.held_until,
        reservation.total.amount,
        reservation.total.currency,
        msgspec.json.encode(reservation.lines).decode(),
        msgspec.json.encode(reservation.terms).decode(),
        reservation.terms.version,
        reservation.tariff_version,
        asked.hold.booking.quote_id,
        reservation.code,
        reservation.created_at,
    )


async def insert_story(connection: Connection, asked: Asked) -> None:
    reservation = asked.reservation
    await connection.execute(
        INSERT_STORY, _id(asked), reservation.created_at, reservation.driver_id
    )


async def insert_event(connection: Connection, asked: Asked) -> None:
    await connection.execute(
        INSERT_EVENT, TOPIC, asked.reservation.bucket, asked.event_envelope, asked.event
    )


def range_of(period: Period) -> Range:
    """Half-open."""
    return Range(period.start, period.end)


def _id(asked: Asked) -> ReservationId:
    return asked.reservation.reservation_id
