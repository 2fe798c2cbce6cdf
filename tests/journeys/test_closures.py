"""A closure over ten live bookings: no rival gets in, and each piece is closed as it gets free."""

import asyncio
from typing import Any

import pytest

from evslot.services.reservation.messages import Closure, ClosureDetails, Closures, Reservation
from evslot.services.station.messages import SignedQuote, StationView
from evslot.values import Period
from tests.journeys.people import BERLIN, Person, Said, Town, eventually, tomorrow

pytestmark = pytest.mark.anyio

CHARGERS = 10


async def close(operator: Person, station: StationView, period: Period) -> ClosureDetails:
    body = {
        "period": {"start": period.start.isoformat(), "end": period.end.isoformat()},
        "reason": "works on the cable",
    }
    path = f"/v1/stations/{station.station_id}/closures"
    return await operator.post(path, ClosureDetails, body)


async def known_station(operator: Person) -> StationView:
    """A station that the reservation service has heard of."""
    station = await operator.fresh_station(chargers=CHARGERS)
    path = f"/v1/stations/{station.station_id}/closures"

    async def status() -> int:
        return (await operator.request("GET", path)).status_code

    await eventually(status, lambda found: found == 200)
    return station


async def said(rival: Person, quote: SignedQuote) -> str:
    answer = await rival.request("POST", "/v1/reservations", body={"quote": quote.token})
    told: dict[str, str] = answer.json()
    return told["reservation_id"] if answer.status_code == 201 else told["code"]


async def test_no_rival_gets_into_a_closure_over_ten_live_bookings(
    town: Town, operator: Person
) -> None:
    station = await known_station(operator)
    drivers = [town.made_up(number) for number in range(CHARGERS)]
    booked = [
        await one.hold(await one.quote(station, tomorrow(hour=12), number))
        for number, one in enumerate(drivers)
    ]
    paid = (await drivers[0].pay(booked[0])).reservation
    rivals = [town.made_up(number) for number in range(100)]
    quotes = [
        await rivals[0].quote(station, tomorrow(hour=10 + 4 * (number % 2)), number // 2 % CHARGERS)
        for number in range(20)
    ]
    whole = Period(tomorrow(hour=8).start, tomorrow(hour=20).start)
    race = [said(rival, quotes[number % 20]) for number, rival in enumerate(rivals)]
    *outcomes, closed = await asyncio.gather(*race, close(operator, station, whole))
    assert isinstance(closed, ClosureDetails)

    touched = {str(one.reservation_id) for one in closed.touched}
    assert {str(one.reservation_id) for one in booked} <= touched
    faster = {outcome for outcome in outcomes if outcome != "slot_taken"}
    assert touched == faster | {str(one.reservation_id) for one in booked}
    assert closed.touched_total == len(touched)
    await nobody_gets_in(rivals, quotes)

    own = await rivals[0].quote(station, tomorrow(hour=12), 0)
    assert (await drivers[0].cancel(paid)).reservation.state == "cancelled"
    assert await said(rivals[1], own) == "slot_taken"
    for number, (driver, booking) in enumerate(zip(drivers, booked, strict=True)):
        if number:
            await driver.cancel(booking)
            quote = await rivals[0].quote(station, tomorrow(hour=12), number)
            assert await said(rivals[number], quote) == "slot_taken"
    await nobody_gets_in(rivals, quotes)
    await the_list_is_right(operator, station, closed, booked)
    await lifted_it_is_free(town, operator, station, closed)


async def nobody_gets_in(rivals: list[Person], quotes: list[SignedQuote]) -> None:
    again = [said(rival, quotes[number % 20]) for number, rival in enumerate(rivals)]
    assert set(await asyncio.gather(*again)) == {"slot_taken"}


async def the_list_is_right(
    operator: Person, station: StationView, closed: ClosureDetails, booked: list[Reservation]
) -> None:
    path = f"/v1/stations/{station.station_id}/closures"
    listed = await operator.get(path, Closures)
    assert [one.closure_id for one in listed.closures] == [closed.closure.closure_id]
    now = await operator.get(f"{path}/{closed.closure.closure_id}", ClosureDetails)
    states: dict[Any, str] = {one.reservation_id: one.state for one in now.touched}
    ended = {states[one.reservation_id] for one in booked}
    assert ended == {"cancelled", "released"}


async def lifted_it_is_free(
    town: Town, operator: Person, station: StationView, closed: ClosureDetails
) -> None:
    """Closed, the slots are taken in the view as well; lifted, they are free again."""
    day = closed.closure.period.start.astimezone(BERLIN).date()
    driver = town.made_up()

    async def free() -> set[bool]:
        slots = (await driver.slots(station, day))[0].slots
        return {slot.free for slot in slots if slot.period == tomorrow(hour=12)}

    await eventually(free, lambda found: found == {False})
    path = f"/v1/stations/{station.station_id}/closures/{closed.closure.closure_id}/lifting"
    assert (await operator.post(path, Closure)).state == "lifted"
    await eventually(free, lambda found: found == {True})
    held = await driver.hold(await driver.quote(station, tomorrow(hour=12)))
    assert held.state == "held"


async def test_only_its_operator_closes_a_station(town: Town, operator: Person) -> None:
    station = await known_station(operator)
    period = Period(tomorrow(hour=8).start, tomorrow(hour=9).start)
    with pytest.raises(Said) as no:
        await close(town.made_up(), station, period)
    assert (no.value.status, no.value.code) == (403, "not_an_operator")
