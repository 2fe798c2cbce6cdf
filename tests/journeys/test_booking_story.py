"""A booking from the first look to the last cent, and its other endings."""

import pytest

from evslot.services.station.messages import ChargerSlots, StationView
from evslot.values import Period
from tests.journeys.people import (
    BERLIN,
    Person,
    Said,
    Town,
    around,
    eventually,
    pass_by,
    soon,
    tomorrow,
)

pytestmark = pytest.mark.anyio


async def test_from_search_to_mail_and_a_free_cancel(
    town: Town, driver: Person, station: StationView
) -> None:
    window = tomorrow()
    found = await driver.search(
        connector="IEC_62196_T2",
        **around(station),
        **{"from": window.start.isoformat(), "to": window.end.isoformat()},
    )
    line = next(one for one in found.stations if one.station_id == station.station_id)
    assert (line.chargers_free, line.chargers_total) == (1, 1)
    day = window.start.astimezone(BERLIN).date()
    (charger,) = await driver.slots(station, day)
    slot = next(slot for slot in charger.slots if slot.period == window)
    assert (slot.free, slot.reason) == (True, None)

    quote = await driver.quote(station, window)
    assert quote.quote.total == slot.price == line.price
    held = await driver.hold(quote)
    assert held.state == "held"
    await eventually(lambda: driver.slots(station, day), lambda found: not is_free(found, window))

    paid = await driver.pay(held)
    assert paid.reservation.state == "confirmed"
    assert paid.reservation.payment_state == "authorised"
    mail = await town.awaited_mail(driver.email, station.name)
    assert held.code in mail["text"]
    own = await driver.bookings()
    assert held.reservation_id in [one.reservation_id for one in own.reservations]

    cancelled = await driver.cancel(held)
    assert (cancelled.fee.amount, cancelled.refund) == (0, quote.quote.total)
    settled = await driver.eventual_payment_state(held, "voided")
    assert settled.reservation.state == "cancelled"
    assert (await driver.payment(settled.reservation.payment_id)).captured.amount == 0
    again = await driver.hold(await driver.quote(station, window))
    await driver.cancel(again)


async def test_a_declined_card_leaves_the_hold_and_another_card_pays(
    driver: Person, station: StationView
) -> None:
    held = await driver.hold(await driver.quote(station, tomorrow()))
    with pytest.raises(Said) as declined:
        await driver.pay(held, "sim_decline")
    assert (declined.value.status, declined.value.code) == (409, "payment_refused")
    assert (await driver.booking(held)).reservation.state == "held"
    assert (await driver.pay(held)).reservation.state == "confirmed"


async def test_a_challenge_that_is_approved_confirms(driver: Person, station: StationView) -> None:
    held = await driver.hold(await driver.quote(station, tomorrow()))
    challenged = await driver.pay(held, "sim_challenge")
    assert challenged.challenge_url is not None
    assert challenged.reservation.state == "held"
    await driver.post(challenged.challenge_url, dict, {"answer": "approve"})
    await driver.eventual_payment_state(held, "authorised")
    assert (await driver.booking(held)).reservation.state == "confirmed"


async def test_a_challenge_that_is_refused_leaves_the_hold(
    driver: Person, station: StationView
) -> None:
    held = await driver.hold(await driver.quote(station, tomorrow()))
    challenged = await driver.pay(held, "sim_challenge")
    assert challenged.challenge_url is not None
    with pytest.raises(Said) as refused:
        await driver.post(challenged.challenge_url, dict, {"answer": "refuse"})
    assert refused.value.code == "payment_declined"
    await driver.eventual_payment_state(held, "declined")
    assert (await driver.booking(held)).reservation.state == "held"
    await driver.cancel(held)


async def test_a_hold_given_up_in_its_challenge_has_it_let_go_at_once(
    driver: Person, station: StationView
) -> None:
    held = await driver.hold(await driver.quote(station, tomorrow()))
    challenged = await driver.pay(held, "sim_challenge")
    assert challenged.challenge_url is not None
    await driver.cancel(held)
    over = (await driver.eventual_payment_state(held, "declined")).reservation
    assert over.state == "released"
    await eventually(
        lambda: driver.payment(over.payment_id), lambda payment: payment.state == "voided"
    )
    with pytest.raises(Said) as late:
        await driver.post(challenged.challenge_url, dict, {"answer": "approve"})
    assert late.value.code == "no_challenge_open"


async def test_what_starts_in_a_week_is_paid_at_once_and_given_back(
    driver: Person, station: StationView
) -> None:
    held = await driver.hold(await driver.quote(station, tomorrow(days=8)))
    paid = await driver.pay(held)
    assert paid.reservation.payment_state == "captured"
    cancelled = await driver.cancel(held)
    assert cancelled.refund == held.total
    settled = await driver.eventual_payment_state(held, "refunded")
    money = await driver.payment(settled.reservation.payment_id)
    assert money.captured == money.refunded == held.total


async def test_a_hold_nobody_pays_expires_by_itself(town: Town, station: StationView) -> None:
    first, second = town.made_up(), town.made_up()
    held = await first.hold(await first.quote(station, soon()))
    quote = await second.quote(station, soon())
    with pytest.raises(Said) as taken:
        await second.hold(quote)
    assert (taken.value.status, taken.value.code) == (409, "slot_taken")
    await pass_by(held.held_until)
    assert (await second.hold(quote)).state == "held"
    expired = await first.booking(held)
    assert expired.reservation.state == "expired"
    with pytest.raises(Said) as over:
        await first.pay(held)
    assert over.value.code == "hold_over"


def is_free(chargers: list[ChargerSlots], window: Period) -> bool:
    """Of the only charger."""
    return next(slot.free for slot in chargers[0].slots if slot.period == window)
