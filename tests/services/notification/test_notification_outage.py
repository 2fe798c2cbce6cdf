"""A mail server that is away and then slow: what is heard goes on, every mail arrives once."""

import asyncio
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace
from tests.harness import Harness
from tests.services.notification.made_up import MailServer, booking, code_wanted
from tests.services.notification.post_office import (
    DRIVER,
    answer_contacts,
    confirmed,
    in_app,
    states,
    told,
)
from tests.services.notification.post_office import h as h
from tests.services.notification.post_office import mail as mail

from evslot.embedded.ports import free_port
from evslot.embedded.throwaway import PostgresServer
from evslot.services.notification.adapters.mailing import jobs
from evslot.services.notification.service import SERVICE
from evslot.services.reservation import messages as reservation
from evslot.spine.callers import SYSTEM

pytestmark = pytest.mark.anyio

BOOKINGS = 24
AWAY_SECONDS = 1.5
SLOW_SECONDS = 0.2


async def test_every_mail_arrives_once_after_an_outage_and_nobody_waits_meanwhile(
    postgres_server: PostgresServer,
) -> None:
    mail = MailServer()
    mail.port = free_port()
    mail.delay_seconds = SLOW_SECONDS
    env = {"EVSLOT_NOTIFICATION_SMTP_PORT": str(mail.port)}
    async with Harness(SERVICE, postgres_server, env) as h:
        working = asyncio.create_task(h.jobs.run())
        took = []
        for _ in range(BOOKINGS):
            begun = time.monotonic()
            await told(h, confirmed())
            await in_app(h)
            took.append(time.monotonic() - begun)
            await asyncio.sleep(AWAY_SECONDS / BOOKINGS)
        assert mail.taken == []
        assert sorted(took)[BOOKINGS // 2] < 0.5
        async with mail:
            await all_delivered(h)
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
    arrived = Counter(message["Message-ID"] for message in mail.taken)
    assert (len(arrived), set(arrived.values())) == (BOOKINGS, {1})
    assert mail.most_at_once <= jobs.kinds["MailNotice"].workers


def needs_the_driver(kind: str, held_seconds: float) -> reservation.ReservationEvent:
    held_until = datetime.now(UTC) + timedelta(seconds=held_seconds)
    held = booking(DRIVER, state="held", version=2, held_until=held_until)
    if kind == "failed":
        return reservation.PaymentFailed(reservation=held, version=2, reason="declined")
    return reservation.PaymentChallenged(reservation=held, version=2)


@pytest.mark.parametrize("kind", ["failed", "challenged"])
@pytest.mark.parametrize("away", ["mail server", "user service"])
async def test_nobody_is_asked_to_pay_for_a_hold_that_is_over(
    h: Harness, mail: MailServer, kind: str, away: str
) -> None:
    """Who would follow the mail finds the slot gone, or pays for what somebody else has."""
    mail.says = lambda step, _: "451 later"
    await h.hear(needs_the_driver(kind, 1.0))
    if away == "mail server":
        await answer_contacts(h)
        await h.jobs.step("MailNotice")
        assert await states(h) == [("sending", None)]
    await asyncio.sleep(1.1)
    mail.says = lambda step, _: None
    await answer_contacts(h)
    await h.run_jobs()
    assert mail.taken == []
    assert await states(h) == [("failed", "too_late")]
    assert len(await h.fetch("select from job")) == (1 if away == "mail server" else 0)


@pytest.mark.parametrize("kind", ["failed", "challenged"])
async def test_what_needed_the_driver_does_not_come_once_it_is_booked(
    h: Harness, mail: MailServer, kind: str
) -> None:
    mail.says = lambda step, _: "451 later"
    event = needs_the_driver(kind, 600.0)
    await told(h, event)
    await h.jobs.step("MailNotice")
    stands = replace(event.reservation, state="confirmed", version=5, held_until=None)
    await h.hear(reservation.ReservationConfirmed(reservation=stands, version=5))
    mail.says = lambda step, _: None
    await answer_contacts(h)
    await h.run_jobs()
    assert [str(message["Subject"]).split()[0] for message in mail.taken] == ["Booked:"]
    assert set(await states(h)) == {("failed", "overtaken"), ("delivered", None)}


async def test_a_code_does_not_wait_behind_notices(postgres_server: PostgresServer) -> None:
    """All workers for notices hang at a slow server; the code has workers of its own."""
    async with MailServer() as mail:
        mail.delay_seconds = 1.0
        env = {"EVSLOT_NOTIFICATION_SMTP_PORT": str(mail.port)}
        async with Harness(SERVICE, postgres_server, env) as h:
            working = asyncio.create_task(h.jobs.run())
            notices = 3 * jobs.kinds["MailNotice"].workers
            for _ in range(notices):
                await told(h, confirmed())
            await h.send(code_wanted(), caller=SYSTEM)
            while not any("Anmeldecode" in str(one["Subject"]) for one in mail.taken):
                assert len(mail.taken) < notices, "it came behind all of them"
                await asyncio.sleep(0.05)
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working


async def all_delivered(h: Harness) -> None:
    until = time.monotonic() + 60
    while {state for state, _ in await states(h)} != {"delivered"}:
        assert time.monotonic() < until, await states(h)
        await asyncio.sleep(0.1)
