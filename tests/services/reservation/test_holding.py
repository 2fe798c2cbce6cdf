"""HoldSlot against a real database: who gets the slot, and who is told why not."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from msgspec.structs import replace
from tests.harness import Harness, driver
from tests.services.reservation.acting import (
    cancel,
    claims,
    confirmed,
    hold,
    lapse,
    names,
    now_of,
    pay,
    soon,
    token,
    wanting,
)
from tests.services.reservation.made_up import BUFFER, quote

from evslot.embedded.throwaway import PostgresServer
from evslot.services.reservation.messages import HoldSlot
from evslot.services.reservation.service import SERVICE
from evslot.spine.callers import ANONYMOUS
from evslot.spine.message import Refused
from evslot.values import ChargerId, VehicleId, bucket_of, station_bucket

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


async def refused(work: object) -> str:
    with pytest.raises(Refused) as no:
        await work  # type: ignore[misc]
    return no.value.code


async def test_hold_takes_the_slot_with_its_buffer_and_says_so(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me, start = driver(), soon()
        held = await hold(h, start, me)
        assert (held.state, held.version, held.driver_id) == ("held", 1, me.user_id)
        assert bucket_of(held.reservation_id) == station_bucket(held.station_id)
        assert held.held_until is not None
        assert held.held_until - held.created_at == timedelta(minutes=10)
        assert await claims(h) == [(start, start + HOUR + BUFFER, "hold")]
        assert names(h.events) == ["SlotHeld"]
        assert await now_of(h, held, me) == held


async def test_second_driver_is_refused_while_slot_is_held(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        start = soon()
        await hold(h, start, driver())
        for other in (start, start + 30 * MINUTE, start - 30 * MINUTE, start + HOUR):
            assert await refused(hold(h, other, driver())) == "slot_taken"
        await hold(h, start + HOUR + BUFFER, driver())


async def test_lapsed_hold_never_blocks_the_next_driver_swept_or_not(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        start, first, second, third = soon(), driver(), driver(), driver()
        one = await hold(h, start, first)
        await lapse(h, one)
        two = await hold(h, start + 30 * MINUTE, second)
        assert names(h.events) == ["SlotHeld", "HoldExpired", "SlotHeld"]
        assert (await now_of(h, one, first)).state == "expired"
        await lapse(h, two)
        await h.run_periodic()
        assert names(h.events)[3:] == ["HoldExpired"]
        assert await claims(h) == []
        await hold(h, start, third)


async def test_two_hundred_rivals_get_one_slot(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        start = soon()
        rivals = [(wanting(start), driver(), uuid4()) for _ in range(200)]
        answers = await h.submit_many(list(rivals))
        codes = [answer.code for answer in answers if answer is not None]
        assert codes == [None] + ["slot_taken"] * 199


async def test_rivals_on_overlapping_unequal_periods_never_overlap(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        for number in range(15):
            charger = ChargerId(uuid4())
            start = soon(24 + number)
            wishes = [
                wanting(start + (n % 7) * 15 * MINUTE, minutes=15 + n * 15 % 105, charger=charger)
                for n in range(20)
            ]
            batches = [[(w, driver(), uuid4())] for w in wishes[:8]]
            batches += [[(w, driver(), uuid4()) for w in wishes[8:]]]
            answered = await asyncio.gather(*(h.submit_many(list(b)) for b in batches))
            statuses = [a.status for batch in answered for a in batch if a is not None]
            assert set(statuses) == {200, 409}
        overlaps = await h.fetch_value(
            "select count(*) from occupancy a join occupancy b"
            " on a.charger_id = b.charger_id and a.during && b.during and a.ref < b.ref"
        )
        assert overlaps == 0


async def test_same_key_ten_times_is_one_hold(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me, number, wish = driver(), uuid4(), wanting(soon())
        first = await h.submit_many([(wish, me, number)] * 5)
        again = await h.submit_many([(wish, me, number)] * 5)
        bodies = {bytes(a.body) for a in first + again if a is not None and a.body is not None}
        assert len(bodies) == 1
        assert names(h.events) == ["SlotHeld"]
        other = wanting(soon())
        answer = await h.submit(other, caller=me, command_id=number)
        assert answer is not None
        assert answer.status == 422


async def test_three_live_holds_a_driver_across_chargers(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me = driver()
        holds = [await hold(h, soon(), me, charger=ChargerId(uuid4())) for _ in range(3)]
        assert await refused(hold(h, soon(48), me)) == "too_many_holds"
        await cancel(h, holds[0], me)
        await hold(h, soon(48), me)
        together = [
            (wanting(soon(72), charger=ChargerId(uuid4())), other, uuid4())
            for other in [driver()]
            for _ in range(5)
        ]
        answers = await h.submit_many(list(together))
        assert [a.status for a in answers if a] == [200, 200, 200, 409, 409]


async def test_after_two_lapsed_holds_a_charger_pauses(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me, start = driver(), soon()
        for _ in range(2):
            await lapse(h, await hold(h, start, me))
        with pytest.raises(Refused) as no:
            await hold(h, start, me)
        assert no.value.code == "hold_paused"
        assert datetime.fromisoformat(no.value.details["until"]) > datetime.now(UTC)
        await hold(h, start, me, charger=ChargerId(uuid4()))
        await hold(h, start, driver())


async def test_a_vehicle_is_not_booked_in_two_places(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me, car, start = driver(), VehicleId(uuid4()), soon()
        await hold(h, start, me, vehicle_id=car)
        elsewhere = ChargerId(uuid4())
        late = hold(h, start + 30 * MINUTE, me, vehicle_id=car, charger=elsewhere)
        assert await refused(late) == "vehicle_busy"
        await hold(h, start + HOUR, me, vehicle_id=car, charger=elsewhere)
        # A vehicle id that somebody else makes up blocks nobody.
        await hold(h, start, driver(), vehicle_id=car, charger=ChargerId(uuid4()))


async def test_forged_altered_and_outdated_quotes_are_refused(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me, now = driver(), datetime.now(UTC)
        good = token(quote(soon(), now=now))
        station, payload, mac = good.split(".", 2)
        cheaper = token(quote(soon(), now=now, price=1)).split(".")[1]
        forged = [
            f"{station}.{cheaper}.{mac}",
            f"{uuid4()}.{payload}.{mac}",
            f"{station}.{payload}.",
            f"{station}.{payload}",
            f"{station}..{mac}",
            good + "x",
            good[:-1],
        ]
        for wrong in forged:
            assert await refused(h.send(HoldSlot(quote=wrong), caller=me)) == "quote_invalid"
        old = quote(soon(), now=now - 16 * MINUTE)
        assert await refused(h.send(HoldSlot(quote=token(old)), caller=me)) == "quote_outdated"
        assert await claims(h) == []


async def test_only_signed_in_drivers_hold(postgres_server: PostgresServer) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        assert await refused(h.send(wanting(soon()), caller=ANONYMOUS)) == "unauthenticated"
        nobody = driver(roles=frozenset())
        assert await refused(h.send(wanting(soon()), caller=nobody)) == "drivers_only"


async def test_a_driver_takes_the_adjoining_slot_and_the_buffer_comes_back(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me, start = driver(), soon()
        first = await confirmed(h, start, me)
        second = await hold(h, start + HOUR, me)
        assert await claims(h) == [
            (start, start + HOUR, "booking"),
            (start + HOUR, start + 2 * HOUR + BUFFER, "hold"),
        ]
        await cancel(h, second, me)
        assert await claims(h) == [
            (start, start + HOUR, "booking"),
            (start + HOUR, start + HOUR + BUFFER, "booking"),
        ]
        again = await hold(h, start + HOUR, me)
        await lapse(h, again)
        await h.run_periodic()
        assert len(await claims(h)) == 2
        assert await refused(hold(h, start + HOUR, driver())) == "slot_taken"
        await cancel(h, first, me)
        assert await claims(h) == []


async def test_a_lost_adjoining_slot_leaves_the_buffer_where_it_was(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me, start = driver(), soon()
        first = await hold(h, start, me)
        await hold(h, start + HOUR + 30 * MINUTE, driver())
        assert await refused(hold(h, start + HOUR, me)) == "slot_taken"
        assert await refused(hold(h, start + HOUR, driver(), minutes=15)) == "slot_taken"
        await pay(h, first, me)
        pieces = await h.fetch("select kind from occupancy where ref = $1", first.reservation_id)
        assert {row["kind"] for row in pieces} == {"hold"}


async def test_a_slot_before_the_own_next_one_needs_no_buffer(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        me, start = driver(), soon()
        later = await hold(h, start + HOUR, me)
        await hold(h, start, me)
        await cancel(h, later, me)
        assert [c[1] for c in await claims(h)] == [start + HOUR, start + HOUR + BUFFER]


async def test_a_buffer_left_out_comes_back_though_the_next_slot_lapses_meanwhile(
    postgres_server: PostgresServer,
) -> None:
    """The sweep runs between the look and the claim, which waits for somebody's open claim."""
    async with Harness(SERVICE, postgres_server) as h, h.database.connection() as other:
        me, start = driver(), soon()
        later = await hold(h, start + HOUR, me)
        for table, key in (("reservation", "reservation_id"), ("occupancy", "ref")):
            await h.execute(
                f"update {table} set held_until = now() + interval '0.3 s' where {key} = $1",  # noqa: S608
                later.reservation_id,
            )
        rival = other.transaction()
        await rival.start()
        await other.execute(RIVAL, later.station_id, later.charger_id, start, start + MINUTE)
        holding = asyncio.create_task(hold(h, start, me))
        await until(h, WAITING)
        await until(h, "select from reservation where held_until < clock_timestamp()")
        await h.run_periodic()
        await rival.rollback()
        await holding
        await h.run_periodic()
        assert [claim[:2] for claim in await claims(h)] in (
            [(start, start + HOUR), (start + HOUR, start + HOUR + BUFFER)],
            [(start, start + HOUR + BUFFER)],
        )


