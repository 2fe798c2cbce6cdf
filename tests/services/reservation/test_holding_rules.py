"""Who may hold a slot, for how long, and what it claims."""

from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.services.reservation.made_up import (
    BUFFER,
    CHARGER,
    NOW,
    RULES,
    USUAL,
    confirmed,
    held,
    own,
    quote,
    wish,
)

from evslot.services.reservation.domain import holding
from evslot.services.reservation.domain.booking import Booking
from evslot.services.reservation.messages import (
    HoldPaused,
    QuoteOutdated,
    TooManyBookings,
    TooManyHolds,
    VehicleBusy,
)
from evslot.values import ChargerId, Period, UserId, VehicleId

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
ME = UserId(uuid4())
ELSEWHERE = ChargerId(uuid4())


def lapsed(minutes_ago: int, charger: ChargerId = CHARGER) -> Booking:
    booking = held(NOW + 5 * HOUR, driver=ME, charger=charger)
    until = NOW - minutes_ago * MINUTE
    return replace(booking, reservation=replace(booking.reservation, held_until=until))


@pytest.mark.parametrize(
    ("starts_in", "lasts"),
    [
        (timedelta(days=1), 600),
        (HOUR + MINUTE, 600),
        (HOUR, 300),
        (timedelta(0), 300),
        (-12 * MINUTE, 180),  # grace of 15 minutes ends first
    ],
)
def test_hold_lasts_ten_minutes_five_if_soon_never_past_grace(
    starts_in: timedelta, lasts: int
) -> None:
    made = quote(NOW + starts_in)
    assert holding.held_until(made, RULES, NOW) == NOW + timedelta(seconds=lasts)


def test_outdated_quote_is_refused_and_so_is_a_slot_whose_grace_is_over() -> None:
    for made in (
        quote(NOW + HOUR, now=NOW - 15 * MINUTE),
        quote(NOW - 15 * MINUTE),
        quote(NOW - 5 * MINUTE, minutes=5),
    ):
        with pytest.raises(QuoteOutdated):
            holding.hold(wish(made), [], RULES, NOW)


def test_slot_that_has_just_begun_can_be_had_while_its_quote_is_valid() -> None:
    tried = holding.hold(wish(quote(NOW - MINUTE)), [], RULES, NOW)
    assert tried.booking.reservation.state == "held"


def test_fourth_live_hold_is_refused_and_so_is_a_booking_more_than_one_may_have() -> None:
    holds = [held(NOW + n * 2 * HOUR, driver=ME, charger=ELSEWHERE) for n in range(3)]
    fresh = wish(quote(NOW + HOUR), ME)
    with pytest.raises(TooManyHolds):
        holding.hold(fresh, own(*holds), RULES, NOW)
    other = [*holds[:2], confirmed(NOW + 9 * HOUR, charger=ELSEWHERE), lapsed(5, ELSEWHERE)]
    assert holding.hold(fresh, own(*other), RULES, NOW)
    with pytest.raises(TooManyBookings):
        holding.hold(fresh, own(*other), replace(RULES, live_bookings=3), NOW)
    assert holding.hold(fresh, own(*other), replace(RULES, live_bookings=4), NOW)


def test_two_lapsed_holds_on_a_charger_pause_it_for_half_an_hour() -> None:
    fresh = wish(quote(NOW + HOUR), ME)
    with pytest.raises(HoldPaused) as refused:
        holding.hold(fresh, own(lapsed(40), lapsed(10)), RULES, NOW)
    assert refused.value.details["until"] == (NOW + 20 * MINUTE).isoformat()
    assert holding.hold(fresh, own(lapsed(40), lapsed(30)), RULES, NOW)
    assert holding.hold(fresh, own(lapsed(40), lapsed(10, ELSEWHERE)), RULES, NOW)


def test_lapsed_holds_of_two_days_do_not_pause() -> None:
    # 23:55 and 00:05 in Berlin are two days, though one in UTC.
    berlin_midnight = NOW.replace(hour=23, minute=0)
    now = berlin_midnight + 10 * MINUTE
    holds = [
        replace(b, reservation=replace(b.reservation, held_until=berlin_midnight + shift))
        for b in (lapsed(0), lapsed(0))
        for shift in (-5 * MINUTE, 5 * MINUTE)
    ][:2]
    made = quote(now + HOUR, now=now)
    assert holding.paused_until(made, own(*holds), RULES, now) is None


def test_a_vehicle_is_in_one_place_at_a_time() -> None:
    car = VehicleId(uuid4())
    there = confirmed(NOW + HOUR, charger=ELSEWHERE)
    there = replace(there, reservation=replace(there.reservation, vehicle_id=car))
    overlapping = wish(quote(NOW + HOUR + 30 * MINUTE), ME, vehicle_id=car)
    with pytest.raises(VehicleBusy):
        holding.hold(overlapping, own(there), RULES, NOW)
    after = wish(quote(NOW + 2 * HOUR), ME, vehicle_id=car)
    assert holding.hold(after, own(there), RULES, NOW)
    other_car = wish(quote(NOW + HOUR), ME, vehicle_id=VehicleId(uuid4()))
    assert holding.hold(other_car, own(there), RULES, NOW)


def test_no_buffer_between_two_slots_of_one_driver_on_one_charger() -> None:
    middle = confirmed(NOW + 2 * HOUR)
    after = holding.hold(wish(quote(NOW + 3 * HOUR), ME), own(middle), RULES, NOW)
    assert after.adjoins == (middle.reservation.reservation_id,)
    assert after.claim == Period(NOW + 3 * HOUR, NOW + 4 * HOUR + BUFFER)
    before = holding.hold(wish(quote(NOW + HOUR), ME), own(middle), RULES, NOW)
    assert before.adjoins == ()
    assert before.claim == Period(NOW + HOUR, NOW + 2 * HOUR)
    assert before.booking.reservation.occupied == Period(NOW + HOUR, NOW + 2 * HOUR + BUFFER)


def test_hold_is_prolonged_once_and_never_past_grace() -> None:
    booking = held(NOW + 2 * HOUR)
    longer = holding.prolong(booking, RULES, NOW)
    assert longer is not None
    assert longer.reservation.held_until == NOW + 15 * MINUTE
    assert longer.reservation.version == 2
    assert holding.prolong(longer, RULES, NOW) is None
    begun = held(NOW - 12 * MINUTE)
    assert holding.prolong(begun, RULES, NOW) is None


@given(
    st.lists(
        st.tuples(st.sampled_from([CHARGER, ELSEWHERE]), st.booleans(), st.integers(0, 3)),
        max_size=12,
    )
)
def test_groups_keep_order_and_leave_a_charger_whose_buffer_is_cut_alone(
    drawn: list[tuple[ChargerId, bool, int]],
) -> None:
    holds = [
        replace(
            holding.hold(wish(quote(NOW + (1 + n) * HOUR, charger=charger)), [], RULES, NOW),
            adjoins=(wish(quote(NOW)).reservation_id,) if adjoining else (),
        )
        for charger, adjoining, n in drawn
    ]
    groups = holding.groups(holds)
    assert [hold for group in groups for hold in group] == holds
    for group in groups:
        chargers = [hold.booking.reservation.charger_id for hold in group]
        for hold in group:
            if hold.adjoins:
                assert chargers.count(hold.booking.reservation.charger_id) == 1


def test_grace_of_the_made_up_terms_is_what_the_tests_assume() -> None:
    assert USUAL.grace_minutes == 15
