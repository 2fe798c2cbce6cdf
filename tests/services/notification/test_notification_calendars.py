"""Calendar files: one event per booking in every calendar, moved by its versions, taken out."""

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from uuid import uuid4

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from icalendar import Calendar, Event
from msgspec.structs import replace
from tests.harness import Harness, driver
from tests.services.notification.made_up import (
    ADDRESS,
    NOW,
    START,
    MailServer,
    booking,
    text_of,
)
from tests.services.notification.post_office import (
    DRIVER,
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

from evslot.services.notification import messages as notification
from evslot.services.notification.adapters.calendars import Calendars
from evslot.services.notification.adapters.letters import Letters
from evslot.services.notification.adapters.smtp import MailSettings
from evslot.services.notification.domain import telling
from evslot.services.notification.domain.facts import BookingFacts
from evslot.services.reservation import messages as reservation
from evslot.spine.callers import ANONYMOUS, SYSTEM
from evslot.spine.message import Refused
from evslot.values import ReservationId, UserId, new_id

pytestmark = pytest.mark.anyio
CALENDARS = Calendars(MailSettings(), Letters("support@evslot.example"))


def the_event(text: str) -> tuple[Calendar, Event]:
    """Of a calendar with one event, as another program reads it."""
    calendar = Calendar.from_ical(text)
    (event,) = calendar.events
    return calendar, event


def attached(message: EmailMessage) -> tuple[str, str]:
    """The method that the media type names, and the calendar text."""
    (file,) = [part for part in message.iter_attachments() if "calendar" in part.get_content_type()]
    assert str(file.get_filename()).endswith(".ics")
    return str(file.get_param("method")), file.get_payload(decode=True).decode()  # type: ignore[union-attr]


async def calendar_file(
    h: Harness, booking: reservation.Reservation, person: UserId = DRIVER
) -> notification.CalendarFile:
    query = notification.GetCalendarFile(reservation_id=booking.reservation_id)
    return await h.ask(query, caller=driver(person))


async def test_a_booking_comes_into_the_calendar_and_out_of_it_by_mail(
    h: Harness, mail: MailServer
) -> None:
    event = confirmed()
    for fact in (event, cancelled(event.reservation)):
        await told(h, fact)
        await h.run_jobs()
    methods, calendars, events = [], [], []
    for message in sorted(mail.taken, key=lambda one: str(one["Subject"])):
        method, text = attached(message)
        calendar, entry = the_event(text)
        methods.append(method)
        calendars.append(str(calendar["METHOD"]))
        events.append(entry)
    assert methods == calendars == ["REQUEST", "CANCEL"]
    first, last = events
    assert first["UID"] == last["UID"] == f"{event.reservation.reservation_id}@evslot.localhost"
    assert (first.sequence, last.sequence) == (3, 4)
    assert (first["STATUS"], last["STATUS"]) == ("CONFIRMED", "CANCELLED")
    assert first.decoded("DTSTART") == START
    assert first["ATTENDEE"] == f"mailto:{ADDRESS}"
    assert first["ORGANIZER"] == "mailto:no-reply@evslot.localhost"
    assert "puts the booking into your calendar" in "".join(map(text_of, mail.taken))


@pytest.mark.parametrize("gives_up", [False, True], ids=["slow", "given up"])
async def test_a_cancellation_is_not_mailed_before_its_confirmation(
    h: Harness, mail: MailServer, gives_up: bool
) -> None:
    """Else a calendar would first be asked to forget the booking, and then to enter it."""
    event = confirmed()
    await told(h, event)
    await h.hear(cancelled(event.reservation))
    assert [state for state, _ in await states(h)] == ["sending", "waiting"]
    assert len(h.sent) == 1, "the address is asked for when it is its turn"
    if gives_up:
        mail.says = lambda step, address: "550 not today" if step == "RCPT" else None
    await h.run_jobs()
    mail.says = lambda step, address: None
    await answer_contacts(h)
    await h.run_jobs()
    subjects = [str(message["Subject"]).split(":")[0] for message in mail.taken]
    assert subjects == (["Cancelled"] if gives_up else ["Booked", "Cancelled"])
    await h.run_periodic()
    assert len(h.sent) == 2


async def test_the_file_of_a_booking_follows_its_versions(h: Harness) -> None:
    event = confirmed()
    await h.hear(event)
    first = await calendar_file(h, event.reservation)
    assert first.name == "evslot-K7Q2XP.ics"
    calendar, entry = the_event(first.text)
    assert (calendar["METHOD"], entry["SEQUENCE"], entry["STATUS"]) == ("PUBLISH", 3, "CONFIRMED")
    assert "ATTENDEE" not in entry
    assert (await calendar_file(h, event.reservation)) == first
    await h.hear(completed(event.reservation))
    await h.hear(event)  # republished: older than what is known
    assert the_event((await calendar_file(h, event.reservation)).text)[1]["SEQUENCE"] == 6


async def test_the_file_of_a_cancelled_booking_takes_it_out(h: Harness) -> None:
    event = confirmed()
    await h.hear(event, cancelled(event.reservation))
    calendar, entry = the_event((await calendar_file(h, event.reservation)).text)
    assert (calendar["METHOD"], entry["STATUS"]) == ("CANCEL", "CANCELLED")


async def test_a_file_is_for_the_driver_alone(h: Harness) -> None:
    event = confirmed()
    await h.hear(event)
    for wanted, caller, status in (
        (event.reservation.reservation_id, driver(UserId(uuid4())), 404),
        (event.reservation.reservation_id, ANONYMOUS, 401),
        (new_id(), driver(DRIVER), 404),
    ):
        query = notification.GetCalendarFile(reservation_id=ReservationId(wanted))
        with pytest.raises(Refused) as refused:
            await h.ask(query, caller=caller)
        assert refused.value.status == status


def test_times_are_in_utc_and_lines_as_the_standard_wants_them() -> None:
    """RFC 5545: 3.1 lines end in CR LF and have at most 75 octets; 3.8.2.4 UTC ends in Z."""
    told = telling.told_confirmed(
        reservation.ReservationConfirmed(
            reservation=booking(now=NOW, station_name="Ladepark Süd; am Fluß, Tor 3" + "ß" * 60),
            version=3,
        )
    )
    assert isinstance(told.facts, BookingFacts)
    text = CALENDARS.invitation(told.facts, "de", ADDRESS, cancelled=False)
    assert "DTSTART:20261103T160000Z\r\n" in text
    assert "DTSTAMP:20261101T120000Z\r\n" in text
    assert text.startswith("BEGIN:VCALENDAR\r\n")
    assert text.endswith("END:VCALENDAR\r\n")
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert "\n" not in text.replace("\r\n", "")
    event = the_event(text)[1]
    assert str(event["LOCATION"]).startswith("Ladepark Süd; am Fluß, Tor 3")
    assert "Stornieren ist kostenlos bis" in str(event["DESCRIPTION"])


@example(name="A\\Nb", at=datetime(2026, 11, 3))
@given(name=st.text(max_size=60), at=st.datetimes(datetime(2001, 1, 1), datetime(2100, 1, 1)))
def test_any_name_and_time_is_read_back_as_one_event(name: str, at: datetime) -> None:
    """What an operator calls a station can add no line to anybody's calendar."""
    start = at.replace(microsecond=0, tzinfo=UTC)
    facts = telling.booking_facts(booking(now=NOW, start=start, station_name=name))
    calendar, event = the_event(CALENDARS.published(facts, "en", cancelled=False))
    assert calendar["METHOD"] == "PUBLISH"
    assert event.decoded("DTSTART") == start
    said = f"Charging: {facts.station_name}, A1".replace("  ", " ").replace("\\N", "\\ N")
    assert str(event["SUMMARY"]) == said
    assert set(event) >= {"UID", "SEQUENCE", "DTSTAMP", "STATUS"}
    again = CALENDARS.published(replace(facts), "en", cancelled=False)
    assert again == CALENDARS.published(facts, "en", cancelled=False)


async def test_the_edge_learns_how_far_calendars_have_come_with_a_booking(h: Harness) -> None:
    event = confirmed()
    question = notification.GetKnownVersion(reservation_id=event.reservation.reservation_id)
    assert (await h.ask(question, caller=SYSTEM)).version == 0
    await told(h, event)
    assert (await h.ask(question, caller=SYSTEM)).version == event.version
    done = completed(event.reservation).reservation
    settled = replace(done, version=7, payment_state="captured")
    owed = replace(done, version=8, payment_state="voided")
    await h.hear(reservation.ReservationSettled(reservation=settled, version=7))
    assert (await h.ask(question, caller=SYSTEM)).version == 7
    await h.hear(reservation.CaptureRefused(reservation=owed, version=8, reason="lapsed"))
    assert (await h.ask(question, caller=SYSTEM)).version == 8
    with pytest.raises(Refused) as refused:
        await h.ask(question, caller=driver())
    assert refused.value.status == 403


async def test_a_cancellation_that_was_missed_is_told_once_when_it_is_told_again(
    h: Harness,
) -> None:
    """Behind the gap first of its money is heard; then all is republished, twice."""
    event = confirmed(start=datetime.now(UTC).replace(microsecond=0) + timedelta(days=2))
    await h.hear(event)
    gone = cancelled(event.reservation)
    voided = replace(gone.reservation, version=5, payment_state="voided")
    settled = reservation.ReservationSettled(reservation=voided, version=5)
    await h.hear(settled)
    assert await h.fetch("select from reminder") == []
    await h.hear(gone, settled, gone, settled)
    kinds = [one.kind for one in (await in_app(h)).notifications]
    assert kinds == ["reservation_cancelled", "reservation_confirmed"]
    calendar, entry = the_event((await calendar_file(h, event.reservation)).text)
    assert (calendar["METHOD"], entry["SEQUENCE"]) == ("CANCEL", 5)
