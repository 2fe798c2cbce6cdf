"""Live streams: the right events to the right people, resumed anywhere, bounded everywhere."""

import asyncio
from uuid import uuid4

import pytest

from evslot.embedded.throwaway import PostgresServer
from evslot.gateway.app import Gateway
from evslot.gateway.positions import from_text, to_text
from evslot.services.notification import messages as notification
from evslot.services.payment import messages as payment
from evslot.services.reservation import messages as reservation
from evslot.services.user import messages as user
from evslot.spine.config import Config
from evslot.values import (
    Money,
    NotificationId,
    OrganisationId,
    PaymentId,
    StationId,
    UserId,
    new_id,
)
from tests.gateway.edge_bench import Edge, environment
from tests.gateway.made_up import PERIOD, booking
from tests.gateway.small_live import follow, happen, small_live
from tests.harness import driver

pytestmark = pytest.mark.anyio


async def test_a_station_stream_tells_slots_and_nothing_personal(edge: Edge) -> None:
    station_id = StationId(new_id())
    async with edge.follow(f"/v1/live?station={station_id}") as stream:
        assert stream.response.headers["content-type"].startswith("text/event-stream")
        await stream.beginning()
        held = booking(station_id=station_id)
        await edge.responder.emit(reservation.SlotHeld(reservation=booking(), version=1))
        await edge.responder.emit(reservation.SlotHeld(reservation=held, version=1))
        name, slot = await stream.event()
        assert name == "slot"
        assert set(slot) == {
            "station_id",
            "charger_id",
            "state",
            "period",
            "occupied",
            "held_until",
        }
        assert (slot["state"], slot["charger_id"]) == ("taken", str(held.charger_id))
        gone = booking(station_id=station_id, state="expired", charger_id=held.charger_id)
        await edge.responder.emit(reservation.HoldExpired(reservation=gone, version=2))
        _, slot = await stream.event()
        assert (slot["state"], slot["held_until"]) == ("free", None)


async def test_one_stream_follows_several_stations_and_no_other(edge: Edge) -> None:
    """As a list or a map does that shows many."""
    here, there = StationId(new_id()), StationId(new_id())
    path = f"/v1/live?stations={here},{there}"
    async with edge.follow(path) as stream:
        await stream.beginning()
        for station_id in (here, StationId(new_id()), there):
            held = booking(station_id=station_id)
            await edge.responder.emit(reservation.SlotHeld(reservation=held, version=1))
        told = [(await stream.event())[1]["station_id"] for _ in range(2)]
        last = stream.last_id
    assert set(told) == {str(here), str(there)}
    missed = [booking(station_id=station_id) for station_id in (there, here)]
    for held in missed:
        await edge.responder.emit(reservation.SlotHeld(reservation=held, version=1))
    async with edge.follow(path, **{"Last-Event-ID": last}) as stream:
        again = [(await stream.event())[1]["charger_id"] for _ in missed]
    assert set(again) == {str(held.charger_id) for held in missed}


async def test_a_stream_of_too_many_or_nameless_stations_is_refused(edge: Edge) -> None:
    for stations in ("nowhere", ",".join([str(uuid4())] * 101)):
        answer = await edge.http.get("/v1/live", params={"stations": stations})
        assert answer.status_code == 422


async def test_a_station_stream_tells_that_the_station_itself_changed(edge: Edge) -> None:
    """A closure, a charger's state, new hours: read it anew."""
    station_id = StationId(new_id())
    async with edge.follow(f"/v1/live?station={station_id}") as stream:
        await stream.beginning()
        now = PERIOD.start
        closure = reservation.Closure(
            closure_id=uuid4(),
            version=1,
            station_id=station_id,
            organisation_id=OrganisationId(new_id()),
            charger_ids=(),
            period=PERIOD,
            reason="works",
            state="standing",
            created_at=now,
            changed_at=now,
        )
        await edge.responder.emit(reservation.ClosureChanged(closure=closure, version=1))
        name, told = await stream.event()
        assert name == "station"
        assert told == {"station_id": str(station_id), "what": "ClosureChanged"}
        done = booking(station_id=station_id, state="completed")
        await edge.responder.emit(
            reservation.ReservationCompleted(reservation=done, version=7, by="driver")
        )
        name, slot = await stream.event()
        assert (name, slot["state"]) == ("slot", "free")


