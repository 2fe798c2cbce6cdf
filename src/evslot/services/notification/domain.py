"""What is told to whom, and by which rules: facts, languages, safe texts, list positions."""

import base64
import hashlib
import struct
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID, uuid5

from msgspec import Struct

from evslot.services.notification.messages import CursorInvalid
from evslot.services.reservation import messages as reservation
from evslot.values import Money, NotificationId, Period, PriceLine, Terms, UserId

Kind = Literal["account_code", "reservation_confirmed", "reservation_cancelled", "payment_failed"]
Language = Literal["en", "de"]

NAMESPACE = UUID("5b0c1f0e-3f52-5c7a-9d6e-8a1d0d4b7e21")
"""Of notification ids; never changed, or repeats would be told again."""
NEWS_FOR = timedelta(hours=24)
"""A fact heard later than this after it happened is listed, but no longer mailed."""
TEXT_LIMIT = 200
"""Characters of one value in a text: a longer name is cut."""
PAGE_LIMIT = 100


class CodeFacts(Struct, frozen=True, kw_only=True, tag="code"):
    """A sign-in code: the code itself is only in the sealed job."""

    valid_until: datetime
    valid_minutes: int
    """Whole minutes from when it was asked for: the person's zone is not known yet."""


class BookingFacts(Struct, frozen=True, kw_only=True, tag="booking"):
    """A booking as the person is told about it."""

    reservation_id: UUID
    station_name: str
    charger_label: str
    zone: str
    period: Period
    total: Money
    lines: tuple[PriceLine, ...]
    booking_code: str
    free_until: datetime | None = None
    """Cancelling until then costs nothing; None where that is over."""
    held_until: datetime | None = None
    by: str | None = None
    """Who cancelled: driver, operator or system."""
    fee: Money | None = None
    refund: Money | None = None


Facts = CodeFacts | BookingFacts


class Told(Struct, frozen=True, kw_only=True):
    """One fact for one person."""

    notification_id: NotificationId
    user_id: UserId | None
    kind: Kind
    subject_id: UUID | None = None
    subject_version: int | None = None
    facts: Facts
    language: Language = "en"
    happened_at: datetime


def told_code(command_id: UUID, language: str, valid_until: datetime, asked_at: datetime) -> Told:
    """A sign-in code for an address; repeats of the command are the same notification."""
    return Told(
        notification_id=NotificationId(uuid5(NAMESPACE, f"account_code/{command_id}")),
        user_id=None,
        kind="account_code",
        facts=code_facts(valid_until, asked_at),
        language=language_for(language),
        happened_at=asked_at,
    )


def code_facts(valid_until: datetime, asked_at: datetime) -> CodeFacts:
    """What the mail says about the life of a code."""
    minutes = max(0, round((valid_until - asked_at).total_seconds() / 60))
    return CodeFacts(valid_until=valid_until, valid_minutes=minutes)


def told_confirmed(event: reservation.ReservationConfirmed) -> Told:
    """For the driver: the slot is theirs."""
    return _told(event.reservation, "reservation_confirmed")


def told_cancelled(event: reservation.ReservationCancelled) -> Told:
    """For the driver: the slot is given up, and what that cost."""
    return _told(
        event.reservation,
        "reservation_cancelled",
        by=event.by,
        fee=event.fee,
        refund=event.refund,
    )


def told_payment_failed(event: reservation.PaymentFailed) -> Told:
    """For the driver: pay another way while the hold lasts."""
    return _told(event.reservation, "payment_failed")


def _told(
    booking: reservation.Reservation,
    kind: Kind,
    by: str | None = None,
    fee: Money | None = None,
    refund: Money | None = None,
) -> Told:
    version = booking.version
    name = f"{kind}/{booking.reservation_id}/{version}/{booking.driver_id}"
    return Told(
        notification_id=NotificationId(uuid5(NAMESPACE, name)),
        user_id=booking.driver_id,
        kind=kind,
        subject_id=booking.reservation_id,
        subject_version=version,
        facts=BookingFacts(
            reservation_id=booking.reservation_id,
            station_name=one_line(booking.station_name, 80),
            charger_label=one_line(booking.charger_label, 10),
            zone=booking.zone,
            period=booking.period,
            total=booking.total,
            lines=booking.lines,
            booking_code=one_line(booking.code, 10),
            free_until=free_until(booking.terms, booking.period.start, booking.changed_at),
            held_until=booking.held_until if booking.state == "held" else None,
            by=by,
            fee=fee,
            refund=refund,
        ),
        happened_at=booking.changed_at,
    )


def free_until(terms: Terms, start: datetime, now: datetime) -> datetime | None:
    """The last instant at which cancelling is free by the ladder; None where it has passed."""
    free = [step.until_minutes for step in terms.ladder if step.kept_percent == 0]
    if not free:
        return None
    last = start - timedelta(minutes=min(free))
    return last if last > now else None


def is_news(told: Told, now: datetime) -> bool:
    """Whether it is still worth a mail: an old fact heard late is not."""
    return now - told.happened_at <= NEWS_FOR


def language_for(wanted: str) -> Language:
    """The nearest language we write: `de-AT` -> de, anything unknown -> en."""
    return "de" if wanted.lower().replace("_", "-").split("-")[0] == "de" else "en"


def one_line(text: str, limit: int = TEXT_LIMIT) -> str:
    """A text from elsewhere, safe in a header or a line: no controls, one line, bounded.

    Controls, line and paragraph separators and bidirectional overrides become spaces (RFC 5322
    headers end at a line break; an override could show an address backwards).
    """
    clean = "".join(" " if _unprintable(character) else character for character in text)
    words = " ".join(word for word in clean.split(" ") if word)  # keeps no-break spaces
    return words if len(words) <= limit else words[: limit - 1].rstrip() + "…"


def _unprintable(character: str) -> bool:
    if character == "\u200d":  # joins emoji
        return False
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def page_size(wanted: int) -> int:
    """1 to 100, whatever was asked for."""
    return max(1, min(wanted, PAGE_LIMIT))


def cursor_after(user_id: UserId, created_at: datetime, notification_id: UUID) -> str:
    """Where the next page begins, for this person's list alone."""
    micros = int((created_at - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))
    place = struct.pack(">q", micros) + notification_id.bytes
    return base64.urlsafe_b64encode(place + _check(user_id, place)).decode()


def read_cursor(user_id: UserId, cursor: str) -> tuple[datetime, UUID]:
    """Raises CursorInvalid where this list did not make it.

    The check finds slips and other people's cursors; it is no secret, because a made-up cursor
    still reads nothing but the caller's own list.
    """
    try:
        raw = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True)
        place, check = raw[:24], raw[24:]
        if len(place) != 24 or check != _check(user_id, place):
            raise CursorInvalid()
        (micros,) = struct.unpack(">q", place[:8])
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    except (ValueError, OverflowError):
        raise CursorInvalid() from None
    return at, UUID(bytes=place[8:])


def _check(user_id: UserId, place: bytes) -> bytes:
    return hashlib.sha256(b"notifications" + user_id.bytes + place).digest()[:9]
