"""Made-up bookings, and a real SMTP server on a free port that keeps what it is given."""

import asyncio
import email.policy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID, uuid4

from aiosmtpd import smtp

from evslot.services.reservation import messages as reservation
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
            PriceLine(kind="TIME", text="1 h", amount=540, vat_basis_points=1900),
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


class MailServer:
    """aiosmtpd in this event loop; `says` may answer RCPT or DATA otherwise than 250."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.says: Callable[[str, str], str | None] = lambda step, address: None
        self.delay_seconds = 0.0
        self.port = 0
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
        await asyncio.sleep(self.delay_seconds)
        answer = self.says("DATA", "")
        if answer is None:
            parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
            self.taken.append(parsed)
            self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos)))
        return answer or "250 OK"


def text_of(message: EmailMessage) -> str:
    """The text body, lines ended by a line feed."""
    return str(message.get_content()).replace("\r\n", "\n")
