"""Prices by hour and weekday: one line for each element, each rounded half-up, to the cent."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.services.station.slow_clock import BERLIN, CHANGE_DAYS, NEW_YORK, amounts, starts
from tests.services.station.supplies import TARIFF, a_station, utc

from evslot.services.station import messages as station
from evslot.services.station.domain.details import check_tariff
from evslot.services.station.domain.prices import cheapest, energy_prices, price_lines, total
from evslot.values import Money, Period

ZONES = list(CHANGE_DAYS)


def element(**changes: object) -> station.TariffElement:
    return replace(station.TariffElement(), **changes)


def lines_of(tariff: station.Tariff, start: str, end: str) -> list[tuple[str, int]]:
    lines = price_lines(tariff, Period(utc(f"2026-{start}"), utc(f"2026-{end}")), BERLIN)
    assert total(tariff, lines).amount == sum(line.amount for line in lines)
    return [(line.text, line.amount) for line in lines]


NIGHT = element(start=22 * 60, end=6 * 60, per_hour=100)
NIGHTS = replace(TARIFF, flat=0, elements=(NIGHT,))


def test_a_slot_over_a_boundary_has_a_line_for_each_price() -> None:
    assert lines_of(NIGHTS, "06-01T19:30", "06-01T20:20") == [  # 21:30 to 22:20
        ("30 minutes at EUR 4.00 per hour", 200),
        ("20 minutes at EUR 1.00 per hour", 33),
    ]


def test_hours_over_midnight_hold_on_both_sides_of_it() -> None:
    assert lines_of(NIGHTS, "06-01T21:00", "06-01T23:00") == [
        ("120 minutes at EUR 1.00 per hour", 200)
    ]
    assert lines_of(NIGHTS, "06-02T03:00", "06-02T05:00") == [
        ("60 minutes at EUR 1.00 per hour", 100),
        ("60 minutes at EUR 4.00 per hour", 400),
    ]


def test_what_is_left_and_met_again_is_one_line_rounded_once() -> None:
    noon = element(start=12 * 60, end=12 * 60 + 20, per_hour=0)
    tariff = replace(TARIFF, flat=0, per_hour=101, elements=(noon,))
    # 11:50 to 12:30: 10 + 10 minutes at 101 an hour are 33.67; rounded apart it would be 17 + 17.
    assert lines_of(tariff, "06-01T09:50", "06-01T10:30") == [
        ("20 minutes at EUR 1.01 per hour", 34)
    ]


def test_an_element_of_weekdays_begins_at_midnight() -> None:
    weekend = element(weekdays=(6, 7), per_hour=60)
    tariff = replace(TARIFF, flat=0, elements=(weekend,))
    assert lines_of(tariff, "06-05T21:30", "06-05T22:30") == [  # Friday 23:30 to Saturday 00:30
        ("30 minutes at EUR 4.00 per hour", 200),
        ("30 minutes at EUR 0.60 per hour", 30),
    ]


def test_the_fee_is_that_of_the_start_and_time_may_get_dearer_with_length() -> None:
    late = element(min_minutes=60, flat=900, per_hour=1200)
    tariff = replace(TARIFF, elements=(element(max_minutes=60, flat=50), late))
    assert lines_of(tariff, "06-01T10:00", "06-01T11:30") == [
        ("Booking fee", 50),
        ("60 minutes at EUR 4.00 per hour", 400),
        ("30 minutes at EUR 12.00 per hour", 600),
    ]


def test_for_each_price_the_first_element_that_names_it_counts() -> None:
    tariff = replace(
        TARIFF,
        elements=(element(per_kwh=39), element(per_hour=300), element(per_hour=999, flat=7)),
    )
    assert [amount for _, amount in lines_of(tariff, "06-01T10:00", "06-01T11:00")] == [7, 300]


def test_the_doubled_hour_costs_twice_what_it_says_and_the_missing_one_nothing() -> None:
    tariff = replace(TARIFF, flat=0, elements=(element(start=120, end=180, per_hour=100),))
    assert [amount for _, amount in lines_of(tariff, "10-24T23:00", "10-25T02:00")] == [400, 200]
    assert [amount for _, amount in lines_of(tariff, "03-29T00:00", "03-29T02:00")] == [800]


def test_energy_is_told_for_every_part_of_the_slot() -> None:
    tariff = replace(TARIFF, elements=(element(start=22 * 60, end=6 * 60, per_kwh=29),))
    evening = Period(utc("2026-06-01T19:30"), utc("2026-06-01T20:30"))
    assert [(e.period.length, e.per_kwh) for e in energy_prices(tariff, evening, BERLIN)] == [
        (timedelta(minutes=30), 49),
        (timedelta(minutes=30), 29),
    ]
    unknown = replace(tariff, per_kwh=None)
    assert energy_prices(unknown, evening, BERLIN) == ()
    assert len(energy_prices(TARIFF, evening, BERLIN)) == 1


@pytest.mark.parametrize(
    ("currency", "text"),
    [("EUR", "EUR 12.05"), ("JPY", "JPY 1205"), ("KWD", "KWD 1.205"), ("RSD", "RSD 12.05")],
)
def test_a_line_names_the_price_in_its_currency(currency: str, text: str) -> None:
    tariff = replace(TARIFF, currency=currency, flat=0, elements=(element(per_hour=1205),))
    ((said, _),) = lines_of(tariff, "06-01T10:00", "06-01T11:00")
    assert said == f"60 minutes at {text} per hour"


def test_the_cheapest_charger_says_what_a_station_costs() -> None:
    hour = Period(utc("2026-06-01T10:00"), utc("2026-06-01T11:00"))
    view = a_station()
    first, second = view.chargers
    cheap = replace(second, tariff=replace(TARIFF, flat=0))
    assert cheapest(view, [first, cheap], hour) == Money(400, "EUR")
    assert cheapest(view, [first], hour) == Money(500, "EUR")
    assert cheapest(view, [], hour) is None
    assert cheapest(replace(view, tariff=None), [first], hour) is None


@pytest.mark.parametrize(
    "wrong",
    [
        element(),
        element(per_hour=-1),
        element(per_hour=1, weekdays=(0,)),
        element(per_hour=1, weekdays=(1, 1)),
        element(per_hour=1, start=60),
        element(per_hour=1, start=60, end=60),
        element(per_hour=1, start=1440, end=60),
        element(per_hour=1, start=60, end=1441),
        element(per_hour=1, min_minutes=60, max_minutes=60),
        element(per_hour=1, max_minutes=1441),
    ],
)
def test_an_element_that_makes_no_sense_is_refused(wrong: station.TariffElement) -> None:
    with pytest.raises(station.StationInvalid):
        check_tariff(replace(TARIFF, elements=(wrong,)))


# --- against a count of minutes -----------------------------------------------------------------


@st.composite
def elements(draw: st.DrawFn) -> station.TariffElement:
    amount = st.none() | st.integers(0, 2000)
    hours = st.none() | st.tuples(st.integers(0, 1439), st.integers(0, 1440))
    start, end = draw(hours) or (None, None)
    end = None if start is None or start == end else end
    least = draw(st.none() | st.integers(0, 200))
    made = station.TariffElement(
        weekdays=tuple(sorted(draw(st.sets(st.integers(1, 7), max_size=4)))),
        start=None if end is None else start,
        end=end,
        min_minutes=least,
        max_minutes=draw(st.none() | st.integers((least or 0) + 1, 300)),
        flat=draw(amount),
        per_hour=draw(amount),
        per_kwh=draw(amount),
    )
    named = (made.flat, made.per_hour, made.per_kwh) != (None, None, None)
    return made if named else replace(made, per_hour=7)


@settings(max_examples=120, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    which=st.integers(0, 1),
    begin=st.integers(0, 24 * 60),
    minutes=st.integers(1, 300) | st.just(1440),
    some=st.lists(elements(), max_size=5),
    per_hour=st.integers(0, 2000),
)
def test_a_price_is_what_counting_minutes_says(
    zone: str,
    which: int,
    begin: int,
    minutes: int,
    some: list[station.TariffElement],
    per_hour: int,
) -> None:
    day = CHANGE_DAYS[zone][which]
    start = starts(day, zone, 60)[0] + timedelta(minutes=begin - 300)
    tariff = replace(TARIFF, per_hour=per_hour, elements=tuple(some))
    check_tariff(tariff)
    period = Period(start, start + timedelta(minutes=minutes))
    lines = price_lines(tariff, period, zone)
    assert [line.amount for line in lines] == amounts(tariff, period, zone)
    assert total(tariff, lines) == Money(sum(line.amount for line in lines), "EUR")


def test_wall_time_is_that_of_the_station() -> None:
    evening = element(start=18 * 60, end=19 * 60, per_hour=0)
    tariff = replace(TARIFF, flat=0, elements=(evening,))
    at_six = datetime(2026, 6, 1, 18, tzinfo=ZoneInfo(NEW_YORK))
    period = Period(at_six, at_six + timedelta(hours=1))
    assert price_lines(tariff, period, NEW_YORK) == ()
    assert [line.amount for line in price_lines(tariff, period, BERLIN)] == [400]


def test_a_line_of_time_says_its_minutes_and_price_and_when_that_holds() -> None:
    period = Period(utc("2026-06-01T19:30"), utc("2026-06-02T04:30"))  # 21:30 to 6:30
    turns = [utc("2026-06-01T20:00"), utc("2026-06-02T04:00")]
    fee, day, night = price_lines(replace(NIGHTS, flat=50), period, BERLIN)
    assert (fee.minutes, fee.per_hour, fee.parts) == (None, None, ())
    assert (day.minutes, day.per_hour) == (60, 400)
    assert day.parts == (Period(period.start, turns[0]), Period(turns[1], period.end))
    assert (night.minutes, night.per_hour, night.parts) == (480, 100, (Period(*turns),))
    _, only = price_lines(TARIFF, period, BERLIN)
    assert (only.minutes, only.per_hour, only.parts) == (540, 400, ())
