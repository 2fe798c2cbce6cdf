"""The notification service: told once, mailed once, seen by nobody else."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from tests.harness import Harness, driver
from tests.services.notification.made_up import (
    ADDRESS,
    MailServer,
    booking,
    code_wanted,
    text_of,
)
from tests.services.notification.post_office import (
    DRIVER,
    completed,
    confirmed,
    contact,
    in_app,
    states,
    told,
)
from tests.services.notification.post_office import h as h
from tests.services.notification.post_office import mail as mail

from evslot.services.notification import messages as notification
from evslot.services.reservation import messages as reservation
from evslot.services.user import messages as user
from evslot.spine.callers import ANONYMOUS, SYSTEM, Caller
from evslot.spine.message import Refused
from evslot.values import Money, UserId

pytestmark = pytest.mark.anyio


async def test_a_sign_in_code_is_mailed_and_lies_nowhere_in_clear(
    h: Harness, mail: MailServer
) -> None:
    accepted = await h.send(code_wanted(), caller=SYSTEM)
    for table in ("notification", "delivery", "job", "inbox", "outbox"):
        rows = await h.fetch(f"select t::text, t.* from {table} t")  # noqa: S608 - our own tables
        for row in rows:
            everything = b" ".join(
                value if isinstance(value, bytes) else str(value).encode() for value in row
            )
            assert b"483920" not in everything
            assert ADDRESS.encode() not in everything
    assert await h.run_jobs() == 1
    (message,) = mail.taken
    assert message["To"] == ADDRESS
    assert message["Subject"] == "Ihr Anmeldecode"
    assert "483920" in text_of(message)
    assert "10 Minuten lang, bis" in text_of(message)
    assert await states(h) == [("delivered", None)]
    assert h.events == [
        notification.NotificationDelivered(
            notification_id=accepted.notification_id,
            user_id=None,
            kind="account_code",
            channel="email",
            version=2,
        )
    ]


async def test_the_same_command_twice_is_one_mail(h: Harness, mail: MailServer) -> None:
    number, command = uuid4(), code_wanted()
    first = await h.send(command, caller=SYSTEM, command_id=number)
    again = await h.send(command, caller=SYSTEM, command_id=number)
    await h.run_jobs()
    assert first == again
    assert len(mail.taken) == 1


@pytest.mark.parametrize("caller", [driver(), ANONYMOUS], ids=["driver", "anonymous"])
async def test_only_services_may_have_codes_mailed(h: Harness, caller: Caller) -> None:
    with pytest.raises(Refused) as refused:
        await h.send(code_wanted(), caller=caller)
    assert (refused.value.status, refused.value.code) == (403, "only_for_services")
    assert await h.run_jobs() == 0


async def test_a_code_that_has_lapsed_is_not_mailed(h: Harness, mail: MailServer) -> None:
    await h.send(code_wanted(minutes=-0.01), caller=SYSTEM)
    await h.run_jobs()
    assert mail.taken == []
    assert await states(h) == [("failed", "too_late")]


async def test_a_confirmation_asks_for_the_address_and_is_mailed(
    h: Harness, mail: MailServer
) -> None:
    await h.hear(confirmed())
    assert [sent.command for sent in h.sent] == [user.GetContact(user_id=DRIVER)]
    assert await states(h) == [("asking", None)]
    await h.answer_asked(h.sent[0], contact())
    assert await states(h) == [("sending", None)]
    for row in await h.fetch("select payload from job"):
        assert ADDRESS.encode() not in row["payload"]
        assert "Zoë".encode() not in row["payload"]
    await h.run_jobs()
    (message,) = mail.taken
    assert message["To"] == ADDRESS or ADDRESS in str(message["To"])
    assert "Tuesday, 3 November 2026, 17:00–18:00 (Berlin time, UTC+1)" in text_of(message)
    assert "Hello Zoë," in text_of(message)
    (listed,) = (await in_app(h)).notifications
    assert message["Message-ID"] == f"<{listed.notification_id}@evslot.localhost>"
    assert listed.kind == "reservation_confirmed"
    assert listed.mailed_at is not None
    added, event = h.events
    assert isinstance(added, notification.NotificationAdded)
    assert isinstance(event, notification.NotificationDelivered)
    assert (event.notification_id, event.user_id) == (listed.notification_id, DRIVER)


async def test_cancelled_and_failed_payment_are_told_in_the_persons_language(
    h: Harness, mail: MailServer
) -> None:
    held = booking(DRIVER, state="held", held_until=datetime.now(UTC) + timedelta(minutes=9))
    await told(
        h,
        reservation.PaymentFailed(reservation=held, version=2, reason="declined"),
        contact("de", name=None),
    )
    gone = booking(DRIVER, state="cancelled", version=5)
    euros = Money(320, "EUR")
    await told(
        h,
        reservation.ReservationCancelled(
            reservation=gone, version=5, by="driver", reason=None, fee=euros, refund=euros
        ),
        contact("de", name=None),
    )
    await h.run_jobs()
    cancelled, failed = sorted(mail.taken, key=lambda message: str(message["Subject"]))
    assert cancelled["Subject"] == "Storniert: Ladepark Süd, 03.11.2026"
    assert failed["Subject"] == "Zahlung fehlgeschlagen: Ladepark Süd, 03.11.2026"
    assert "3,20\xa0€ einbehalten" in text_of(cancelled)


@pytest.mark.parametrize(("fee", "owed"), [(None, "€6.40"), (320, "€3.20")])
async def test_what_a_bank_did_not_pay_is_told_once_and_no_receipt_is_promised(
    h: Harness, mail: MailServer, fee: int | None, owed: str
) -> None:
    kept = None if fee is None else Money(fee, "EUR")
    owing = booking(DRIVER, state="completed", version=5, payment_state="voided", fee=kept)
    refused = reservation.CaptureRefused(reservation=owing, version=5, reason="not_capturable")
    await told(h, refused, contact())
    await h.hear(refused)
    await told(h, completed(owing), contact())
    await h.run_jobs()
    unpaid, thanks = sorted(mail.taken, key=lambda message: str(message["Subject"]))
    assert unpaid["Subject"] == "Not paid by your bank: Ladepark Süd, 3 Nov 2026"
    assert f"Open:     {owed}" in text_of(unpaid)
    assert "receipt" not in text_of(thanks)


async def test_the_same_event_twice_or_republished_is_one_mail(
    h: Harness, mail: MailServer
) -> None:
    event, number = confirmed(), uuid4()
    await h.hear(event, event_id=number)
    await h.hear(event, event, event_id=number)
    await h.hear(event)  # republished: another event id, the same version
    assert len(h.sent) == 1
    await h.answer_asked(h.sent[0], contact())
    await h.answer_asked(h.sent[0], contact())
    await h.run_jobs()
    await h.hear(event)
    await h.run_jobs()
    assert len(mail.taken) == 1
    assert [type(event) for event in h.events] == [
        notification.NotificationAdded,
        notification.NotificationDelivered,
    ]


async def test_each_driver_of_a_batch_is_told(h: Harness, mail: MailServer) -> None:
    people = [UserId(uuid4()) for _ in range(30)]
    await h.hear(*(confirmed(person) for person in people))
    assert {sent.command.user_id for sent in h.sent} == set(people)  # type: ignore[attr-defined]
    for sent in h.sent:
        await h.answer_asked(sent, contact())
    await h.run_jobs()
    assert len({message["Message-ID"] for message in mail.taken}) == 30


async def test_a_fact_too_old_to_be_news_is_listed_but_not_mailed(h: Harness) -> None:
    await h.hear(confirmed(now=datetime.now(UTC) - timedelta(hours=25)))
    assert h.sent == []
    assert await states(h) == [("stale", None)]
    assert len((await in_app(h)).notifications) == 1


async def test_a_person_who_is_gone_gets_nothing(h: Harness, mail: MailServer) -> None:
    await told(h, confirmed(), user.UserNotFound())
    await h.run_jobs()
    assert mail.taken == []
    assert await states(h) == [("failed", "no_contact: user_not_found")]


async def test_a_mailbox_that_refuses_is_given_up_without_naming_it(
    h: Harness, mail: MailServer
) -> None:
    mail.says = lambda step, address: f"550 no {address}" if step == "RCPT" else None
    await told(h, confirmed())
    assert await h.run_jobs() == 1
    assert await states(h) == [("failed", "refused_550")]
    assert not any(isinstance(one, notification.NotificationDelivered) for one in h.events)


async def test_a_mail_server_in_trouble_is_asked_again_and_names_no_address(
    h: Harness, mail: MailServer
) -> None:
    answers = iter(["451 no room for " + ADDRESS, "450 grey " + ADDRESS, None])
    mail.says = lambda step, _: next(answers) if step == "DATA" else None
    await told(h, confirmed())
    await h.run_jobs()
    assert len(mail.taken) == 1
    assert await states(h) == [("delivered", None)]
    rows = await h.fetch("select attempt, coalesce(error, '') as error from job")
    assert [row["attempt"] for row in rows] == [3]
    assert "planted" not in rows[0]["error"]


async def test_a_crash_after_sending_repeats_the_same_message(h: Harness, mail: MailServer) -> None:
    await told(h, confirmed())
    payload = await h.fetch_value("select payload from job")
    await h.run_jobs()
    # The mail server had taken it, the process died before it could write that down.
    await h.execute(
        "update job set state = 'running', leased_until = now() - interval '1 s', payload = $1",
        payload,
    )
    await h.execute("update delivery set state = 'sending', delivered_at = null")
    await h.run_jobs()
    assert len(mail.taken) == 2
    assert len({message["Message-ID"] for message in mail.taken}) == 1
    assert await states(h) == [("delivered", None)]


async def test_a_mail_server_that_hangs_keeps_nobody_from_being_heard(
    h: Harness, mail: MailServer
) -> None:
    mail.delay_seconds = 3600
    await told(h, confirmed())
    working = asyncio.create_task(h.jobs.step("MailNotice"))
    await asyncio.sleep(0.1)
    begun = asyncio.get_running_loop().time()
    await told(h, confirmed())
    await in_app(h)
    assert asyncio.get_running_loop().time() - begun < 1
    assert await working == 1
    assert await states(h) == [("sending", None), ("sending", None)]


async def test_the_list_is_paged_newest_first(h: Harness) -> None:
    for _ in range(3):
        await h.hear(confirmed(), confirmed())
    await h.hear(confirmed(uuid4()))
    seen: list[notification.Notification] = []
    cursor = None
    for _ in range(3):
        page = await in_app(h, limit=2, cursor=cursor)
        seen += page.notifications
        cursor = page.next_cursor
    assert cursor is None
    assert len({each.notification_id for each in seen}) == 6
    assert [each.created_at for each in seen] == sorted(
        (each.created_at for each in seen), reverse=True
    )
    assert seen[0].title == "Booked: Ladepark Süd, 3 Nov 2026"
    assert "17:00–18:00 (Berlin time, UTC+1)" in seen[0].text
    assert (seen[0].mailed_at, seen[0].reservation_id is None) == (None, False)


async def test_the_list_is_ones_own(h: Harness) -> None:
    await h.hear(confirmed())
    query = notification.ListNotifications(user_id=DRIVER)
    for caller, status in ((driver(), 404), (ANONYMOUS, 401)):
        with pytest.raises(Refused) as refused:
            await h.ask(query, caller=caller)
        assert refused.value.status == status


async def test_a_tampered_cursor_is_refused(h: Harness) -> None:
    await h.hear(confirmed(), confirmed())
    cursor = (await in_app(h, limit=1)).next_cursor
    assert cursor is not None
    for broken in (cursor[::-1], "'; drop table notification --", "x"):
        with pytest.raises(Refused) as refused:
            await in_app(h, cursor=broken)
        assert (refused.value.status, refused.value.code) == (422, "cursor_invalid")
