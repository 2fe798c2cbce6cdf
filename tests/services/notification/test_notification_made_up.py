"""Nothing is told to drivers who are made up: no mail, no line in a list, no reminder."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.harness import Harness, driver
from tests.services.notification.made_up import MailServer, refunded
from tests.services.notification.post_office import (
    DRIVER,
    answer_contacts,
    cancelled,
    completed,
    confirmed,
    in_app,
)
from tests.services.notification.post_office import h as h
from tests.services.notification.post_office import mail as mail

from evslot.embedded.throwaway import PostgresServer
from evslot.services.notification.messages import EnsureSampleSilence
from evslot.services.notification.service import SERVICE
from evslot.spine.callers import SYSTEM
from evslot.values import UserId

pytestmark = pytest.mark.anyio


async def test_nothing_is_told_to_who_is_made_up(h: Harness, mail: MailServer) -> None:
    silence = EnsureSampleSilence(user_ids=(UserId(DRIVER),))
    assert (await h.send(silence, caller=SYSTEM)).fresh == 1
    assert (await h.send(silence, caller=SYSTEM)).fresh == 0
    ahead = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=48)
    event = confirmed(start=ahead)
    await h.hear(event)
    assert await h.fetch("select from reminder") == []
    await h.hear(cancelled(event.reservation))
    await h.hear(completed(event.reservation))
    await h.hear(refunded(event.reservation))
    await h.run_periodic()
    await h.run_jobs()
    assert h.sent == [], "nobody's address is asked for"
    assert mail.taken == []
    assert (await in_app(h)).notifications == []


async def test_everybody_else_is_told_as_before(h: Harness, mail: MailServer) -> None:
    other = UserId(driver().user_id or DRIVER)
    await h.send(EnsureSampleSilence(user_ids=(other,)), caller=SYSTEM)
    await h.hear(confirmed())
    await answer_contacts(h)
    await h.run_jobs()
    assert len(mail.taken) == 1


async def test_only_the_system_silences_and_only_in_development(
    h: Harness, postgres_server: PostgresServer
) -> None:
    silence = EnsureSampleSilence(user_ids=(UserId(DRIVER),))
    answer = await h.submit(silence, caller=driver())
    assert answer is not None
    assert answer.status == 403
    async with Harness(SERVICE, postgres_server, {"EVSLOT_ENVIRONMENT": "production"}) as there:
        answer = await there.submit(silence, caller=SYSTEM)
        assert answer is not None
        assert answer.code == "sample_accounts_off"
        assert await there.fetch("select from person") == []
