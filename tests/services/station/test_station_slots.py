"""What can be booked, what it costs, and why not."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.services.station.supplies import TARIFF, a_station, utc

from evslot.services.station import messages as station
from evslot.services.station.domain.hours import open_spans
from evslot.services.station.domain.prices import price_lines, total
from evslot.services.station.domain.quotes import Wish, make_quote
from evslot.services.station.domain.slots import (
    Occupied,
    chargers_per_answer,
    check_slot,
    claimed_span,
    day_slots,
)
from evslot.services.station.domain.terms import PRESETS
from evslot.spine.message import Refusal
from evslot.values import Period

NOW = utc("2026-06-01T08:00")
MONDAY = date(2026, 6, 1)
BERLIN = "Europe/Berlin"


def period(start: str, end: str) -> Period:
    return Period(utc(f"2026-{start}"), utc(f"2026-{end}"))


def refusal_of(view: station.StationView, wanted: Period, now: datetime = NOW) -> str | None:
    try:
        check_slot(view, wanted, now)
    except Refusal as refusal:
        return refusal.code
    return None


def weekly(*spans: tuple[int, int, int]) -> station.Hours:
    return station.Hours(
        always=False,
        weekly=tuple(station.Opening(weekday=d, start=s, end=e) for d, s, e in spans),
    )


# --- hours ------------------------------------------------------------------------------------


def test_a_station_that_never_closes_is_open_without_a_seam() -> None:
    spans = open_spans(station.Hours(), "Europe/Berlin", MONDAY, MONDAY + timedelta(days=1))
    assert spans == [period("05-30T22:00", "06-02T22:00")]


def test_hours_that_cross_midnight_reach_into_the_next_day() -> None:
    view = a_station(hours=weekly((1, 22 * 60, 26 * 60)))  # Monday 22:00 to Tuesday 02:00
    assert refusal_of(view, period("06-01T23:00", "06-02T00:00")) is None  # 01:00 to 02:00
    assert refusal_of(view, period("06-01T21:00", "06-01T23:00")) is None  # over midnight
    assert refusal_of(view, period("06-01T23:45", "06-02T00:15")) == "station_closed"


def test_a_booking_lies_inside_the_hours_but_its_buffer_may_not_fit() -> None:
    view = a_station(hours=weekly((1, 8 * 60, 18 * 60)))
    assert refusal_of(view, period("06-01T15:00", "06-01T16:00")) is None  # until 18:00 sharp
    assert refusal_of(view, period("06-01T15:15", "06-01T16:15")) == "station_closed"


def test_touching_hours_are_one() -> None:
    view = a_station(hours=weekly((1, 8 * 60, 12 * 60), (1, 12 * 60, 18 * 60)))
    assert refusal_of(view, period("06-01T09:30", "06-01T10:30")) is None


def test_an_exception_replaces_its_day_and_leaves_the_night_before() -> None:
    tuesday = date(2026, 6, 2)
    hours = replace(
        weekly((1, 20 * 60, 26 * 60), (2, 8 * 60, 18 * 60)),
        exceptions=(station.OpeningException(day=tuesday),),
    )
    view = a_station(hours=hours)
    assert refusal_of(view, period("06-01T22:30", "06-01T23:30")) is None
    assert refusal_of(view, period("06-02T10:00", "06-02T11:00")) == "station_closed"
    short = station.OpeningException(day=tuesday, start=10 * 60, end=12 * 60)
    view = a_station(hours=replace(hours, exceptions=(short,)))
    assert refusal_of(view, period("06-02T08:00", "06-02T10:00")) is None
    assert refusal_of(view, period("06-02T07:45", "06-02T08:45")) == "station_closed"


def test_a_closed_day_counts_at_a_station_that_is_always_open() -> None:
    closed = station.Hours(exceptions=(station.OpeningException(day=date(2026, 6, 2)),))
    view = a_station(hours=closed)
    assert refusal_of(view, period("06-02T10:00", "06-02T11:00")) == "station_closed"
    assert refusal_of(view, period("06-01T21:30", "06-01T22:30")) == "station_closed"
    assert refusal_of(view, period("06-02T22:00", "06-02T23:00")) is None


# --- rules ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (period("06-01T10:00", "06-01T11:00"), None),
        (period("06-01T10:00", "06-01T10:00"), "period_invalid"),
        (period("06-01T11:00", "06-01T10:00"), "period_invalid"),
        (Period(datetime(2026, 6, 1, 10), datetime(2026, 6, 1, 11)), "period_invalid"),
        (period("06-01T07:00", "06-01T08:00"), "slot_in_past"),
        (period("06-01T08:00", "06-01T09:00"), "slot_in_past"),
        (period("06-01T10:05", "06-01T11:05"), "slot_off_grid"),
        (period("06-01T10:00:01", "06-01T11:00:01"), "slot_off_grid"),
        (period("06-01T10:00", "06-01T11:05"), "slot_off_grid"),
        (period("06-01T10:00", "06-01T10:05"), "slot_length_invalid"),
        (period("06-01T10:00", "06-01T14:15"), "slot_length_invalid"),
        (period("07-15T10:00", "07-15T11:00"), "slot_too_far"),
        (period("06-01T08:15", "06-01T09:15"), None),
    ],
)
def test_each_rule_has_its_own_refusal(wanted: Period, code: str | None) -> None:
    assert refusal_of(a_station(), wanted) == code


@pytest.mark.parametrize(
    ("start", "end", "code"),
    [
        (datetime(1, 1, 1, tzinfo=UTC), datetime(1, 1, 2, tzinfo=UTC), "slot_in_past"),
        (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC), "slot_in_past"),
        (datetime(9999, 12, 31, 23, tzinfo=UTC), datetime.max.replace(tzinfo=UTC), "slot_too_far"),
        (utc("2026-06-01T10:00"), datetime.max.replace(tzinfo=UTC), "slot_length_invalid"),
    ],
)
def test_absurd_times_are_refused_like_others(start: datetime, end: datetime, code: str) -> None:
    assert refusal_of(a_station(zone="Pacific/Kiritimati"), Period(start, end)) == code
    assert refusal_of(a_station(zone="Pacific/Pago_Pago"), Period(start, end)) == code


def test_notice_is_exact_to_the_minute() -> None:
    view = a_station(rule=station.SlotRule(latest_notice=60, earliest_notice_days=1))
    assert refusal_of(view, period("06-01T08:45", "06-01T09:45")) == "slot_too_soon"
    assert refusal_of(view, period("06-01T09:00", "06-01T10:00")) is None
    assert refusal_of(view, period("06-02T08:00", "06-02T09:00")) is None
    assert refusal_of(view, period("06-02T08:15", "06-02T09:15")) == "slot_too_far"


# --- a day --------------------------------------------------------------------------------------


def reasons(
    view: station.StationView, day: date, minutes: int, busy: list[Period]
) -> dict[datetime, str | None]:
    charger = view.chargers[0]
    (found,) = day_slots(
        view, day, minutes, [charger], {charger.charger_id: [Occupied(one) for one in busy]}, NOW
    )
    return {slot.period.start: slot.reason for slot in found.slots}


def test_a_day_says_why_each_grey_slot_is_grey() -> None:
    view = a_station(
        rule=station.SlotRule(latest_notice=60, grid=60, shortest=60),
        hours=weekly((1, 0, 20 * 60)),
    )
    day = reasons(view, MONDAY, 60, [period("06-01T12:00", "06-01T13:05")])
    assert len(day) == 24
    assert day[utc("2026-06-01T07:00")] == "past"
    assert day[utc("2026-06-01T09:00")] is None
    assert day[utc("2026-06-01T11:00")] == "taken"  # its buffer would reach into the booking
    assert day[utc("2026-06-01T12:00")] == "taken"
    assert day[utc("2026-06-01T13:00")] == "taken"  # that booking's buffer
    assert day[utc("2026-06-01T14:00")] is None
    assert day[utc("2026-06-01T18:00")] == "closed"


def test_a_listed_station_has_slots_that_cannot_be_booked() -> None:
    day = reasons(a_station(status="listed"), MONDAY, 60, [])
    assert set(day.values()) == {"past", "not_bookable"}


def test_slots_beyond_the_notice_are_too_far() -> None:
    far = date(2026, 7, 15)
    assert set(reasons(a_station(), far, 60, []).values()) == {"too_far"}


def test_the_span_to_look_at_holds_all_that_the_days_slots_claim() -> None:
    view = a_station()
    assert claimed_span(view, MONDAY, 60, NOW) == period("05-31T22:00", "06-01T23:05")
    for day in (date(1, 1, 1), date(9999, 12, 31)):
        with pytest.raises(station.SearchInvalid):
            claimed_span(view, day, 60, NOW)
    for minutes in (0, -60, 10, 10**15):
        with pytest.raises(station.SlotLengthInvalid):
            claimed_span(view, MONDAY, minutes, NOW)
    with pytest.raises(station.SlotOffGrid):
        claimed_span(view, MONDAY, 50, NOW)


def test_an_answer_holds_no_more_chargers_than_fit_into_a_record() -> None:
    assert chargers_per_answer(a_station(rule=station.SlotRule(grid=60, shortest=60))) == 40
    assert chargers_per_answer(a_station()) == 10
    assert chargers_per_answer(a_station(rule=station.SlotRule(grid=5))) == 3


@given(
    day=st.sampled_from([date(2026, 10, 25), date(2026, 10, 26), date(2027, 3, 28)]),
    minutes=st.sampled_from([15, 60, 240]),
    begin=st.integers(0, 1500),
    length=st.integers(1, 600),
)
def test_a_slot_is_free_exactly_when_it_could_be_quoted_and_nothing_overlaps(
    day: date, minutes: int, begin: int, length: int
) -> None:
    view = a_station(hours=weekly(*((weekday, 6 * 60, 27 * 60) for weekday in range(1, 8))))
    now = utc("2026-10-24T12:00") if day.year == 2026 else utc("2027-03-27T12:00")
    start = now.replace(hour=0) + timedelta(days=1, minutes=begin - 180)
    taken = Period(start, start + timedelta(minutes=length))
    charger = view.chargers[0]
    (found,) = day_slots(
        view, day, minutes, [charger], {charger.charger_id: [Occupied(taken)]}, now
    )
    for slot in found.slots:
        claimed = Period(slot.period.start, slot.period.end + timedelta(minutes=5))
        allowed = refusal_of(view, slot.period, now) is None
        assert slot.free == (allowed and not claimed.overlaps(taken))


# --- money ----------------------------------------------------------------------------------------


@given(per_hour=st.integers(0, 10_000_000), minutes=st.integers(1, 1440))
def test_time_is_rounded_half_up_to_the_minor_unit(per_hour: int, minutes: int) -> None:
    tariff = replace(TARIFF, flat=0, per_hour=per_hour)
    lines = price_lines(tariff, Period(NOW, NOW + timedelta(minutes=minutes)), BERLIN)
    exact = Fraction(per_hour * minutes, 60)
    amount = sum(line.amount for line in lines)
    assert amount == int(exact + Fraction(1, 2))
    assert abs(exact - amount) <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("flat", "per_hour", "minutes", "amounts"),
    [
        (100, 400, 60, [100, 400]),
        (0, 333, 30, [167]),  # 166.5
        (0, 1, 29, []),
        (0, 1, 30, [1]),
        (50, 0, 60, [50]),
        (0, 0, 60, []),
    ],
)
def test_lines_explain_the_price_to_the_cent(
    flat: int, per_hour: int, minutes: int, amounts: list[int]
) -> None:
    tariff = replace(TARIFF, flat=flat, per_hour=per_hour)
    lines = price_lines(tariff, Period(NOW, NOW + timedelta(minutes=minutes)), BERLIN)
    assert [line.amount for line in lines] == amounts
    assert total(tariff, lines).amount == sum(amounts)
    assert {line.vat_basis_points for line in lines} <= {1900}


def test_a_quote_freezes_price_terms_and_what_is_claimed() -> None:
    view, wanted = a_station(), period("06-01T10:00", "06-01T11:30")
    quote = make_quote(view, Wish(chargers=[view.chargers[1]], period=wanted), NOW, uuid4())
    assert quote.total.amount == 100 + 600
    assert quote.occupied == period("06-01T10:00", "06-01T11:35")
    assert quote.valid_until == NOW + timedelta(minutes=15)
    assert quote.terms == PRESETS["usual"]
    assert (quote.charger_label, quote.energy_per_kwh) == ("A2", 49)


@pytest.mark.parametrize(
    "change", [{"status": "listed"}, {"status": "retired"}, {"tariff": None}, {"terms": None}]
)
def test_no_quote_where_booking_is_not_offered(change: dict[str, object]) -> None:
    view, wanted = a_station(**change), period("06-01T10:00", "06-01T11:00")
    with pytest.raises(station.StationNotBookable):
        make_quote(view, Wish(chargers=view.chargers, period=wanted), NOW, uuid4())


def test_the_nearer_the_start_the_more_a_preset_keeps() -> None:
    for terms in PRESETS.values():
        kept = [step.kept_percent for step in terms.ladder] + [terms.last_percent]
        until = [step.until_minutes for step in terms.ladder]
        assert kept == sorted(kept)
        assert until == sorted(until, reverse=True)


def test_the_presets_are_those_of_the_rules() -> None:
    def figures(name: str) -> tuple[object, ...]:
        terms = PRESETS[name]
        steps = [(step.until_minutes, step.kept_percent) for step in terms.ladder]
        rest = (terms.last_percent, terms.grace_minutes, terms.no_show_percent)
        return (steps, *rest, terms.early_minutes, terms.compensation_percent)

    assert figures("relaxed") == ([(15, 0)], 50, 20, 50, 10, 0)
    assert figures("usual") == ([(60, 0), (15, 50)], 100, 15, 100, 5, 0)
    assert figures("strict") == ([(1440, 0), (120, 50)], 100, 10, 100, 0, 0)
