"""Reminders: a day and half an hour before, once, and not for what is given up or begun."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.harness import Harness
from tests.services.notification.made_up import NOW, MailServer, text_of
from tests.services.notification.post_office import (
    answer_contacts,
    cancelled,
    completed,
    confirmed,
    in_app,
    states,
    told,
)
from tests.services.notification.post_office import h as h
from tests.services.notification.post_office import mail as mail

from evslot.services.notification.domain import reminding
from evslot.services.reservation import messages as reservation
from evslot.spine.message import Event

pytestmark = pytest.mark.anyio
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


async def reminders(h: Harness) -> list[str]:
    rows = await h.fetch("select kind from reminder order by due_at")
    return [row["kind"] for row in rows]


async def pass_by(h: Harness, kind: str) -> None:
    """As if this reminder's time had come."""
    await h.execute("update reminder set due_at = now() where kind = $1", kind)
    await h.run_periodic()


async def start_in(h: Harness, length: timedelta) -> None:
    """As if all bookings started that much later than now."""
    start = (datetime.now(UTC) + length).isoformat()
    await h.execute(
        "update booking set facts = jsonb_set(facts, '{period,start}', to_jsonb($1::text))", start
    )


def in_two_days(**changes: Any) -> reservation.ReservationConfirmed:
    return confirmed(start=datetime.now(UTC).replace(microsecond=0) + 48 * HOUR, **changes)


async def test_a_driver_is_reminded_twice_and_each_time_once(h: Harness, mail: MailServer) -> None:
    event = in_two_days()
    await told(h, event)
    assert await reminders(h) == ["reservation_tomorrow", "reservation_soon"]
    await h.run_periodic()
    assert len(h.sent) == 1, "nothing is due yet"
    for kind in ("reservation_tomorrow", "reservation_soon"):
        await pass_by(h, kind)
        await h.run_periodic()
        await h.hear(event)  # republished: brings no reminder back
    await answer_contacts(h)
    await h.run_jobs()
    told_of = {str(message["Subject"]).split()[0]: text_of(message) for message in mail.taken}
    assert told_of.keys() == {"Booked:", "Reminder:", "Starts"}
    assert "Cancelling is free until" in told_of["Reminder:"]
    listed = (await in_app(h)).notifications
    assert [one.kind for one in listed] == [
        "reservation_soon",
        "reservation_tomorrow",
        "reservation_confirmed",
    ]
    assert await reminders(h) == []


def ended(booking: reservation.Reservation, how: str) -> Event:
    """No reminder helps any more."""
    match how:
        case "cancelled":
            return cancelled(booking)
        case "started":
            begun = replace(booking, state="active", version=4)
            return reservation.ReservationStarted(reservation=begun, version=4, by="driver")
        case _:
            return completed(booking)


@pytest.mark.parametrize("ending", ["cancelled", "started", "completed"])
async def test_who_gave_up_or_is_there_is_not_reminded(h: Harness, ending: str) -> None:
    event = in_two_days()
    booking = event.reservation
    await h.hear(event)
    await h.hear(ended(booking, ending))
    assert await reminders(h) == []
    await h.hear(event)
    assert await reminders(h) == []


@pytest.mark.parametrize("ending", ["cancelled", "started", "completed"])
@pytest.mark.parametrize("stands", ["asked", "queued"])
async def test_a_reminder_on_its_way_does_not_come_after_the_end(
    h: Harness, mail: MailServer, stands: str, ending: str
) -> None:
    """The user service or the mail server was away; the driver was faster."""
    event = in_two_days()
    await told(h, event)
    await h.run_jobs()
    mail.says = lambda step, _: "451 later"
    await pass_by(h, "reservation_soon")
    if stands == "queued":
        await answer_contacts(h)
        await h.jobs.step("MailNotice")
    await h.hear(ended(event.reservation, ending), confirmed())
    mail.says = lambda step, _: None
    await answer_contacts(h)
    await h.run_jobs()
    came = [str(message["Subject"]).split()[0] for message in mail.taken]
    assert sorted(came) == sorted(
        ["Booked:", "Booked:", *(["Cancelled:"] if ending == "cancelled" else [])]
    )
    assert ("failed", "overtaken") in await states(h)
    kinds = [one.kind for one in (await in_app(h)).notifications]
    assert "reservation_soon" in kinds, "the list says what was told"
    for row in await h.fetch("select payload from job"):
        assert row["payload"] == b""


async def test_a_reminder_we_come_too_late_for_is_left_out(h: Harness) -> None:
    await h.hear(in_two_days())
    await start_in(h, -MINUTE)
    await pass_by(h, "reservation_soon")
    assert await reminders(h) == ["reservation_tomorrow"]
    assert [one.kind for one in (await in_app(h)).notifications] == ["reservation_confirmed"]


async def test_a_reminder_that_could_not_be_mailed_in_time_is_not_mailed(
    h: Harness, mail: MailServer
) -> None:
    """The mail server was away until the slot had begun: it would only alarm."""
    await h.hear(in_two_days())
    await start_in(h, timedelta(seconds=1))
    await pass_by(h, "reservation_soon")
    assert len(h.sent) == 2
    await asyncio.sleep(1.1)
    await answer_contacts(h)
    await h.run_jobs()
    assert [str(message["Subject"]).split()[0] for message in mail.taken] == ["Booked:"]
    assert ("failed", "too_late") in await states(h)


def test_reminders_of_a_booking_for_tomorrow_evening() -> None:
    start = NOW + 30 * HOUR
    assert [one.due_at for one in reminding.reminders(start, NOW)] == [
        start - 24 * HOUR,
        start - 30 * MINUTE,
    ]


@given(minutes=st.integers(-100, 5000))
def test_no_reminder_comes_just_behind_the_confirmation_or_after_the_start(minutes: int) -> None:
    start = NOW + minutes * MINUTE
    for one in reminding.reminders(start, NOW):
        assert one.due_at - NOW >= 10 * MINUTE
        assert start - one.due_at == reminding.BEFORE[one.kind]
        assert reminding.is_timely(one.kind, start, one.due_at)
        assert not reminding.is_timely(one.kind, start, start)
