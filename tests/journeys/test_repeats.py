"""The same Idempotency-Key: one effect, one answer, whatever happened in between."""

import asyncio
import time
from uuid import uuid4

import httpx
import pytest

from evslot.services.station.messages import StationView
from tests.journeys.people import Person, Town, eventually, tomorrow
from tests.journeys.running_system import RunningSystem

pytestmark = pytest.mark.anyio

KILLED = ("gateway", "gateway-1", "reservation", "reservation-1")


async def test_a_hold_repeated_ten_times_and_after_a_restart_is_one_hold(
    town: Town, driver: Person, station: StationView, system: RunningSystem
) -> None:
    key = str(uuid4())
    quote = await driver.quote(station, tomorrow())
    body = {"quote": quote.token}
    answers = await ten_at_once(driver, "/v1/reservations", body, key)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1

    other = await driver.request(
        "POST", "/v1/reservations", body={**body, "vehicle_id": str(uuid4())}, key=key
    )
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")

    await kill_and_await(system)
    again = await repeated(driver, "/v1/reservations", body, key)
    assert (again.status_code, again.content) == (201, answers[0].content)
    assert await bookings_of(system, station) == 1


async def test_a_payment_that_answers_later_is_paid_once(
    driver: Person, station: StationView, system: RunningSystem
) -> None:
    key = str(uuid4())
    held = await driver.hold(await driver.quote(station, tomorrow()))
    path = f"/v1/reservations/{held.reservation_id}/payment"
    answers = await ten_at_once(driver, path, {"method": "sim_slow"}, key)
    # Eight may wait for one answer; who comes after them is told to ask again.
    for place, answer in enumerate(answers):
        if answer.status_code == 202:
            answers[place] = await repeated(driver, path, {"method": "sim_slow"}, key)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    other = await driver.request("POST", path, body={"method": "sim_ok"}, key=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    await kill_and_await(system)
    again = await repeated(driver, path, {"method": "sim_slow"}, key)
    assert (again.status_code, again.content) == (201, answers[0].content)
    async with system.database("payment") as connection:
        count = "select count(*) from payment where reservation_id = $1"
        assert await connection.fetchval(count, held.reservation_id) == 1


async def test_killed_while_the_provider_thinks_the_repeat_gets_the_one_answer(
    driver: Person, station: StationView, system: RunningSystem
) -> None:
    key = str(uuid4())
    held = await driver.hold(await driver.quote(station, tomorrow()))
    path = f"/v1/reservations/{held.reservation_id}/payment"
    later = await driver.request(
        "POST",
        path,
        body={"method": "sim_slow"},
        key=key,
        headers={"Prefer": "respond-async"},
    )
    assert later.status_code == 202
    system.kill("reservation")
    system.kill("payment")
    answer = await repeated(driver, path, {"method": "sim_slow"}, key)
    assert (answer.status_code, answer.json()["reservation"]["state"]) == (201, "confirmed")
    operation = await eventually(
        lambda: driver.request("GET", later.headers["location"]),
        lambda answer: answer.json().get("state") == "done",
    )
    assert operation.json()["answer"]["body"] == answer.json()


async def ten_at_once(driver: Person, path: str, body: object, key: str) -> list[httpx.Response]:
    """Half of them at each gateway."""
    twins = [Person(driver.town, driver.token, number) for number in range(10)]
    return await asyncio.gather(*(twin.request("POST", path, body=body, key=key) for twin in twins))


async def repeated(driver: Person, path: str, body: object, key: str) -> httpx.Response:
    """What a good client does: the same again while it is told 202 or 503, or is hung up on."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            answer = await driver.request("POST", path, body=body, key=key)
        except httpx.TransportError as error:
            last = repr(error)
        else:
            if answer.status_code not in (202, 503):
                return answer
            last = answer.text
        await asyncio.sleep(0.2)
    raise AssertionError(last)


async def kill_and_await(system: RunningSystem) -> None:
    """Every gateway and reservation service dies and comes back."""
    before = {name: system.pids()[name] for name in KILLED}
    for name in KILLED:
        system.kill(name)
    await system.back_after(before)


async def bookings_of(system: RunningSystem, station: StationView) -> int:
    async with system.database("reservation") as connection:
        count = "select count(*) from reservation where station_id = $1"
        return int(await connection.fetchval(count, station.station_id))
