"""What people are told: by mail, in their list, in their calendar, and only what they want."""

from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
from icalendar import Calendar, Event

from evslot.services.notification.messages import Choices, Marked, Notification, Notifications
from evslot.services.reservation.messages import Reservation
from evslot.services.station.messages import StationView
from tests.journeys.people import Person, Said, Town, eventually, tomorrow
from tests.journeys.running_system import RunningSystem
from tests.journeys.test_visit import act, book_now

pytestmark = pytest.mark.anyio


async def put(person: Person, path: str, body: Any = None) -> httpx.Response:
    answer = await person.request("PUT", path, body=body)
    if answer.is_error:
        raise Said(answer)
    return answer


async def told(person: Person, **params: Any) -> Notifications:
    return await person.get("/v1/notifications", Notifications, params)


async def line_of(person: Person, kind: str, reservation_id: UUID) -> Notification:
    """The line of a person's list, as soon as it is there."""

    async def lines() -> list[Notification]:
        listed = (await told(person, limit=100)).notifications
        return [one for one in listed if (one.kind, one.reservation_id) == (kind, reservation_id)]

    (line,) = await eventually(lines, bool)
    return line


async def attachment(system: RunningSystem, mail: dict[str, Any]) -> bytes:
    """The only file of a mail."""
    assert len(mail["attachments"]) == 1, mail["attachments"]
    async with httpx.AsyncClient(base_url=system.mail_url, trust_env=False) as client:
        answer = await client.get(f"/messages/{mail['number']}/attachments/0")
    return answer.content


async def calendar_file(person: Person, booking: Reservation) -> Event:
    """The event in the file of a booking, as soon as there is one."""
    path = f"/v1/reservations/{booking.reservation_id}/calendar.ics"
    answer = await eventually(lambda: person.request("GET", path), lambda it: it.status_code == 200)
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert answer.headers["content-disposition"].endswith('.ics"')
    return event_in(answer.text)


def event_in(text: str | bytes) -> Event:
    (event,) = Calendar.from_ical(text).events
    return event


async def test_a_booking_is_told_listed_read_and_stands_in_the_calendar(
    town: Town, system: RunningSystem, station: StationView
) -> None:
    driver, stranger = await town.sign_up(), town.made_up()
    held = await driver.hold(await driver.quote(station, tomorrow(days=3)))
    booking = (await driver.pay(held)).reservation
    mail = await town.awaited_mail(driver.email, f"Booked: {station.name}")
    invited = event_in(await attachment(system, mail))
    own = await calendar_file(driver, booking)
    assert own["UID"] == invited["UID"]
    assert own.decoded("DTSTART") == booking.period.start
    assert own.sequence == invited.sequence == booking.version
    path = f"/v1/reservations/{booking.reservation_id}/calendar.ics"
    assert (await stranger.request("GET", path)).status_code == 404

    line = await line_of(driver, "reservation_confirmed", booking.reservation_id)
    assert (line.read_at, (await told(driver)).unread) == (None, 1)
    answer = await put(driver, f"/v1/notifications/{line.notification_id}/read-mark")
    assert msgspec.json.decode(answer.content, type=Marked) == Marked(marked=1, unread=0)
    assert (await told(driver, unread="true")).notifications == []
    with pytest.raises(Said) as refused:
        await put(stranger, f"/v1/notifications/{line.notification_id}/read-mark")
    assert (refused.value.status, refused.value.code) == (404, "notification_not_found")

    await driver.cancel(booking)
    gone = await town.awaited_mail(driver.email, f"Cancelled: {station.name}")
    taken_out = event_in(await attachment(system, gone))
    assert (taken_out["UID"], taken_out["STATUS"]) == (own["UID"], "CANCELLED")
    assert taken_out.sequence > own.sequence
    assert (await calendar_file(driver, booking))["STATUS"] == "CANCELLED"
    await line_of(driver, "reservation_cancelled", booking.reservation_id)
    answer = await put(driver, "/v1/notifications/read-mark")
    assert msgspec.json.decode(answer.content, type=Marked).unread == 0


async def test_what_is_switched_off_is_not_mailed(town: Town, station: StationView) -> None:
    driver = await town.sign_up()
    path = "/v1/me/notification-choices"
    body = {"choices": [{"kind": "reservation_confirmed", "channel": "email", "wanted": False}]}
    chosen = msgspec.json.decode((await put(driver, path, body)).content, type=Choices)
    assert await driver.get(path, Choices) == chosen
    assert [one.kind for one in chosen.choices if not one.wanted] == ["reservation_confirmed"]
    fixed = {"choices": [{"kind": "account_code", "channel": "email", "wanted": False}]}
    with pytest.raises(Said) as refused:
        await put(driver, path, fixed)
    assert (refused.value.status, refused.value.code) == (409, "choice_fixed")

    held = await driver.hold(await driver.quote(station, tomorrow(days=4)))
    booking = (await driver.pay(held)).reservation
    await line_of(driver, "reservation_confirmed", booking.reservation_id)
    await driver.cancel(booking)
    await town.awaited_mail(driver.email, f"Cancelled: {station.name}")
    assert not [mail for mail in await town.mails(driver.email) if "Booked" in mail["subject"]]


async def test_after_the_visit_comes_the_receipt(
    town: Town, system: RunningSystem, station: StationView
) -> None:
    driver = await town.sign_up()
    booking = await book_now(driver, station)
    await act(driver, booking, "check-in", {"label": "A1"})
    await act(driver, booking, "completion")
    mail = await town.awaited_mail(driver.email, f"Thank you: {station.name}")
    assert "The receipt is attached." in mail["text"]
    pdf = await attachment(system, mail)
    assert pdf.startswith(b"%PDF-")
    path = f"/v1/payments/{booking.payment_id}/receipt"
    served = await driver.request("GET", path, params={"format": "pdf"})
    assert served.content == pdf


async def test_a_payment_in_need_and_money_given_back_are_told(
    town: Town, station: StationView
) -> None:
    driver = await town.sign_up()
    held = await driver.hold(await driver.quote(station, tomorrow(days=9)))
    challenged = await driver.pay(held, "sim_challenge")
    assert challenged.challenge_url is not None
    await town.awaited_mail(driver.email, f"Confirm your payment: {station.name}")
    await driver.post(challenged.challenge_url, dict, {"answer": "approve"})
    await driver.eventual_payment_state(held, "captured")
    await driver.cancel(held)
    await driver.eventual_payment_state(held, "refunded")
    mail = await town.awaited_mail(driver.email, "is on its way back to you")
    assert station.name in mail["text"]
    await line_of(driver, "payment_refunded", held.reservation_id)
