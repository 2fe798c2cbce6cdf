"""One fact for one person: which kind it is, what its texts need, and the id that makes it once."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from msgspec import Struct
from msgspec.structs import replace

from evslot.services.notification.domain import reminding
from evslot.services.notification.domain.facts import (
    AccountFacts,
    BookingFacts,
    CodeFacts,
    Facts,
    RefundFacts,
)
from evslot.services.notification.domain.wording import Language, language_for, one_line
from evslot.services.notification.messages import (
    AccountFact,
    CodePurpose,
    Kind,
    SendAccountNotice,
    SendSignInCode,
)
from evslot.services.payment import messages as payment
from evslot.services.reservation import messages as reservation
from evslot.values import Money, NotificationId, Terms, UserId

NAMESPACE = UUID("5b0c1f0e-3f52-5c7a-9d6e-8a1d0d4b7e21")
"""Of notification ids; never changed, or repeats would be told again."""
NEWS_FOR = timedelta(hours=24)
"""A fact heard later than this after it happened is listed, but no longer mailed."""
WHILE_HELD: Final[tuple[Kind, ...]] = ("payment_challenged", "payment_failed")
"""Asks for something that can be done while the slot is held, and no longer."""
CODES: Final[dict[CodePurpose, Kind]] = {
    "sign_in": "account_code",
    "password_reset": "account_reset_code",
    "email_change": "account_email_code",
}
NOTICES: Final[dict[AccountFact, Kind]] = {
    "email_changed": "account_email_changed",
    "password_changed": "account_password_changed",
    "organisation_invited": "account_invited",
    "organisation_joined": "account_joined",
}


class Told(Struct, frozen=True, kw_only=True):
    """One fact for one person."""

    notification_id: NotificationId
    user_id: UserId | None
    kind: Kind
    subject_id: UUID | None = None
    subject_version: int | None = None
    """Of the booking; None for what is no version of it."""
    facts: Facts
    language: Language = "en"
    happened_at: datetime


def told_code(command_id: UUID, command: SendSignInCode, asked_at: datetime) -> Told:
    """A code for an address; repeats of the command are the same notification."""
    kind = CODES[command.purpose]
    return Told(
        notification_id=NotificationId(uuid5(NAMESPACE, f"{kind}/{command_id}")),
        user_id=None,
        kind=kind,
        facts=code_facts(command.valid_until, asked_at),
        language=language_for(command.language),
        happened_at=asked_at,
    )


def code_facts(valid_until: datetime, asked_at: datetime) -> CodeFacts:
    """What the mail says about the life of a code."""
    minutes = max(0, round((valid_until - asked_at).total_seconds() / 60))
    return CodeFacts(valid_until=valid_until, valid_minutes=minutes)


def told_account(command_id: UUID, command: SendAccountNotice) -> Told:
    """What was changed in an account, for an address."""
    kind = NOTICES[command.fact]
    facts = AccountFacts(
        fact=command.fact,
        happened_at=command.happened_at,
        organisation=command.organisation,
        role=command.role,
        until=command.until,
    )
    return Told(
        notification_id=NotificationId(uuid5(NAMESPACE, f"{kind}/{command_id}")),
        user_id=None,
        kind=kind,
        facts=facts,
        language=language_for(command.language),
        happened_at=command.happened_at,
    )


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


def told_completed(event: reservation.ReservationCompleted) -> Told:
    """For the driver: the visit is over, the receipt comes with it; or nobody came."""
    told = _told(event.reservation, "reservation_completed")
    if event.reservation.checked_in_at is not None:
        return told
    return replace(told, facts=_absent(event.reservation))


def told_payment_failed(event: reservation.PaymentFailed) -> Told:
    """For the driver: pay another way while the hold lasts."""
    return _told(event.reservation, "payment_failed")


def told_payment_challenged(event: reservation.PaymentChallenged) -> Told:
    """For the driver: the payment waits for them while the hold lasts."""
    return _told(event.reservation, "payment_challenged")


def told_payment_owed(event: reservation.CaptureRefused) -> Told:
    """For the driver: what was promised could not be taken, the price or the fee is open."""
    return _told(event.reservation, "payment_owed", fee=event.reservation.fee)


def told_refunded(
    event: payment.PaymentRefunded, booking: BookingFacts | None, now: datetime
) -> Told:
    """For the payer: money is on its way back. The event has no time: it is news when heard.

    It is no version of its booking: two payments of one booking are each given back, often at the
    same version. The id alone, with the payment in it, makes each refund once.
    """
    paid = event.payment
    name = f"payment_refunded/{paid.payment_id}/{event.version}/{paid.payer_id}"
    facts = RefundFacts(
        payment_id=paid.payment_id,
        refunded=paid.refunded,
        captured=paid.captured,
        booking=booking,
    )
    return Told(
        notification_id=NotificationId(uuid5(NAMESPACE, name)),
        user_id=paid.payer_id,
        kind="payment_refunded",
        subject_id=paid.reservation_id,
        facts=facts,
        happened_at=now,
    )


def told_reminder(kind: Kind, driver_id: UserId, booking: BookingFacts, due_at: datetime) -> Told:
    """For the driver: the slot comes near. What is no longer free to cancel is not promised."""
    if booking.free_until is not None and booking.free_until <= due_at:
        booking = replace(booking, free_until=None)
    name = f"{kind}/{booking.reservation_id}/{booking.period.start.isoformat()}/{driver_id}"
    return Told(
        notification_id=NotificationId(uuid5(NAMESPACE, name)),
        user_id=driver_id,
        kind=kind,
        subject_id=booking.reservation_id,
        subject_version=booking.version,
        facts=booking,
        happened_at=due_at,
    )


def booking_facts(
    booking: reservation.Reservation,
    by: str | None = None,
    fee: Money | None = None,
    refund: Money | None = None,
) -> BookingFacts:
    """What texts and calendar files say of a booking."""
    return BookingFacts(
        reservation_id=booking.reservation_id,
        version=booking.version,
        changed_at=booking.changed_at,
        station_name=one_line(booking.station_name, 80),
        charger_label=one_line(booking.charger_label, 10),
        zone=booking.zone,
        period=booking.period,
        total=booking.total,
        lines=booking.lines,
        booking_code=one_line(booking.code, 10),
        free_until=_free_until(booking),
        held_until=booking.held_until if booking.state == "held" else None,
        by=by,
        fee=fee,
        refund=refund,
        paid=booking.payment_state not in (None, "voided") and booking.total.amount > 0,
    )


def _absent(booking: reservation.Reservation) -> BookingFacts:
    """Of what is kept there is a receipt; where that is nothing, there will be none."""
    total = booking.total
    fee = total if booking.fee is None else booking.fee
    refund = Money(total.amount - fee.amount, total.currency)
    facts = booking_facts(booking, fee=fee, refund=refund)
    return replace(facts, absent=True, paid=facts.paid and fee.amount > 0)


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
        facts=booking_facts(booking, by, fee, refund),
        happened_at=booking.changed_at,
    )


def _free_until(booking: reservation.Reservation) -> datetime | None:
    if booking.state not in ("held", "confirmed"):
        return None
    return free_until(booking.terms, booking.period.start, booking.changed_at)


def free_until(terms: Terms, start: datetime, now: datetime) -> datetime | None:
    """The last instant at which cancelling is free by the ladder; None where it has passed."""
    free = [step.until_minutes for step in terms.ladder if step.kept_percent == 0]
    if not free:
        return None
    last = start - timedelta(minutes=min(free))
    return last if last > now else None


def is_over(kind: str, facts: Facts, now: datetime) -> bool:
    """Whether a mail comes too late to help: the slot begins, or the hold is over."""
    if not isinstance(facts, BookingFacts):
        return False
    if kind in reminding.BEFORE:
        return not reminding.is_timely(kind, facts.period.start, now)
    return kind in WHILE_HELD and facts.held_until is not None and now >= facts.held_until


def is_news(told: Told, now: datetime) -> bool:
    """Whether it is still worth a mail: an old fact heard late is not."""
    return now - told.happened_at <= NEWS_FOR