async def test_a_new_line_of_the_own_list_is_told_to_its_owner(edge: Edge) -> None:
    somebody = driver()
    assert somebody.user_id is not None
    async with edge.follow("/v1/live", **edge.sign(somebody)) as stream:
        await stream.beginning()
        for user_id in (UserId(uuid4()), somebody.user_id):
            await edge.responder.emit(
                notification.NotificationAdded(
                    notification_id=NotificationId(uuid4()),
                    user_id=user_id,
                    kind="confirmed",
                    reservation_id=None,
                )
            )
        name, told = await stream.event()
        assert (name, told["kind"]) == ("notification", "confirmed")
        with pytest.raises(TimeoutError):
            await stream.event(0.3)


async def test_what_does_not_change_a_slot_is_not_told_of_it(edge: Edge) -> None:
    station_id = StationId(new_id())
    async with edge.follow(f"/v1/live?station={station_id}") as stream:
        await stream.beginning()
        over = booking(station_id=station_id, state="cancelled")
        await edge.responder.emit(reservation.ReservationSettled(reservation=over, version=9))
        await edge.responder.emit(reservation.PaymentStarted(reservation=over, version=3))
        held = booking(station_id=station_id)
        await edge.responder.emit(reservation.SlotHeld(reservation=held, version=1))
        _, slot = await stream.event()
        assert slot["charger_id"] == str(held.charger_id)


async def test_a_drivers_stream_tells_their_own_bookings_and_payments(edge: Edge) -> None:
    somebody = driver()
    assert somebody.user_id is not None
    async with edge.follow("/v1/live", **edge.sign(somebody)) as stream:
        await stream.beginning()
        await edge.responder.emit(reservation.SlotHeld(reservation=booking(), version=1))
        own = booking(driver_id=somebody.user_id)
        await edge.responder.emit(reservation.SlotHeld(reservation=own, version=1))
        name, told = await stream.event()
        assert (name, told["what"]) == ("reservation", "SlotHeld")
        assert told["reservation"]["reservation_id"] == str(own.reservation_id)
        paid = payment.Payment(
            payment_id=PaymentId(new_id()),
            version=1,
            state="authorised",
            reservation_id=own.reservation_id,
            organisation_id=own.organisation_id,
            payer_id=somebody.user_id,
            amount=own.total,
            captured=Money(0, "EUR"),
            refunded=Money(0, "EUR"),
            challenge_url=None,
            valid_until=None,
        )
        await edge.responder.emit(payment.PaymentAuthorised(payment=paid, version=1))
        name, told = await stream.event()
        assert (name, told["payment"]["state"]) == ("payment", "authorised")


async def test_own_events_need_a_token_and_a_station_none(edge: Edge) -> None:
    refused = await edge.http.get("/v1/live")
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
    wrong = await edge.http.get("/v1/live?station=x")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "field_invalid")


async def test_another_gateway_resumes_where_this_one_was_left(
    edge: Edge, kafka_bootstrap: str, postgres_server: PostgresServer
) -> None:
    station_id = StationId(new_id())
    path = f"/v1/live?station={station_id}"
    async with edge.follow(path) as stream:
        await stream.beginning()
        await edge.responder.emit(
            reservation.SlotHeld(reservation=booking(station_id=station_id), version=1)
        )
        await stream.event()
        left_at = stream.last_id
    missed = [booking(station_id=station_id) for _ in range(3)]
    for one in missed:
        await edge.responder.emit(reservation.SlotHeld(reservation=one, version=1))
    prefix = edge.responder.topics.prefix
    other = Gateway(Config(environment(kafka_bootstrap, edge.database_url, prefix)))
    await other.start()
    try:
        second = Edge(other, edge.responder, edge.database_url)
        for where in (edge, second):
            async with where.follow(path, **{"Last-Event-ID": left_at}) as stream:
                told = [(await stream.event())[1]["charger_id"] for _ in missed]
            assert told == [str(one.charger_id) for one in missed]
        await second.http.aclose()
    finally:
        await other.stop()


@pytest.mark.parametrize("last", ["nonsense!", "AA", "x" * 2000, "AAAA"])
async def test_what_cannot_be_resumed_starts_anew(edge: Edge, last: str) -> None:
    path = f"/v1/live?station={uuid4()}"
    async with edge.follow(path, **{"Last-Event-ID": last}) as stream:
        assert (await stream.event())[0] == "reset"