RIVAL = """
insert into occupancy (station_id, charger_id, during, kind, ref)
values ($1, $2, tstzrange($3, $4), 'closure', gen_random_uuid())"""


WAITING = """
select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"""


async def until(h: Harness, sql: str) -> None:
    """Until the database finds something."""
    for _ in range(1000):
        if await h.fetch(sql):
            return
        await asyncio.sleep(0.01)
    raise TimeoutError(sql)


async def test_hold_of_a_slot_that_begins_now_ends_before_its_grace(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        begun = datetime.now(UTC).replace(second=0, microsecond=0) - 13 * MINUTE
        held = await hold(h, begun, driver())
        assert held.held_until == begun + 15 * MINUTE
        gone = quote(begun - 5 * MINUTE, now=datetime.now(UTC))
        code = await refused(h.send(HoldSlot(quote=token(gone)), caller=driver()))
        assert code == "quote_outdated"


async def test_a_quote_with_broken_periods_is_refused_even_if_signed(
    postgres_server: PostgresServer,
) -> None:
    async with Harness(SERVICE, postgres_server) as h:
        made = quote(soon(), now=datetime.now(UTC))
        broken = replace(made, occupied=made.period, period=made.occupied)
        code = await refused(h.send(HoldSlot(quote=token(broken)), caller=driver()))
        assert code == "quote_invalid"
