"""Made-up bookings, and a real SMTP server on a free port that keeps what it is given."""

import asyncio
import email.policy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID, uuid4

from aiosmtpd import smtp

from evslot.services.notification import messages as notification
from evslot.services.notification.domain import reminding, telling
from evslot.services.payment import messages as payment
from evslot.services.reservation import messages as reservation
from evslot.spine.message import Personal, Secret
from evslot.values import (
    ChargerId,
    LadderStep,
    Money,
    OrganisationId,
    PaymentId,
    Period,
    PriceLine,
    ReservationId,
    StationId,
    Terms,
    UserId,
    new_id,
)

ADDRESS = "planted.driver@example.org"
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
START = datetime(2026, 11, 3, 16, 0, tzinfo=UTC)
USUAL = Terms(
    name="usual",
    version=1,
    ladder=(
        LadderStep(until_minutes=60, kept_percent=0),
        LadderStep(until_minutes=15, kept_percent=50),
    ),
    last_percent=100,
    grace_minutes=15,
    no_show_percent=100,
    early_minutes=5,
)


def booking(driver_id: UUID | None = None, **changes: Any) -> reservation.Reservation:
    """A booking of Tuesday, 3 November 2026, 17:00–18:00 Berlin time."""
    now = changes.pop("now", datetime.now(UTC))
    start = changes.pop("start", START)
    period = Period(start, start + timedelta(hours=1))
    values: dict[str, Any] = {
        "reservation_id": ReservationId(new_id()),
        "version": 3,
        "state": "confirmed",
        "station_id": StationId(uuid4()),
        "organisation_id": OrganisationId(uuid4()),
        "charger_id": ChargerId(uuid4()),
        "charger_label": "A1",
        "station_name": "Ladepark Süd",
        "zone": "Europe/Berlin",
        "driver_id": UserId(driver_id or uuid4()),
        "vehicle_id": None,
        "period": period,
        "occupied": Period(period.start, period.end + timedelta(minutes=5)),
        "held_until": None,
        "total": Money(640, "EUR"),
        "lines": (
            PriceLine(kind="FLAT", text="Booking fee", amount=100, vat_basis_points=1900),
            PriceLine(kind="TIME", text="60 minutes", amount=540, vat_basis_points=1900),
        ),
        "terms": USUAL,
        "tariff_version": 1,
        "code": "K7Q2XP",
        "payment_id": PaymentId(uuid4()),
        "payment_state": "authorised",
        "fee": None,
        "created_at": now,
        "changed_at": now,
    }
    return reservation.Reservation(**(values | changes))


def all_told() -> dict[str, telling.Told]:
    """One example of each kind."""
    confirmed = booking(now=NOW)
    held = booking(now=NOW, state="held", held_until=NOW + timedelta(minutes=10))
    visited = booking(now=NOW, state="completed", checked_in_at=START)
    euros = Money(320, "EUR")
    facts = telling.booking_facts(confirmed)
    told = [
        *(
            telling.told_code(uuid4(), code_wanted(purpose=purpose, now=NOW), NOW)
            for purpose in telling.CODES
        ),
        *(telling.told_account(uuid4(), account_notice(fact)) for fact in telling.NOTICES),
        telling.told_confirmed(reservation.ReservationConfirmed(reservation=confirmed, version=3)),
        telling.told_cancelled(
            reservation.ReservationCancelled(
                reservation=confirmed, version=4, by="driver", reason=None, fee=euros, refund=euros
            )
        ),
        *(
            telling.told_reminder(kind, confirmed.driver_id, facts, START - before)
            for kind, before in reminding.BEFORE.items()
        ),
        telling.told_completed(
            reservation.ReservationCompleted(reservation=visited, version=6, by="driver")
        ),
        telling.told_payment_challenged(reservation.PaymentChallenged(reservation=held, version=2)),
        telling.told_payment_failed(
            reservation.PaymentFailed(reservation=held, version=2, reason="declined")
        ),
        telling.told_payment_owed(
            reservation.CaptureRefused(reservation=confirmed, version=5, reason="not_capturable")
        ),
        telling.told_refunded(refunded(confirmed), facts, NOW),
    ]
    return {one.kind: one for one in told}


def code_wanted(
    code: str = "483920",
    minutes: float = 10,
    purpose: notification.CodePurpose = "sign_in",
    now: datetime | None = None,
) -> notification.SendSignInCode:
    """A code for the planted address."""
    return notification.SendSignInCode(
        email=Personal(ADDRESS),
        code=Secret(code),
        language="de-AT",
        valid_until=(now or datetime.now(UTC)) + timedelta(minutes=minutes),
        purpose=purpose,
    )


def account_notice(fact: notification.AccountFact) -> notification.SendAccountNotice:
    """A change of an account, for the planted address."""
    return notification.SendAccountNotice(
        email=Personal(ADDRESS),
        fact=fact,
        language="en",
        happened_at=NOW,
        name=Personal("Zoë"),
        organisation="Spree Charging GmbH",
        role="manager",
        until=NOW + timedelta(days=7),
    )


def refunded(
    of: reservation.Reservation, amount: int = 320, version: int = 4
) -> payment.PaymentRefunded:
    """A part of what was paid for a booking was given back."""
    given_back = payment.Payment(
        payment_id=of.payment_id or PaymentId(uuid4()),
        version=version,
        state="partly_refunded",
        reservation_id=of.reservation_id,
        organisation_id=of.organisation_id,
        payer_id=of.driver_id,
        amount=of.total,
        captured=of.total,
        refunded=Money(amount, of.total.currency),
        challenge_url=None,
        valid_until=None,
    )
    return payment.PaymentRefunded(payment=given_back, version=version)


class MailServer:
    """aiosmtpd in this event loop; `says` may answer RCPT or DATA otherwise than 250."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.says: Callable[[str, str], str | None] = lambda step, address: None
        self.delay_seconds = 0.0
        self.port = 0
        self.most_at_once = 0
        self._at_once = 0
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "MailServer":
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: smtp.SMTP(self, hostname="localhost", enable_SMTPUTF8=True, loop=loop),
            "127.0.0.1",
            self.port,
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd finds it by this name
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        answer = self.says("RCPT", address)
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await asyncio.sleep(self.delay_seconds)
        finally:
            self._at_once -= 1
        answer = self.says("DATA", "")
        if answer is None:
            parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
            self.taken.append(parsed)
            self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos)))
        return answer or "250 OK"


def text_of(message: EmailMessage) -> str:
    """The text body, lines ended by a line feed."""
    body = message.get_body(("plain",))
    assert isinstance(body, EmailMessage)
    return str(body.get_content()).replace("\r\n", "\n")
