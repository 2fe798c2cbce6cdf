"""Bookings as calendar files (RFC 5545), and as invitations that a mail carries (RFC 5546)."""

from typing import Literal

from icalendar import Calendar, Event, vCalAddress

from evslot.services.notification.adapters.letters import Letters
from evslot.services.notification.adapters.smtp import MailSettings
from evslot.services.notification.domain.facts import BookingFacts

Method = Literal["PUBLISH", "REQUEST", "CANCEL"]
PRODUCT = "-//evslot//bookings//EN"


class Calendars:
    """One event per booking: its UID never changes, its SEQUENCE is the booking's version."""

    def __init__(self, settings: MailSettings, letters: Letters) -> None:
        self._letters = letters
        self._organizer = settings.mail_from
        self._organizer_name = settings.mail_from_name
        self._domain = settings.mail_from.rpartition("@")[2]

    def name(self, facts: BookingFacts) -> str:
        """What the file is called."""
        return f"evslot-{facts.booking_code}.ics"

    def published(self, facts: BookingFacts, language: str, *, cancelled: bool) -> str:
        """For a download: nobody is invited, so nobody has to answer."""
        return self._write(facts, language, "CANCEL" if cancelled else "PUBLISH", None)

    def invitation(
        self, facts: BookingFacts, language: str, address: str, *, cancelled: bool
    ) -> str:
        """For a mail: calendars that read it enter the booking, and take it out again."""
        return self._write(facts, language, "CANCEL" if cancelled else "REQUEST", address)

    def _write(
        self, facts: BookingFacts, language: str, method: Method, address: str | None
    ) -> str:
        calendar = Calendar()
        calendar.add("prodid", PRODUCT)
        calendar.add("version", "2.0")
        calendar.add("method", method)
        calendar.add_component(self._event(facts, language, method, address))
        text: str = calendar.to_ical().decode()
        return text

    def _event(
        self, facts: BookingFacts, language: str, method: Method, address: str | None
    ) -> Event:
        changed_at = facts.changed_at or facts.period.start
        title, text, place = self._letters.calendar_words(facts, language)
        event = Event()
        event.add("uid", f"{facts.reservation_id}@{self._domain}")
        event.add("sequence", facts.version)
        event.add("dtstamp", changed_at)  # of this version: the same file each time
        event.add("last-modified", changed_at)
        # In UTC, which needs no table of zones and cannot be misread in the doubled hour.
        event.add("dtstart", facts.period.start)
        event.add("dtend", facts.period.end)
        event.add("summary", _verbatim(title))
        event.add("description", _verbatim(text))
        event.add("location", _verbatim(place))
        event.add("status", "CANCELLED" if method == "CANCEL" else "CONFIRMED")
        event.add("transp", "OPAQUE")
        event.add("class", "PRIVATE")
        event.add("organizer", vCalAddress.new(self._organizer, cn=self._organizer_name))
        if address is not None:  # booked is booked: no calendar asks whether they will come
            going = vCalAddress.new(address, partstat="ACCEPTED", rsvp=False)
            event.add("attendee", going)
        return event


def _verbatim(text: str) -> str:
    """The library takes a backslash before a capital N for a line break; a space keeps them two."""
    return text.replace("\\N", "\\ N")
