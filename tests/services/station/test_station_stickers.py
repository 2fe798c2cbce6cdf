"""Stickers: a code names a charger; what can be had there from this minute on, and for how much."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace
from tests.harness import Harness, driver
from tests.services.station.supplies import (
    ORGANISATION,
    STATION,
    TARIFF,
    a_booking,
    a_station,
    charger_input,
    create_station,
    utc,
)

from evslot.embedded.throwaway import PostgresServer
from evslot.services.reservation import messages as reservation
from evslot.services.station import messages as station
from evslot.services.station.domain.prices import price
from evslot.services.station.domain.slots import Occupied, check_now
from evslot.services.station.domain.stickers import read_code, sticker_view
from evslot.services.station.service import SERVICE
from evslot.spine.callers import ANONYMOUS, Caller
from evslot.spine.message import Refused
from evslot.values import OrganisationId, Period, StationId

pytestmark = pytest.mark.anyio

OWNER = driver(organisations={ORGANISATION: "owner"})
NOW = utc("2026-06-01T08:07")  # a Monday; 10:07 in Berlin
MINUTE = timedelta(minutes=1)
PRINTED = ["X386JV37", "RM9V3TRR"]


@pytest.fixture
async def h(postgres_server: PostgresServer) -> AsyncIterator[Harness]:
    async with Harness(SERVICE, postgres_server) as harness:
        yield harness


def seen(view: station.StationView, *taken: Occupied, now: datetime = NOW) -> station.StickerView:
    return sticker_view("CODE2345", view, view.chargers[0], taken, now)


def booked(start: str, end: str, *, closure: bool = False) -> Occupied:
    return Occupied(Period(utc(f"2026-06-01T{start}"), utc(f"2026-06-01T{end}")), closure)


def minutes(view: station.StickerView) -> list[int]:
    return [offer.minutes for offer in view.offers]


# --- what can be had ----------------------------------------------------------------------------


def test_a_free_charger_offers_the_usual_lengths_and_the_longest() -> None:
    view = a_station()
    found = seen(view)
    assert (found.free_now, found.reason, found.busy) == (True, None, None)
    assert minutes(found) == [38, 68, 128, 233]  # from 10:07 to 10:45, 11:15, 12:15, 14:00
    assert [offer.longest for offer in found.offers] == [False, False, False, True]
    for offer in found.offers:
        check_now(view, offer.period, NOW)  # what is offered can be quoted
        assert offer.price == price(TARIFF, offer.period, view.zone)


def test_the_longest_ends_before_the_next_booking_with_its_buffer() -> None:
    found = seen(a_station(), booked("09:30", "10:35"))
    assert found.free_until == utc("2026-06-01T09:25")
    assert minutes(found) == [38, 68]  # until 11:15; the next end on the grid would be 11:30
    assert found.offers[-1].longest


def test_it_is_taken_until_the_end_of_what_follows_without_a_gap() -> None:
    found = seen(a_station(), booked("08:00", "09:05"), booked("09:05", "10:05"))
    assert (found.free_now, found.reason, found.offers) == (False, "taken", [])
    assert found.busy == Period(utc("2026-06-01T08:00"), utc("2026-06-01T10:05"))
    assert found.next_free == Period(utc("2026-06-01T10:15"), utc("2026-06-01T10:30"))


def test_a_gap_too_short_for_a_slot_says_what_comes() -> None:
    found = seen(a_station(), booked("08:15", "09:20"))
    assert found.reason == "taken"
    assert found.busy is not None
    assert found.busy.start > NOW


def test_closed_is_told_apart_from_taken() -> None:
    evening = station.Opening(weekday=1, start=18 * 60, end=20 * 60)
    found = seen(a_station(hours=station.Hours(always=False, weekly=(evening,))))
    assert (found.reason, found.busy) == ("closed", None)
    assert found.next_free is not None
    assert found.next_free.start == utc("2026-06-01T16:00")
    assert seen(a_station(), booked("08:00", "09:00", closure=True)).reason == "closed"


def test_opening_hours_end_what_can_be_had() -> None:
    morning = station.Opening(weekday=1, start=8 * 60, end=11 * 60)
    found = seen(a_station(hours=station.Hours(always=False, weekly=(morning,))))
    assert found.free_until == utc("2026-06-01T09:00")
    assert minutes(found) == [38, 53]


@pytest.mark.parametrize(
    ("state", "reason"), [("CHARGING", "in_use"), ("OUTOFORDER", "out_of_order")]
)
def test_what_the_charger_is_known_to_be_counts(state: str, reason: str) -> None:
    view = a_station()
    known = replace(view.chargers[0], state=state, state_source="operator", state_at=NOW)
    found = seen(replace(view, chargers=[known, *view.chargers[1:]]))
    assert (found.reason, found.offers) == (reason, [])


def test_a_station_that_is_only_shown_offers_nothing() -> None:
    found = seen(a_station(status="listed"))
    assert (found.reason, found.next_free, found.offers) == ("not_bookable", None, [])


def test_a_code_is_read_however_it_is_typed() -> None:
    assert read_code(" c2df-7 gh9 ") == "C2DF7GH9"
    for text in ("O0O0O0O0", "\x00", "C2DF7GH!"):
        with pytest.raises(station.StickerUnknown):
            read_code(text)


# --- on a real database -------------------------------------------------------------------------


async def codes(h: Harness, station_id: StationId = STATION) -> list[str]:
    listed = await h.ask(station.ListStickers(station_id=station_id), caller=OWNER)
    return [one.code for one in listed.stickers]


async def test_every_charger_has_a_code_that_leads_to_it_and_stays(h: Harness) -> None:
    made = (await h.send(create_station(), caller=OWNER)).station
    first, second = await codes(h)
    assert first != second
    assert all(
        len(code) == 8 and set(code) <= set("23456789CDFGHJKMNPQRTVWXY") for code in (first, second)
    )
    found = await h.ask(station.GetSticker(code=f"{second[:4].lower()}-{second[4:]}"))
    assert (found.code, found.charger) == (second, made.chargers[1])
    assert found.station_name == made.name
    change = station.ChangeCharger(
        station_id=STATION, charger_id=made.chargers[0].charger_id, label="Z9"
    )
    await h.send(change, caller=OWNER)
    assert await codes(h) == [first, second]


async def test_the_code_of_a_charger_is_the_same_wherever_it_is_made(h: Harness) -> None:
    """What was printed stays true when a sample or an import is brought in elsewhere."""
    await h.send(create_station(), caller=OWNER)
    assert await codes(h) == PRINTED


async def test_two_chargers_whose_codes_would_be_one_get_two(h: Harness) -> None:
    made = (await h.send(create_station(), caller=OWNER)).station
    wanted = await h.fetch_value("select sticker_code($1, 0)", made.chargers[1].charger_id)
    await h.fetch_value(
        "update charger set sticker = $2 where charger_id = $1 returning 1",
        made.chargers[0].charger_id,
        "22222222",
    )
    assert (await codes(h)) == ["22222222", wanted]
    await h.fetch_value(
        "update charger set sticker = 'XXXXXXXX' where charger_id = $1 returning 1",
        made.chargers[1].charger_id,
    )
    await h.fetch_value(
        "update charger set sticker = $2 where charger_id = $1 returning 1",
        made.chargers[0].charger_id,
        wanted,
    )
    await h.fetch_value(
        "update charger set sticker = null where charger_id = $1 returning 1",
        made.chargers[1].charger_id,
    )
    taken, other = await codes(h)
    assert taken == wanted
    assert other not in (wanted, "XXXXXXXX")


async def test_a_hold_makes_it_taken_and_a_gone_charger_has_no_sticker(h: Harness) -> None:
    made = (await h.send(create_station(chargers=[charger_input("A1"), charger_input("A2")]),
                         caller=OWNER)).station  # fmt: skip
    code = (await codes(h))[0]
    free = await h.ask(station.GetSticker(code=code))
    assert free.free_now
    booking = a_booking(
        made.chargers[0].charger_id, Period(free.as_of - MINUTE, free.as_of + 60 * MINUTE)
    )
    await h.hear(reservation.ReservationConfirmed(reservation=booking, version=1))
    taken = await h.ask(station.GetSticker(code=code))
    assert (taken.reason, taken.busy) == ("taken", booking.period)
    gone = station.RetireCharger(station_id=STATION, charger_id=made.chargers[0].charger_id)
    await h.send(gone, caller=OWNER)
    with pytest.raises(Refused) as unknown:
        await h.ask(station.GetSticker(code=code))
    assert (unknown.value.status, unknown.value.code) == (404, "sticker_unknown")


@pytest.mark.parametrize(
    ("caller", "status"),
    [
        (ANONYMOUS, 401),
        (driver(), 403),
        (driver(organisations={OrganisationId(STATION): "owner"}), 404),
        (driver(organisations={ORGANISATION: "viewer"}), 0),
    ],
)
async def test_members_of_the_organisation_see_the_codes(
    h: Harness, caller: Caller, status: int
) -> None:
    await h.send(create_station(), caller=OWNER)
    if not status:
        assert (await h.ask(station.ListStickers(station_id=STATION), caller=caller)).stickers
        return
    with pytest.raises(Refused) as refused:
        await h.ask(station.ListStickers(station_id=STATION), caller=caller)
    assert refused.value.status == status
