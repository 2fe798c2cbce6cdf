"""What giving a booking up costs, by the frozen terms."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.services.reservation.made_up import NOW, RELAXED, STRICT, USUAL, confirmed, held

from evslot.services.reservation.domain import cancelling, paying
from evslot.services.reservation.domain.booking import Booking, Rules
from evslot.services.reservation.messages import (
    HoldOver,
    NotCancellable,
    NotPayable,
    PaymentRunning,
)
from evslot.values import LadderStep, Money, Terms

MINUTE = timedelta(minutes=1)
TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)
START = NOW + 5 * DAY


@pytest.mark.parametrize(
    ("terms", "minutes_before", "percent"),
    [
        (RELAXED, 15, 0),
        (RELAXED, 14.99, 50),
        (RELAXED, -1, 50),
        (USUAL, 60, 0),
        (USUAL, 59.99, 50),
        (USUAL, 15, 50),
        (USUAL, 14.99, 100),
        (USUAL, 0, 100),
        (USUAL, -14.99, 100),
        (STRICT, 1440, 0),
        (STRICT, 1439.99, 50),
        (STRICT, 120, 50),
        (STRICT, 119.99, 100),
    ],
)
def test_exactly_n_minutes_before_is_in_time(
    terms: Terms, minutes_before: float, percent: int
) -> None:
    booking = confirmed(START, terms=terms, price=1000)
    fee = cancelling.cancel_fee(booking, "driver", START - minutes_before * MINUTE)
    assert fee == Money(percent * 10, "EUR")


def test_ten_minutes_from_confirming_a_cancel_is_free_if_before_the_start() -> None:
    at = START - 12 * MINUTE
    booking = confirmed(START, at=at)
    assert cancelling.cancel_fee(booking, "driver", at + 10 * MINUTE) == Money(0, "EUR")
    assert cancelling.cancel_fee(booking, "driver", at + 10 * MINUTE + TICK) == Money(640, "EUR")
    late = confirmed(START, at=START - 5 * MINUTE)
    assert cancelling.cancel_fee(late, "driver", START - TICK) == Money(0, "EUR")
    assert cancelling.cancel_fee(late, "driver", START) == Money(640, "EUR")


def test_a_driver_cancels_until_grace_ends_an_operator_until_the_booking_does() -> None:
    booking = confirmed(START)
    assert cancelling.cancel_fee(booking, "driver", START + 15 * MINUTE - TICK) is not None
    with pytest.raises(NotCancellable):
        cancelling.cancel(booking, "driver", START + 15 * MINUTE)
    by_operator = cancelling.cancel(booking, "operator", START + 59 * MINUTE)
    assert (by_operator.fee.amount, by_operator.refund.amount) == (0, 640)
    assert cancelling.cancel_fee(booking, "operator", START + 60 * MINUTE) is None


def test_a_hold_is_released_without_fee_and_a_lapsed_one_is_over() -> None:
    booking = held(START)
    released = cancelling.cancel(booking, "driver", NOW + MINUTE)
    assert released.booking.reservation.state == "released"
    assert (released.fee, released.refund) == (Money(0, "EUR"), Money(0, "EUR"))
    with pytest.raises(NotCancellable):
        cancelling.cancel(booking, "driver", NOW + 10 * MINUTE)


@pytest.mark.parametrize(("percent", "kept"), [(0, 0), (50, 3), (33, 2), (10, 1), (100, 5)])
def test_fee_rounds_half_up(percent: int, kept: int) -> None:
    assert cancelling.share(Money(5, "EUR"), percent) == Money(kept, "EUR")


@pytest.mark.parametrize(
    ("payment_state", "fee", "how"),
    [
        ("authorised", 0, "void"),
        ("authorised", 320, "capture"),
        ("authorised", 640, "capture"),
        ("captured", 0, "refund"),
        ("captured", 320, "refund"),
        ("captured", 640, "nothing"),
        (None, 0, "nothing"),
    ],
)
def test_money_goes_where_the_terms_want_it(payment_state: str | None, fee: int, how: str) -> None:
    reservation = replace(confirmed(START).reservation, payment_state=payment_state)
    assert cancelling.settling(reservation, Money(fee, "EUR")) == how


@st.composite
def ladders(draw: st.DrawFn) -> Terms:
    """Terms as the editor lets them be: nearer to the start never less is kept."""
    percents = sorted(draw(st.lists(st.integers(0, 100), min_size=1, max_size=6)))
    minutes = sorted(
        draw(
            st.lists(
                st.integers(0, 20_000),
                min_size=len(percents) - 1,
                max_size=len(percents) - 1,
                unique=True,
            )
        ),
        reverse=True,
    )
    steps = tuple(
        LadderStep(until_minutes=m, kept_percent=p) for m, p in zip(minutes, percents, strict=False)
    )
    grace = draw(st.integers(0, 60))
    return replace(USUAL, ladder=steps, last_percent=percents[-1], grace_minutes=grace)


@given(ladders(), st.integers(0, 10**9), st.lists(st.integers(-3600, 2_000_000), max_size=8))
def test_fee_is_within_the_price_and_grows_toward_the_start(
    terms: Terms, price: int, seconds: list[int]
) -> None:
    booking = confirmed(START, at=START - 25 * DAY, terms=terms, price=price)
    fees = []
    for before in sorted(seconds, reverse=True):
        now = START - timedelta(seconds=before)
        fee = cancelling.cancel_fee(booking, "driver", now)
        if fee is None:
            assert now >= booking.grace_ends
            continue
        cancelled = cancelling.cancel(booking, "driver", now)
        assert cancelled.fee.amount + cancelled.refund.amount == price
        assert 0 <= fee.amount <= price
        fees.append(fee.amount)
    assert fees == sorted(fees)


STATES: list[Any] = [
    "active",
    "cancelled",
    "completed",
    "confirmed",
    "expired",
    "held",
    "no_show",
    "released",
]


@given(
    st.sampled_from(STATES), st.integers(-60, 60 * 24 * 6), st.sampled_from(["driver", "operator"])
)
def test_only_what_still_stands_is_given_up(state: Any, minutes: int, by: Any) -> None:
    booking = confirmed(START)
    booking = replace(booking, reservation=replace(booking.reservation, state=state))
    now = START - minutes * MINUTE
    if state not in ("held", "confirmed"):
        with pytest.raises(NotCancellable):
            cancelling.cancel(booking, by, now)


def test_a_payment_starts_only_for_a_live_hold_and_one_at_a_time() -> None:
    booking = held(START)
    paying.check_payable(booking, NOW)
    with pytest.raises(HoldOver):
        paying.check_payable(booking, NOW + 10 * MINUTE)
    for state in ("authorising", "challenge"):
        with pytest.raises(PaymentRunning):
            paying.check_payable(_with(booking, payment_state=state), NOW)
    paying.check_payable(_with(booking, payment_state="declined"), NOW)
    with pytest.raises(NotPayable):
        paying.check_payable(_with(booking, state="released"), NOW)
    with pytest.raises(NotPayable):
        paying.check_payable(confirmed(START), NOW)


def test_what_starts_in_more_than_six_days_is_paid_at_once() -> None:
    assert not paying.is_prepaid(held(NOW + 6 * DAY), Rules(), NOW)
    assert paying.is_prepaid(held(NOW + 6 * DAY + MINUTE), Rules(), NOW)
    # Whom nobody sees pays at the end: a promise of seven days must last until then.
    assert paying.is_prepaid(held(NOW + 6 * DAY, minutes=24 * 60), Rules(), NOW)


def _with(booking: Booking, **changes: Any) -> Booking:
    return replace(booking, reservation=replace(booking.reservation, **changes))
