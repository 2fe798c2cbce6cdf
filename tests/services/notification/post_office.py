"""The notification service beside a mail server, and what the other services tell it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace
from tests.harness import Harness, driver
from tests.services.notification.made_up import ADDRESS, MailServer, booking

from evslot.embedded.throwaway import PostgresServer
from evslot.services.notification import messages as notification
from evslot.services.notification.service import SERVICE
from evslot.services.reservation import messages as reservation
from evslot.services.user import messages as user
from evslot.spine.message import Event, Personal
from evslot.values import Money, UserId

DRIVER = UserId(uuid4())


@pytest.fixture
async def mail() -> AsyncIterator[MailServer]:
    async with MailServer() as server:
        yield server


@pytest.fixture
async def h(postgres_server: PostgresServer, mail: MailServer) -> AsyncIterator[Harness]:
    env = {
        "EVSLOT_NOTIFICATION_SMTP_PORT": str(mail.port),
        "EVSLOT_NOTIFICATION_SMTP_TIMEOUT_SECONDS": "2",
        "EVSLOT_NOTIFICATION_SMTP_TAKING_SECONDS": "2",
    }
    async with Harness(SERVICE, postgres_server, env) as harness:
        yield harness


def confirmed(user_id: UUID = DRIVER, **changes: Any) -> reservation.ReservationConfirmed:
    held = booking(user_id, **changes)
    return reservation.ReservationConfirmed(reservation=held, version=held.version)


def contact(language: str = "en", name: str | None = "Zoë") -> user.Contact:
    return user.Contact(
        user_id=DRIVER,
        email=Personal(ADDRESS),
        name=Personal(name) if name else None,
        language=language,
        zone="Europe/Berlin",
    )


def cancelled(
    of: reservation.Reservation, by: str = "driver", version: int = 4
) -> reservation.ReservationCancelled:
    """That booking, given up for nothing a version later."""
    gone = replace(of, version=version, state="cancelled")
    nothing = Money(0, of.total.currency)
    return reservation.ReservationCancelled(
        reservation=gone, version=version, by=by, reason=None, fee=nothing, refund=of.total
    )


def completed(of: reservation.Reservation, version: int = 6) -> reservation.ReservationCompleted:
    """That booking, over after a visit."""
    now = datetime.now(UTC)
    done = replace(of, version=version, state="completed", changed_at=now, checked_in_at=now)
    return reservation.ReservationCompleted(reservation=done, version=version, by="driver")


def unused(
    of: reservation.Reservation, fee: int | None, version: int = 6
) -> reservation.ReservationCompleted:
    """That booking, over and nobody came; the fee is None where the whole price is kept."""
    kept = None if fee is None else Money(fee, of.total.currency)
    over = replace(of, version=version, state="completed", changed_at=datetime.now(UTC), fee=kept)
    return reservation.ReservationCompleted(reservation=over, version=version, by="system")


async def told(h: Harness, event: Event, answer: Any = None) -> None:
    """Heard, and the user service has answered."""
    before = len(h.sent)
    await h.hear(event)
    for sent in h.sent[before:]:
        await h.answer_asked(sent, answer or contact())


async def answer_contacts(h: Harness, answer: Any = None) -> None:
    """The user service answers all that it was asked so far; twice does no harm."""
    for sent in list(h.sent):
        if isinstance(sent.command, user.GetContact):
            await h.answer_asked(sent, answer or contact())


async def states(h: Harness) -> list[tuple[str, str | None]]:
    rows = await h.fetch("select state, failure from delivery order by changed_at")
    return [(row["state"], row["failure"]) for row in rows]


async def in_app(h: Harness, person: UserId = DRIVER, **page: Any) -> notification.Notifications:
    query = notification.ListNotifications(user_id=person, **page)
    return await h.ask(query, caller=driver(person))