async def test_a_stream_ends_with_its_session(edge: Edge) -> None:
    somebody = driver()
    assert somebody.user_id is not None
    assert somebody.session_id is not None
    async with edge.follow("/v1/live", **edge.sign(somebody)) as stream:
        await stream.beginning()
        await edge.responder.emit(
            user.SessionEnded(
                user_id=somebody.user_id, session_id=somebody.session_id, reason="sign-out"
            )
        )
        assert "retry: 500" in await stream.rest()


async def test_a_stream_ends_with_its_token(edge: Edge) -> None:
    async with edge.follow("/v1/live", **edge.sign(driver(), seconds=2)) as stream:
        await stream.rest(seconds=6.0)


async def test_a_reader_that_goes_away_is_forgotten(edge: Edge) -> None:
    live = edge.gateway.live
    before = live.clients
    async with edge.follow(f"/v1/live?station={uuid4()}") as stream:
        await stream.beginning()
        assert live.clients == before + 1
    for _ in range(100):
        if live.clients == before:
            break
        await asyncio.sleep(0.02)
    assert live.clients == before


async def test_a_slow_reader_is_told_to_start_anew() -> None:
    live, somebody = small_live(live_queue=3), driver()
    assert somebody.user_id is not None
    frames = follow(live, somebody)
    await anext(frames)
    happen(live, somebody.user_id, *range(10))
    rest = [frame async for frame in frames]
    assert b"event: reset" in rest[-1]
    assert live.clients == 0


async def test_what_fell_out_of_the_ring_cannot_be_resumed() -> None:
    live, somebody = small_live(ring_events=16), driver()
    assert somebody.user_id is not None
    happen(live, somebody.user_id, *range(20))
    for position, missed in (((3,), True), ((4,), False), ((20,), False)):
        frames = follow(live, somebody, last_event_id=to_text(position))
        first = await anext(frames)
        assert (b"event: reset" in first) is missed
        await frames.aclose()


async def test_who_leaves_before_what_was_missed_has_come_is_told_it_the_next_time() -> None:
    """An id goes with its blank line, whether or not the rest of the answer arrives."""
    live, somebody = small_live(), driver()
    assert somebody.user_id is not None
    happen(live, somebody.user_id, 0, 1, 2)
    last = to_text((1,))
    for _ in range(2):
        frames = follow(live, somebody, last_event_id=last)
        last = last_id(await anext(frames))
        await frames.aclose()
    frames = follow(live, somebody, last_event_id=last)
    await anext(frames)
    told = await anext(frames)
    assert told.count(b"event: reservation") == 2
    assert last_id(told) == to_text((3,))
    await frames.aclose()


async def test_who_missed_more_than_may_wait_starts_anew_in_the_same_stream() -> None:
    live, somebody = small_live(live_queue=3), driver()
    assert somebody.user_id is not None
    happen(live, somebody.user_id, *range(10))
    frames = follow(live, somebody, last_event_id=to_text((1,)))
    first = await anext(frames)
    assert first.index(b"event: reset") < first.index(b"id: ")
    assert last_id(first) == to_text((10,))
    happen(live, somebody.user_id, 10)
    assert (await anext(frames)).count(b"event: reservation") == 1
    await frames.aclose()


def last_id(chunk: bytes) -> str:
    """What a reader remembers of what came."""
    return [line[4:] for line in chunk.decode().splitlines() if line.startswith("id: ")][-1]


async def test_a_reader_from_a_gateway_further_on_hears_nothing_twice() -> None:
    live, somebody = small_live(), driver()
    assert somebody.user_id is not None
    frames = follow(live, somebody, last_event_id=to_text((5,)))
    await anext(frames)
    happen(live, somebody.user_id, *range(7))
    frame = await anext(frames)
    assert frame.count(b"event: reservation") == 2
    await frames.aclose()


@pytest.mark.parametrize("position", [(), (0,), (127, 128), (300, 2**40, 0, 5)])
def test_a_position_survives_its_text(position: tuple[int, ...]) -> None:
    assert from_text(to_text(position)) == position


@pytest.mark.parametrize("text", ["gA", "_____________________w", "%", "ä", "A" * 1000])
def test_a_text_that_is_no_position_is_none(text: str) -> None:
    assert from_text(text) is None
