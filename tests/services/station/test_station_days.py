"""A station's day of slots, on the days too when the clock is changed, against a slow oracle."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.services.station.slow_clock import (
    BERLIN,
    CHANGE_DAYS,
    HELSINKI,
    KOLKATA,
    NEW_YORK,
    each_minute,
    open_minutes,
    starts,
)
from tests.services.station.supplies import a_station, utc

from evslot.services.station import messages as station
from evslot.services.station.domain.quotes import Wish, make_quote
from evslot.services.station.domain.slots import Occupied, day_slots
from evslot.values import Period

FORWARD, BACK = 0, 1
ALL_WEEK = range(1, 8)


def weekly(*spans: tuple[int, int], days: range = ALL_WEEK) -> station.Hours:
    return station.Hours(
        always=False,
        weekly=tuple(
            station.Opening(weekday=day, start=start, end=end)
            for day in days
            for start, end in spans
        ),
    )


def slots_of(
    view: station.StationView, day: date, minutes: int = 60, busy: tuple[Occupied, ...] = ()
) -> list[station.Slot]:
    charger = view.chargers[0]
    now = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=3)
    taken = {charger.charger_id: busy}
    (found,) = day_slots(view, day, minutes, [charger], taken, now)
    return found.slots


def free_walls(view: station.StationView, day: date, minutes: int = 60) -> list[str]:
    """The bookable starts as the wall clock shows them."""
    zone = ZoneInfo(view.zone)
    return [
        slot.period.start.astimezone(zone).strftime("%H:%M")
        for slot in slots_of(view, day, minutes)
        if slot.free
    ]


def hourly(zone: str, hours: station.Hours, buffer: int = 0) -> station.StationView:
    rule = station.SlotRule(grid=60, shortest=60, longest=240, buffer=buffer)
    return a_station(zone=zone, hours=hours, rule=rule)


# --- a table by hand ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "day", "hours", "free"),
    [
        # The clock leaps: one hour of the day is not there.
        (BERLIN, FORWARD, weekly((0, 300)), ["00:00", "01:00", "03:00", "04:00"]),
        (HELSINKI, FORWARD, weekly((60, 360)), ["01:00", "02:00", "04:00", "05:00"]),
        (NEW_YORK, FORWARD, weekly((0, 300)), ["00:00", "01:00", "03:00", "04:00"]),
        (KOLKATA, FORWARD, weekly((0, 300)), ["00:00", "01:00", "02:00", "03:00", "04:00"]),
        # The clock goes back: one hour comes twice, and is booked twice.
        (BERLIN, BACK, weekly((60, 240)), ["01:00", "02:00", "02:00", "03:00"]),
        (HELSINKI, BACK, weekly((60, 300)), ["01:00", "02:00", "03:00", "03:00", "04:00"]),
        (NEW_YORK, BACK, weekly((0, 180)), ["00:00", "01:00", "01:00", "02:00"]),
        (KOLKATA, BACK, weekly((60, 240)), ["01:00", "02:00", "03:00"]),
        # The evening before reaches over midnight into that day; its own evening goes on after.
        (BERLIN, FORWARD, weekly((1380, 1620)), ["00:00", "01:00", "23:00"]),
        (BERLIN, BACK, weekly((1380, 1620)), ["00:00", "01:00", "02:00", "02:00", "23:00"]),
        (NEW_YORK, BACK, weekly((1380, 1560)), ["00:00", "01:00", "01:00", "23:00"]),
        (HELSINKI, FORWARD, weekly((1380, 1680)), ["00:00", "01:00", "02:00", "23:00"]),
    ],
)
def test_a_day_on_which_the_clock_is_changed(
    zone: str, day: int, hours: station.Hours, free: list[str]
) -> None:
    assert free_walls(hourly(zone, hours), CHANGE_DAYS[zone][day]) == free


@pytest.mark.parametrize("zone", [BERLIN, HELSINKI, NEW_YORK, KOLKATA])
@pytest.mark.parametrize("which", [FORWARD, BACK])
def test_an_exception_counts_on_its_day_alone(zone: str, which: int) -> None:
    day = CHANGE_DAYS[zone][which]
    short = station.OpeningException(day=day, start=600, end=720)
    hours = replace(weekly((480, 1080)), exceptions=(short,))
    assert free_walls(hourly(zone, hours), day) == ["10:00", "11:00"]
    closed = replace(hours, exceptions=(station.OpeningException(day=day),))
    assert free_walls(hourly(zone, closed), day) == []
    assert len(free_walls(hourly(zone, closed), day + timedelta(days=1))) == 10


def test_the_buffer_of_the_first_doubled_hour_takes_the_second() -> None:
    day = CHANGE_DAYS[BERLIN][BACK]
    first = Period(utc("2026-10-25T00:00"), utc("2026-10-25T01:00"))
    second = Period(first.end, first.end + timedelta(hours=1))
    view = hourly(BERLIN, weekly((60, 300)), buffer=5)
    booked = Occupied(replace(first, end=first.end + timedelta(minutes=5)))
    free = {slot.period for slot in slots_of(view, day, 60, (booked,)) if slot.free}
    assert first not in free
    assert second not in free
    tight = hourly(BERLIN, weekly((60, 300)))
    free = {slot.period for slot in slots_of(tight, day, 60, (Occupied(first),)) if slot.free}
    assert second in free


def test_both_doubled_hours_have_a_quote_of_their_own() -> None:
    view, now = hourly(BERLIN, station.Hours()), utc("2026-10-24T12:00")
    quotes = [
        make_quote(view, Wish(chargers=view.chargers, period=slot.period), now, uuid4())
        for slot in slots_of(view, CHANGE_DAYS[BERLIN][BACK])
        if slot.period.start.astimezone(ZoneInfo(BERLIN)).hour == 2
    ]
    assert [quote.period.start for quote in quotes] == [
        utc("2026-10-25T00:00"),
        utc("2026-10-25T01:00"),
    ]
    assert {quote.total.amount for quote in quotes} == {500}


@pytest.mark.parametrize(
    ("start", "end", "free"),
    [
        (150, 240, ["02:30", "02:00", "02:30", "03:00", "03:30"]),  # opens at the first 02:30
        (60, 150, ["01:00", "01:30", "02:00"]),  # closes at the first 02:30
        (150, 180, ["02:30", "02:00", "02:30"]),
    ],
)
def test_hours_that_begin_or_end_in_the_doubled_hour(start: int, end: int, free: list[str]) -> None:
    rule = station.SlotRule(grid=30, shortest=30, buffer=0)
    view = a_station(zone=BERLIN, hours=weekly((start, end)), rule=rule)
    assert free_walls(view, CHANGE_DAYS[BERLIN][BACK], 30) == free


# --- whatever the hours are ---------------------------------------------------------------------


def spans() -> st.SearchStrategy[tuple[int, int]]:
    """Minutes of a day on a grid of five, often in the night; an end may pass midnight."""
    start = st.integers(0, 60) | st.integers(0, 287)
    length = st.integers(1, 60) | st.integers(1, 288)
    return st.tuples(start, length).map(lambda s: (s[0] * 5, (s[0] + s[1]) * 5))


@st.composite
def days(draw: st.DrawFn) -> tuple[str, date]:
    zone = draw(st.sampled_from([BERLIN, HELSINKI, KOLKATA, NEW_YORK]))
    day = draw(st.sampled_from(CHANGE_DAYS[zone]))
    return zone, day + timedelta(days=draw(st.sampled_from([-1, 0, 0, 0, 1])))


@st.composite
def hours_around(draw: st.DrawFn, day: date) -> station.Hours:
    weekday = st.sampled_from([day.isoweekday(), day.isoweekday(), (day.isoweekday() + 5) % 7 + 1])
    openings = [
        station.Opening(weekday=number, start=start, end=end)
        for number, (start, end) in draw(
            st.lists(st.tuples(weekday | st.integers(1, 7), spans()), min_size=1, max_size=8)
        )
    ]
    exceptions = []
    for number in draw(st.sets(st.integers(-1, 1), max_size=2)):
        span = draw(st.none() | spans())
        start, end = span or (None, None)
        exceptions.append(
            station.OpeningException(day=day + timedelta(days=number), start=start, end=end)
        )
    if draw(st.integers(0, 3)) == 0:
        return station.Hours(exceptions=tuple(exceptions))
    return station.Hours(always=False, weekly=tuple(openings), exceptions=tuple(exceptions))


@settings(max_examples=150, deadline=None)
@given(place=days(), data=st.data())
def test_a_day_of_slots_is_what_looking_at_every_minute_says(
    place: tuple[str, date], data: st.DataObject
) -> None:
    zone, day = place
    grid = data.draw(st.sampled_from([5, 15, 20, 30, 60]), label="grid")
    minutes = grid * data.draw(st.integers(1, 240 // grid), label="slot / grid")
    buffer = data.draw(st.sampled_from([0, 5, 10, 45]), label="buffer")
    rule = station.SlotRule(grid=grid, shortest=grid, longest=240, buffer=buffer)
    view = a_station(zone=zone, hours=data.draw(hours_around(day)), rule=rule)
    begin = starts(day, zone, 60)[0] + timedelta(minutes=data.draw(st.integers(-120, 1500)))
    booked = Period(begin, begin + timedelta(minutes=data.draw(st.integers(1, 300))))
    closure = data.draw(st.booleans(), label="closure")

    found = slots_of(view, day, minutes, (Occupied(booked, closure),))
    assert [slot.period.start for slot in found] == starts(day, zone, grid)
    opened = open_minutes(view.hours, day, zone)
    taken = set(each_minute(booked))
    for slot in found:
        claimed = Period(slot.period.start, slot.period.end + timedelta(minutes=buffer))
        expected = None
        if not opened.issuperset(each_minute(slot.period)):
            expected = "closed"
        elif not taken.isdisjoint(each_minute(claimed)):
            expected = "closed" if closure else "taken"
        assert slot.reason == expected, slot
