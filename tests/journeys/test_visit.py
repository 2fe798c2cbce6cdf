"""Coming, charging, leaving: from a charger that is free now to the operator's table of the day."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from evslot.services.reservation.messages import Reservation, Reservations
from evslot.services.station.messages import SignedQuote, StationView
from tests.journeys.people import Person, Said, Town, eventually, tomorrow

pytestmark = pytest.mark.anyio


async def quote_now(driver: Person, station: StationView) -> SignedQuote:
    """From this minute to the second quarter of an hour after the next: at least 15 minutes."""
    now = datetime.now(UTC)
    end = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    end += timedelta(minutes=30)
    body = {
        "station_id": str(station.station_id),
        "charger_id": str(station.chargers[0].charger_id),
        "period": {"end": end.isoformat()},
        "now": True,
    }
    return await driver.post("/v1/quotes", SignedQuote, body)


async def book_now(driver: Person, station: StationView) -> Reservation:
    held = await driver.hold(await quote_now(driver, station))
    return (await driver.pay(held)).reservation


async def act(person: Person, booking: Reservation, what: str, body: Any = None) -> Reservation:
    path = f"/v1/reservations/{booking.reservation_id}/{what}"
    return await person.post(path, Reservation, body)


async def refused(work: Any) -> Said:
    with pytest.raises(Said) as no:
        await work
    return no.value


async def test_a_charger_that_is_free_now_is_used_and_left(
    driver: Person, station: StationView
) -> None:
    booking = await book_now(driver, station)
    assert booking.period.start <= datetime.now(UTC)
    assert booking.payment_state == "authorised"
    wrong = await refused(act(driver, booking, "check-in", {"label": "B9"}))
    assert (wrong.status, wrong.code, wrong.problem["details"]["label"]) == (
        409,
        "wrong_charger",
        "A1",
    )
    begun = await act(driver, booking, "check-in", {"label": "A1"})
    assert begun.state == "active"
    await driver.eventual_payment_state(booking, "captured")
    assert (await driver.payment(booking.payment_id)).captured == booking.total

    over = await act(driver, booking, "completion")
    assert over.state == "completed"
    assert over.completed_at is not None
    assert over.completed_at < booking.period.end
    details = await driver.booking(booking)
    assert [line.what for line in details.story][-3:] == ["started", "settled", "completed"]
    seen = [line.evidence.charger_label for line in details.story if line.evidence]
    assert seen == ["A1", None]
    again = await driver.hold(await quote_now(driver, station))
    assert again.charger_id == booking.charger_id
    await driver.cancel(again)


async def test_staff_checks_in_who_names_the_code_and_sees_the_day(
    town: Town, operator: Person, station: StationView
) -> None:
    driver, stranger = town.made_up(), town.made_up()
    booking = await book_now(driver, station)
    assert (await refused(act(stranger, booking, "check-in"))).status == 404
    assert (await refused(act(operator, booking, "check-in"))).code == "code_wrong"
    begun = await act(operator, booking, "check-in", {"code": booking.code})
    assert begun.state == "active"
    await act(operator, booking, "completion")

    assert operator.organisation is not None
    path = f"/v1/organisations/{operator.organisation.organisation_id}/reservations"
    span = {
        "from": (booking.period.start - timedelta(hours=1)).isoformat(),
        "to": (booking.period.start + timedelta(hours=1)).isoformat(),
    }
    wanted = {**span, "station": str(station.station_id), "states": "completed"}
    listed = await operator.get(path, Reservations, wanted)
    assert [one.reservation_id for one in listed.reservations] == [booking.reservation_id]
    assert (await refused(stranger.get(path, Reservations))).code == "members_only"

    answer = await operator.request("GET", f"{path}.csv", params=span)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = {row["reservation_id"]: row for row in csv.DictReader(io.StringIO(answer.text))}
    row = rows[str(booking.reservation_id)]
    assert (row["state"], row["code"], row["charger"]) == ("completed", booking.code, "A1")
    assert datetime.fromisoformat(row["start"]) == booking.period.start
    assert row["price"] == f"{booking.total.amount / 100:.2f}"


async def test_it_is_too_early_the_day_before(driver: Person, station: StationView) -> None:
    held = await driver.hold(await driver.quote(station, tomorrow()))
    assert (await refused(act(driver, held, "check-in"))).code == "not_confirmed"
    booking = (await driver.pay(held)).reservation
    early = await refused(act(driver, booking, "check-in"))
    assert early.code == "too_early"
    earliest = datetime.fromisoformat(early.problem["details"]["earliest"])
    assert earliest == booking.period.start - timedelta(minutes=booking.terms.early_minutes)
    assert (await refused(act(driver, booking, "completion"))).code == "not_checked_in"


async def test_a_hold_is_prolonged_once(driver: Person, station: StationView) -> None:
    held = await driver.hold(await driver.quote(station, tomorrow()))
    assert held.held_until is not None
    longer = await act(driver, held, "hold")
    assert longer.held_until == held.held_until + timedelta(minutes=5)
    assert (await refused(act(driver, held, "hold"))).code == "not_prolongable"
    await driver.cancel(held)


async def test_whoever_books_a_kind_gets_the_first_charger_that_is_free(
    town: Town, operator: Person
) -> None:
    station = await operator.fresh_station(chargers=2)
    period = tomorrow()
    body = {
        "station_id": str(station.station_id),
        "connector": "IEC_62196_T2",
        "period": {"start": period.start.isoformat(), "end": period.end.isoformat()},
    }
    first, second, third = (town.made_up(number) for number in range(3))
    held = [
        await one.hold(await one.post("/v1/quotes", SignedQuote, body)) for one in (first, second)
    ]
    assert {one.charger_label for one in held} == {"A1", "A2"}
    assert all(one.kind_of and one.kind_of.connector == "IEC_62196_T2" for one in held)
    quote = await third.post("/v1/quotes", SignedQuote, body)
    assert (await refused(third.hold(quote))).code == "slot_taken"


async def test_own_bookings_are_found_by_time_and_station(
    town: Town, operator: Person, station: StationView
) -> None:
    driver = town.made_up()
    other = await operator.fresh_station()
    held = [
        await driver.hold(await driver.quote(place, tomorrow(days=day)))
        for place, day in ((station, 1), (station, 2), (other, 2))
    ]

    async def found(**wish: Any) -> list[Any]:
        return [one.reservation_id for one in (await driver.bookings(**wish)).reservations]

    ids = [one.reservation_id for one in held]
    assert await found(station=str(station.station_id)) == [ids[1], ids[0]]
    noon = tomorrow(hour=12, days=2).start.isoformat()
    assert set(await found(**{"from": noon})) == {ids[1], ids[2]}
    assert await found(to=noon, states="held") == [ids[0]]
    page = await driver.bookings(limit=2)
    rest = await driver.bookings(limit=2, cursor=page.next_cursor)
    assert len(page.reservations + rest.reservations) == 3
    await eventually(lambda: found(states="cancelled"), lambda ids: ids == [])
