"""What a person wants to be told and where, what they have read, and that they can be gone."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.harness import Harness, driver
from tests.services.notification.made_up import (
    ADDRESS,
    MailServer,
    account_notice,
    code_wanted,
    refunded,
    text_of,
)
from tests.services.notification.post_office import (
    DRIVER,
    answer_contacts,
    completed,
    confirmed,
    in_app,
    states,
    told,
)
from tests.services.notification.post_office import h as h
from tests.services.notification.post_office import mail as mail

from evslot.services.notification import messages as notification
from evslot.services.notification.domain import choosing, telling
from evslot.services.notification.messages import Channel, Kind, Wish
from evslot.services.user import messages as user
from evslot.spine.callers import ANONYMOUS, SYSTEM
from evslot.spine.duties import Duties
from evslot.spine.leases import Lease
from evslot.spine.message import Command, Refused
from evslot.values import NotificationId, UserId

pytestmark = pytest.mark.anyio


def off(kind: Kind, channel: Channel) -> Wish:
    return Wish(kind=kind, channel=channel, wanted=False)


async def choose(h: Harness, *wishes: Wish, person: UserId = DRIVER) -> notification.Choices:
    command = notification.SetChoices(user_id=person, wishes=wishes)
    return await h.send(command, caller=driver(person))


async def read(
    h: Harness, number: NotificationId | None = None, person: UserId = DRIVER
) -> notification.Marked:
    command = notification.MarkRead(user_id=person, notification_id=number)
    return await h.send(command, caller=driver(person))


async def test_what_is_switched_off_by_mail_is_only_listed(h: Harness, mail: MailServer) -> None:
    chosen = await choose(h, off("reservation_confirmed", "email"))
    assert [one.kind for one in chosen.choices if not one.wanted] == ["reservation_confirmed"]
    await told(h, confirmed())
    await h.run_jobs()
    assert mail.taken == []
    assert await states(h) == [("off", None)]
    assert len((await in_app(h)).notifications) == 1
    assert await h.ask(notification.GetChoices(user_id=DRIVER), caller=driver(DRIVER)) == chosen


async def test_what_is_switched_off_in_the_list_is_only_mailed(
    h: Harness, mail: MailServer
) -> None:
    await choose(h, off("reservation_confirmed", "in_app"))
    await told(h, confirmed())
    await h.run_jobs()
    assert len(mail.taken) == 1
    page = await in_app(h)
    assert (page.notifications, page.unread) == ([], 0)
    assert not any(isinstance(event, notification.NotificationAdded) for event in h.events)


async def test_switched_on_again_it_comes_again_and_others_never_stopped(
    h: Harness, mail: MailServer
) -> None:
    await choose(h, off("reservation_confirmed", "email"), off("payment_refunded", "email"))
    await choose(h, Wish(kind="reservation_confirmed", channel="email", wanted=True))
    event = confirmed()
    await h.hear(event, refunded(event.reservation), confirmed(UserId(uuid4())))
    await answer_contacts(h)
    await h.run_jobs()
    assert [str(one["Subject"]).split(":")[0] for one in mail.taken] == ["Booked", "Booked"]


async def test_account_mails_cannot_be_switched_off(h: Harness, mail: MailServer) -> None:
    with pytest.raises(Refused) as refused:
        await choose(h, off("payment_failed", "email"), off("account_password_changed", "email"))
    assert (refused.value.status, refused.value.code) == (409, "choice_fixed")
    with pytest.raises(Refused) as refused:
        await choose(h, off("account_code", "in_app"))
    assert (refused.value.status, refused.value.code) == (422, "choice_unknown")
    assert await h.fetch("select from person") == [], "refused as a whole"
    await h.send(account_notice("password_changed"), caller=SYSTEM)
    await h.send(account_notice("email_changed"), caller=SYSTEM)
    for purpose in telling.CODES:
        await h.send(code_wanted(purpose=purpose), caller=SYSTEM)
    await h.run_jobs()
    assert sorted(str(message["Subject"]) for message in mail.taken) == [
        "Bestätigen Sie Ihre neue E-Mail-Adresse",
        "Ihr Anmeldecode",
        "Ihr Code für ein neues Passwort",
        "Your e-mail address was changed",
        "Your password was changed",
    ]
    assert all(ADDRESS in str(message["To"]) for message in mail.taken)


@pytest.mark.parametrize("caller", [driver(), ANONYMOUS], ids=["driver", "anonymous"])
async def test_only_services_may_have_notices_mailed(h: Harness, caller: Any) -> None:
    with pytest.raises(Refused) as refused:
        await h.send(account_notice("email_changed"), caller=caller)
    assert (refused.value.status, refused.value.code) == (403, "only_for_services")


async def test_choices_and_marks_are_ones_own(h: Harness) -> None:
    await h.hear(confirmed())
    (line,) = (await in_app(h)).notifications
    number = line.notification_id
    commands: list[Command[Any]] = [
        notification.SetChoices(user_id=DRIVER, wishes=(off("payment_failed", "email"),)),
        notification.MarkRead(user_id=DRIVER, notification_id=number),
        notification.MarkRead(user_id=DRIVER),
    ]
    for what in commands:
        for caller, status in ((driver(), 404), (ANONYMOUS, 401)):
            with pytest.raises(Refused) as refused:
                await h.send(what, caller=caller)
            assert refused.value.status == status
    with pytest.raises(Refused) as refused:
        await h.ask(notification.GetChoices(user_id=DRIVER), caller=driver())
    assert refused.value.status == 404
    with pytest.raises(Refused) as refused:
        await read(h, number, person=UserId(uuid4()))
    assert (refused.value.status, refused.value.code) == (404, "notification_not_found")
    assert (await in_app(h)).unread == 1


async def test_what_was_read_stays_read(h: Harness) -> None:
    await h.hear(confirmed(), confirmed(), confirmed(), confirmed(UserId(uuid4())))
    page = await in_app(h)
    assert page.unread == 3
    number = page.notifications[0].notification_id
    assert await read(h, number) == notification.Marked(marked=1, unread=2)
    at = (await in_app(h)).notifications[0].read_at
    assert at is not None
    assert await read(h, number) == notification.Marked(marked=0, unread=2)
    unread = await in_app(h, unread_only=True)
    assert number not in [one.notification_id for one in unread.notifications]
    assert len(unread.notifications) == 2
    assert await read(h) == notification.Marked(marked=2, unread=0)
    page = await in_app(h)
    assert (page.unread, page.notifications[0].read_at) == (0, at)


async def test_the_list_is_in_the_persons_language_from_the_first_line_on(h: Harness) -> None:
    await h.hear(user.UserRegistered(user_id=DRIVER, language="de-CH", version=1))
    await h.hear(confirmed())
    assert (await in_app(h)).notifications[0].title.startswith("Gebucht: ")


async def test_who_is_gone_is_forgotten_and_told_nothing_more(h: Harness, mail: MailServer) -> None:
    event = confirmed()
    await h.hear(user.UserRegistered(user_id=DRIVER, language="de", version=1))
    await choose(h, off("reservation_soon", "email"))
    await told(h, event)
    await h.run_jobs()
    await h.hear(completed(event.reservation), confirmed())  # on their way when the person goes
    other = UserId(uuid4())
    await h.hear(confirmed(other))
    gone = user.UserErased(user_id=DRIVER, version=9)
    await h.hear(gone, gone)
    await answer_contacts(h, user.UserNotFound())
    await h.hear(event, refunded(event.reservation))  # republished, or late
    await h.run_periodic()
    await h.run_jobs()
    assert len(mail.taken) == 1
    for table in ("notification", "booking"):
        rows = await h.fetch(f"select * from {table}")  # noqa: S608 - our own tables
        assert [row for row in rows if DRIVER in row.values()] == []
        assert len(rows) == 1, "others stay"
    (person,) = await h.fetch("select switched, language from person where user_id = $1", DRIVER)
    assert (person["switched"], person["language"]) == ("{}", None)
    assert len((await in_app(h, person=other)).notifications) == 1


async def test_mails_of_who_is_gone_are_emptied_and_never_sent(
    h: Harness, mail: MailServer
) -> None:
    """The mail server was away when the person went; then it is back."""
    mail.says = lambda step, _: "451 later"
    other = UserId(uuid4())
    for event in (confirmed(), confirmed(other)):
        await told(h, event)
        await h.jobs.step("MailNotice")
    await h.hear(confirmed())  # its address is asked for
    await h.hear(user.UserErased(user_id=DRIVER, version=9))
    rows = await h.fetch("select state, payload from job order by created_at")
    assert [(row["state"], row["payload"] == b"") for row in rows] == [
        ("done", True),
        ("ready", False),
    ]
    mail.says = lambda step, _: None
    await answer_contacts(h)  # as it was before they went
    await h.run_jobs()
    assert len(mail.taken) == 1
    assert await states(h) == [("delivered", None)]


async def test_a_mail_at_work_while_its_person_goes_leaves_nothing(
    h: Harness, mail: MailServer
) -> None:
    mail.delay_seconds = 0.5
    await told(h, confirmed())
    working = asyncio.create_task(h.jobs.step("MailNotice"))
    await asyncio.sleep(0.2)
    await h.hear(user.UserErased(user_id=DRIVER, version=9))
    assert await working == 1
    await h.run_jobs()
    assert len(mail.taken) == 1
    (job,) = await h.fetch("select state, payload from job")
    assert (job["state"], job["payload"]) == ("done", b"")
    for table in ("notification", "delivery"):
        assert await h.fetch(f"select from {table}") == []
    assert not any(isinstance(event, notification.NotificationDelivered) for event in h.events)


async def test_what_is_old_is_tidied_away(h: Harness) -> None:
    event = confirmed()
    await told(h, event)
    await h.send(code_wanted(), caller=SYSTEM)
    await h.execute("update notification set created_at = now() - interval '31 days'")
    await h.run_periodic()
    assert [row["kind"] for row in await h.fetch("select kind from notification")] == [
        "reservation_confirmed"
    ]
    await h.execute("update notification set created_at = now() - interval '401 days'")
    await h.execute("update booking set ends_at = now() - interval '401 days'")
    await h.run_periodic()
    for table in ("notification", "delivery", "booking", "reminder"):
        assert await h.fetch(f"select from {table}") == []


async def test_what_is_old_is_tidied_away_faster_than_it_comes(h: Harness) -> None:
    """A thousand in ten minutes is less than a busy day tells; what is left goes on at once."""
    await h.execute(
        "insert into notification (notification_id, user_id, kind, facts, language, created_at)"
        " select gen_random_uuid(), gen_random_uuid(), 'reservation_soon', '{}', 'en',"
        " now() - interval '401 days' from generate_series(1, 2500)"
    )
    lease = Lease(h.database, "duties", "one")
    duties = Duties(h.wiring, h.handlers, h.database, lease, h._reply, lambda urgent: None)
    left = []
    for _ in range(3):
        await duties._round()
        left.append(await h.fetch_value("select count(*) from notification"))
    assert left == [1500, 500, 0]


async def test_the_old_address_learns_of_the_new_one(h: Harness, mail: MailServer) -> None:
    command = account_notice("email_changed")
    number = uuid4()
    for _ in range(2):
        await h.send(command, caller=SYSTEM, command_id=number)
    await h.run_jobs()
    (message,) = mail.taken
    assert "Hello Zoë," in text_of(message)
    assert "write to support@evslot.localhost at once" in text_of(message)
    assert await states(h) == [("delivered", None)]


WISHES = st.builds(
    Wish,
    kind=st.sampled_from([kind for kind in choosing.KINDS if not choosing.is_account(kind)]),
    channel=st.sampled_from(choosing.CHANNELS),
    wanted=st.booleans(),
)


@given(wishes=st.lists(WISHES, max_size=30))
def test_the_last_wish_counts_and_the_rest_stays_on(wishes: list[Wish]) -> None:
    last = {(wish.kind, wish.channel): wish.wanted for wish in wishes}
    one_by_one: dict[str, bool] = {}
    for wish in wishes:
        one_by_one = choosing.switch(one_by_one, [wish])
    assert one_by_one == choosing.switch({}, wishes)
    for choice in choosing.choices(one_by_one).choices:
        wanted = last.get((choice.kind, choice.channel), True)
        assert choice.wanted == wanted == choosing.wants(one_by_one, choice.kind, choice.channel)
