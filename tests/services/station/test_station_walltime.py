"""Slots lie on the wall clock, on the days too when the clock is changed."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.services.station.supplies import utc

from evslot.services.station.domain.walltime import first_instant, grid_starts, on_grid

BERLIN, NEW_YORK, KOLKATA = "Europe/Berlin", "America/New_York", "Asia/Kolkata"
LORD_HOWE, AZORES, CAIRO = "Australia/Lord_Howe", "Atlantic/Azores", "Africa/Cairo"
ZONES = [BERLIN, NEW_YORK, KOLKATA, LORD_HOWE, AZORES, CAIRO, "Asia/Kathmandu", "UTC"]


def walls(day: date, zone: str, grid: int) -> list[str]:
    return [
        start.astimezone(ZoneInfo(zone)).strftime("%H:%M") for start in grid_starts(day, zone, grid)
    ]


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        (date(2026, 6, 1), BERLIN, 24),
        (date(2026, 3, 29), BERLIN, 23),
        (date(2026, 10, 25), BERLIN, 25),
        (date(2026, 3, 8), NEW_YORK, 23),
        (date(2026, 11, 1), NEW_YORK, 25),
        (date(2026, 10, 25), KOLKATA, 24),
        (date(2026, 10, 4), LORD_HOWE, 23.5),
        (date(2026, 4, 5), LORD_HOWE, 24.5),
    ],
)
def test_a_day_has_as_many_quarter_hours_as_it_is_long(day: date, zone: str, hours: float) -> None:
    starts = grid_starts(day, zone, 15)
    assert len(starts) == hours * 4
    steps = {after - before for before, after in pairwise(starts)}
    assert steps == {timedelta(minutes=15)}


def test_the_missing_hour_has_no_slots() -> None:
    assert walls(date(2026, 3, 29), BERLIN, 60)[:4] == ["00:00", "01:00", "03:00", "04:00"]


def test_the_doubled_hour_is_two_bookable_hours() -> None:
    day = date(2026, 10, 25)
    assert walls(day, BERLIN, 60)[:5] == ["00:00", "01:00", "02:00", "02:00", "03:00"]
    assert grid_starts(day, BERLIN, 60)[2:4] == (utc("2026-10-25T00:00"), utc("2026-10-25T01:00"))


def test_half_an_hour_doubled_gives_only_the_starts_that_lie_on_the_grid() -> None:
    day = date(2026, 4, 5)  # at 02:00 the clock goes back to 01:30
    assert walls(day, LORD_HOWE, 30)[2:6] == ["01:00", "01:30", "01:30", "02:00"]
    assert walls(day, LORD_HOWE, 60)[:4] == ["00:00", "01:00", "02:00", "03:00"]


def test_half_an_hour_missing_takes_its_starts_away() -> None:
    assert walls(date(2026, 10, 4), LORD_HOWE, 30)[3:6] == ["01:30", "02:30", "03:00"]


def test_a_zone_of_half_hours_has_its_own_full_hours() -> None:
    assert grid_starts(date(2026, 1, 1), KOLKATA, 60)[0] == utc("2025-12-31T18:30")


def test_a_day_may_begin_after_its_midnight() -> None:
    day = date(2026, 4, 24)  # in Cairo the clock leaps from 00:00 to 01:00
    assert walls(day, CAIRO, 60)[0] == "01:00"
    assert len(grid_starts(day, CAIRO, 60)) == 23


@pytest.mark.parametrize(
    ("day", "minute", "instant"),
    [
        (date(2026, 3, 29), 2 * 60 + 30, "2026-03-29T01:00"),  # leapt over: the leap
        (date(2026, 10, 25), 2 * 60 + 30, "2026-10-25T00:30"),  # doubled: the earlier
        (date(2026, 10, 24), 26 * 60 + 30, "2026-10-25T00:30"),  # counted from the day before
        (date(2026, 6, 1), 24 * 60, "2026-06-01T22:00"),
    ],
)
def test_a_wall_time_is_one_instant(day: date, minute: int, instant: str) -> None:
    assert first_instant(day, minute, BERLIN) == utc(instant)


@given(
    day=st.dates(date(2020, 1, 1), date(2035, 12, 31)),
    zone=st.sampled_from(ZONES),
    grid=st.sampled_from([5, 10, 15, 20, 30, 60]),
)
def test_days_follow_each_other_without_gap_or_overlap(day: date, zone: str, grid: int) -> None:
    starts = grid_starts(day, zone, grid)
    tomorrow = day + timedelta(days=1)
    assert list(starts) == sorted(set(starts))
    assert all(on_grid(start, grid, ZoneInfo(zone)) for start in starts)
    assert {start.astimezone(ZoneInfo(zone)).date() for start in starts} == {day}
    assert starts[-1] < first_instant(tomorrow, 0, zone) <= grid_starts(tomorrow, zone, grid)[0]


@given(
    moment=st.datetimes(datetime(2020, 1, 1), datetime(2035, 12, 31)),
    zone=st.sampled_from(ZONES),
    grid=st.sampled_from([5, 15, 60]),
)
def test_what_is_on_the_grid_is_a_start_of_its_day(moment: datetime, zone: str, grid: int) -> None:
    instant = moment.replace(tzinfo=UTC)
    day = instant.astimezone(ZoneInfo(zone)).date()
    assert on_grid(instant, grid, ZoneInfo(zone)) == (instant in grid_starts(day, zone, grid))
