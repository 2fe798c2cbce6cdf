"""The station service on a real database: who may do what, and what is then seen."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace
from tests.harness import Harness, driver, keys_of
from tests.services.station.supplies import (
    ORGANISATION,
    STATION,
    TARIFF,
    a_booking,
    charger_input,
    create_station,
)

from evslot.embedded.throwaway import PostgresServer
from evslot.services.reservation import messages as reservation
from evslot.services.station import messages as station
from evslot.services.station.handlers.hearing import BOOKING_EVENTS
from evslot.services.station.service import SERVICE
from evslot.spine.callers import ANONYMOUS, SYSTEM, Caller
from evslot.spine.message import Query, Refused
from evslot.values import ChargerId, OrganisationId, Period, StationId

pytestmark = pytest.mark.anyio

BERLIN = ZoneInfo("Europe/Berlin")
OWNER = driver(organisations={ORGANISATION: "owner"})
VIEWER = driver(organisations={ORGANISATION: "viewer"})
RIVAL = driver(organisations={OrganisationId(uuid4()): "manager"})


@pytest.fixture
async def h(postgres_server: PostgresServer) -> AsyncIterator[Harness]:
    async with Harness(SERVICE, postgres_server) as harness:
        yield harness


@pytest.fixture(scope="module")
async def untouched(postgres_server: PostgresServer) -> AsyncIterator[Harness]:
    """One database for all tests that change nothing."""
    async with Harness(SERVICE, postgres_server) as harness:
        yield harness


def tomorrow(hour: int, minutes: int = 60) -> Period:
    start = datetime.now(BERLIN).replace(hour=hour, minute=0, second=0, microsecond=0)
    start += timedelta(days=1)
    return Period(start, start + timedelta(minutes=minutes))


async def published(h: Harness, **changes: Any) -> station.StationView:
    return (await h.send(create_station(**changes), caller=OWNER)).station


async def slots_of(h: Harness, charger_id: ChargerId | None, **more: Any) -> station.DaySlots:
    query = station.GetSlots(
        station_id=STATION, day=tomorrow(12).start.date(), minutes=60, charger_id=charger_id
    )
    return await h.ask(replace(query, **more))


async def state_at(h: Harness, charger_id: ChargerId, start: datetime) -> str | None:
    (charger,) = (await slots_of(h, charger_id)).chargers
    (slot,) = [slot for slot in charger.slots if slot.period.start == start]
    assert slot.free == (slot.reason is None)
    return slot.reason


def booked(event: type[Any], booking: reservation.Reservation, **more: Any) -> Any:
    return event(reservation=booking, version=booking.version, **more)


# --- putting stations on line -----------------------------------------------------------------


async def test_an_operator_puts_a_station_on_line_and_everybody_reads_it(h: Harness) -> None:
    hours = station.Hours(always=False, weekly=(station.Opening(weekday=1, start=1320, end=1560),))
    answer = await h.send(create_station(hours=hours, how_to_find="Ebene 2"), caller=OWNER)
    assert h.events == [answer]
    assert answer.version == answer.station.version == 1
    assert answer.station.status == "bookable"
    seen = await h.ask(station.GetStation(station_id=STATION))
    assert seen == answer.station
    assert [charger.label for charger in seen.chargers] == ["A1", "A2"]
    assert len(seen.chargers[1].connectors) == 2


@pytest.mark.parametrize(
    ("caller", "status", "code"),
    [
        (ANONYMOUS, 401, "unauthenticated"),
        (SYSTEM, 401, "unauthenticated"),
        (driver(), 403, "not_an_operator"),
        (VIEWER, 403, "not_an_operator"),
        (RIVAL, 404, "organisation_not_found"),
    ],
)
async def test_only_owners_and_managers_of_the_organisation_may(
    untouched: Harness, caller: Caller, status: int, code: str
) -> None:
    with pytest.raises(Refused) as refused:
        await untouched.send(create_station(), caller=caller)
    assert (refused.value.status, refused.value.code) == (status, code)
    assert await untouched.fetch_value("select count(*) from station") == 0
    assert untouched.events == []


async def test_bad_details_are_refused_and_change_nothing(untouched: Harness) -> None:
    wrong: list[dict[str, Any]] = [
        {"name": "a\x00b"},
        {"chargers": []},
        {"tariff": replace(TARIFF, flat=-1)},
    ]
    for changes in wrong:
        with pytest.raises(Refused) as refused:
            await untouched.send(create_station(**changes), caller=OWNER)
        assert (refused.value.status, refused.value.code) == (422, "station_invalid")
    assert await untouched.fetch_value("select count(*) from station") == 0


async def test_a_station_id_is_taken_once(h: Harness) -> None:
    await published(h)
    other = create_station(name="Anders")
    with pytest.raises(Refused) as refused:
        await h.send(other, caller=OWNER)
    assert refused.value.code == "station_exists"
    assert (await h.ask(station.GetStation(station_id=STATION))).name != "Anders"


async def test_a_repeated_command_is_one_station_and_one_event(h: Harness) -> None:
    first = await h.send(create_station(), caller=OWNER, key="once")
    assert await h.send(create_station(), caller=OWNER, key="once") == first
    assert len(h.events) == 1


async def test_no_station_is_a_clear_answer(untouched: Harness) -> None:
    nowhere = StationId(uuid4())
    nothing = ChargerId(uuid4())
    queries: list[Query[Any]] = [
        station.GetStation(station_id=nowhere),
        station.GetSlots(station_id=nowhere, day=tomorrow(12).start.date(), minutes=60),
        station.GetQuote(station_id=nowhere, charger_id=nothing, period=tomorrow(12)),
    ]
    for query in queries:
        with pytest.raises(Refused) as refused:
            await untouched.ask(query)
        assert (refused.value.status, refused.value.code) == (404, "station_not_found")


async def test_an_old_state_reads_not_known(h: Harness) -> None:
    view = await published(h)
    charger_id = view.chargers[0].charger_id

    async def shown(source: str, age: str) -> str:
        await h.execute(
            "update charger set state = 'CHARGING', state_source = $2,"
            " state_at = now() - $3::text::interval where charger_id = $1",
            charger_id,
            source,
            age,
        )
        seen = await h.ask(station.GetStation(station_id=STATION))
        return seen.chargers[0].state

    assert await shown("charger", "14 minutes") == "CHARGING"
    assert await shown("charger", "16 minutes") == "not_known"
    assert await shown("operator", "23 hours") == "CHARGING"
    assert await shown("driver", "25 hours") == "not_known"
    assert await shown("import", "0 seconds") == "not_known"


# --- quotes ---------------------------------------------------------------------------------------


async def test_a_quote_is_signed_for_the_reservation_service_alone(h: Harness) -> None:
    view = await published(h)
    charger = view.chargers[0]
    signed = await h.ask(
        station.GetQuote(station_id=STATION, charger_id=charger.charger_id, period=tomorrow(17))
    )
    assert signed.quote.total.amount == 500
    mine, strange = keys_of("reservation"), keys_of("payment")
    token = signed.token

    def unpacked(token: str) -> station.Quote:
        return station.unpack_quote(token, lambda text, mac: mine.check_mac("station", text, mac))

    assert unpacked(token) == signed.quote
    assert token.startswith(str(STATION))
    with pytest.raises(ValueError, match="not made by"):
        station.unpack_quote(token, lambda text, mac: strange.check_mac("station", text, mac))
    other = StationId(uuid4())
    first, payload, mac = token.split(".", 2)
    for forged in (
        "",
        "..",
        token[:-1],
        token + "A",
        token.replace(str(STATION), str(other)),
        f"{first}.{payload[:-2]}AA.{mac}",
        f"{first}.{payload}.",
        f"{first}.{payload}.{mac}é",
        "x" * 100_000,
    ):
        with pytest.raises(ValueError, match="token"):
            unpacked(forged)


async def test_a_quote_keeps_to_the_rules_of_the_station(h: Harness) -> None:
    view = await published(h)
    good = station.GetQuote(
        station_id=STATION, charger_id=view.chargers[0].charger_id, period=tomorrow(17)
    )
    yesterday = tomorrow(17).start - timedelta(days=2)
    for change, code in (
        ({"charger_id": ChargerId(uuid4())}, "charger_not_found"),
        ({"period": tomorrow(17, minutes=50)}, "slot_off_grid"),
        ({"period": tomorrow(17, minutes=300)}, "slot_length_invalid"),
        ({"period": Period(yesterday, yesterday + timedelta(hours=1))}, "slot_in_past"),
        ({"period": Period(tomorrow(17).end, tomorrow(17).start)}, "period_invalid"),
        ({"period": Period(datetime(2030, 1, 1), datetime(2030, 1, 2))}, "period_invalid"),
    ):
        with pytest.raises(Refused) as refused:
            await h.ask(replace(good, **change))
        assert refused.value.code == code


# --- what occupies chargers -----------------------------------------------------------------------


async def test_a_booking_takes_its_slot_and_gives_it_back(h: Harness) -> None:
    charger_id = (await published(h)).chargers[0].charger_id
    wanted = tomorrow(17)
    held = a_booking(
        charger_id,
        wanted,
        state="held",
        occupied=Period(wanted.start, wanted.end + timedelta(minutes=5)),
        held_until=datetime.now(BERLIN) + timedelta(minutes=10),
    )
    assert await state_at(h, charger_id, wanted.start) is None
    await h.hear(booked(reservation.SlotHeld, held))
    assert await state_at(h, charger_id, wanted.start) == "taken"
    assert await state_at(h, charger_id, wanted.end) == "taken"  # the buffer
    confirmed = replace(held, version=2, state="confirmed", held_until=None)
    await h.hear(booked(reservation.ReservationConfirmed, confirmed))
    assert await state_at(h, charger_id, wanted.start) == "taken"
    cancelled = replace(confirmed, version=3, state="cancelled")
    zero = cancelled.total
    end = booked(
        reservation.ReservationCancelled,
        cancelled,
        by="driver",
        reason=None,
        fee=zero,
        refund=zero,
    )
    await h.hear(end)
    assert await state_at(h, charger_id, wanted.start) is None


async def test_a_lapsed_hold_is_free_before_anybody_says_so(h: Harness) -> None:
    charger_id = (await published(h)).chargers[0].charger_id
    lapsed = a_booking(
        charger_id,
        tomorrow(17),
        state="held",
        held_until=datetime.now(BERLIN) - timedelta(seconds=1),
    )
    await h.hear(booked(reservation.SlotHeld, lapsed))
    assert await state_at(h, charger_id, tomorrow(17).start) is None


async def test_events_may_come_twice_and_late(h: Harness) -> None:
    charger_id = (await published(h)).chargers[0].charger_id
    held = a_booking(charger_id, tomorrow(17), state="held")
    released = replace(held, version=2, state="released")
    told = [booked(reservation.SlotHeld, held), booked(reservation.HoldReleased, released)]
    await h.hear(*told, *told)
    await h.hear(told[0])
    assert await state_at(h, charger_id, tomorrow(17).start) is None
    await h.hear(booked(reservation.SlotHeld, replace(held, version=3)))
    assert await state_at(h, charger_id, tomorrow(17).start) == "taken"


async def test_what_is_long_over_is_forgotten_and_what_is_to_come_is_not(h: Harness) -> None:
    charger_id = (await published(h)).chargers[0].charger_id
    past = Period(*(tomorrow(hour).start - timedelta(days=11) for hour in (17, 18)))
    gone = a_booking(charger_id, tomorrow(9), state="expired")
    live = a_booking(charger_id, tomorrow(17))
    for booking in (a_booking(charger_id, past), gone, live):
        await h.hear(booked(reservation.ReservationConfirmed, booking))
    await h.run_periodic()
    assert await h.fetch_value("select count(*) from busy") == 3
    await h.execute("update busy set changed_at = now() - interval '9 days'")
    await h.run_periodic()
    (kept,) = await h.fetch("select ref from busy")
    assert kept["ref"] == live.reservation_id


async def test_more_chargers_than_fit_into_a_record_come_in_parts(h: Harness) -> None:
    labels = [f"{number:02}" for number in range(25)]
    view = await published(h, chargers=[charger_input(label) for label in labels])
    seen: list[str] = []
    after: ChargerId | None = None
    for _ in range(3):
        part = await slots_of(h, None, after=after)
        seen += [charger.label for charger in part.chargers]
        after = part.next_after
    assert (seen, after) == (labels, None)
    for query in ({"after": ChargerId(uuid4())}, {"charger_id": ChargerId(uuid4())}):
        with pytest.raises(Refused) as refused:
            await slots_of(h, **{"charger_id": None, **query})
        assert refused.value.code == "charger_not_found"
    one = await slots_of(h, view.chargers[7].charger_id)
    assert [charger.label for charger in one.chargers] == ["07"]
    assert one.next_after is None


async def test_the_edge_learns_how_far_the_view_of_a_booking_has_come(h: Harness) -> None:
    made = await published(h)
    booking = a_booking(made.chargers[0].charger_id, tomorrow(12))
    question = station.GetKnownVersion(reservation_id=booking.reservation_id)
    assert (await h.ask(question, caller=SYSTEM)).version == 0
    await h.hear(booked(reservation.SlotHeld, replace(booking, version=3)))
    await h.hear(booked(reservation.SlotHeld, replace(booking, version=2)))
    assert (await h.ask(question, caller=SYSTEM)).version == 3
    await h.hear(booked(reservation.PaymentChallenged, replace(booking, version=4)))
    assert (await h.ask(question, caller=SYSTEM)).version == 4
    assert set(BOOKING_EVENTS) == set(reservation.ReservationEvent.__subclasses__())
    with pytest.raises(Refused) as refused:
        await h.ask(question, caller=OWNER)
    assert refused.value.status == 403
