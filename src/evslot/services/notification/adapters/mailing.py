"""The jobs that mail: sign-in codes never wait behind notices."""

from datetime import UTC, datetime

from evslot.services.notification.adapters.letters import Letters
from evslot.services.notification.adapters.smtp import Mailed, Mailer
from evslot.services.notification.domain import BookingFacts, CodeFacts
from evslot.spine.jobs import Job, Jobs
from evslot.spine.message import Personal, Secret
from evslot.spine.transaction import Resources
from evslot.values import NotificationId

jobs = Jobs()


class MailCode(Job[Mailed], frozen=True, kw_only=True):
    """A sign-in code to an address; worthless once the code is."""

    notification_id: NotificationId
    template: str
    language: str
    facts: CodeFacts
    address: Personal[str]
    code: Secret[str]


class MailNotice(Job[Mailed], frozen=True, kw_only=True):
    """A notification about a booking to its driver."""

    notification_id: NotificationId
    template: str
    language: str
    facts: BookingFacts
    address: Personal[str]
    name: Personal[str] | None


@jobs.run(MailCode, workers=4, attempts=30, timeout_seconds=30.0, deadline_seconds=900.0)
async def mail_code(job: MailCode, resources: Resources) -> Mailed:
    """Not sent once the code has lapsed: it would only puzzle."""
    if datetime.now(UTC) >= job.facts.valid_until:
        return Mailed(failure="too_late")
    letter = resources.get(Letters).write(
        job.template, job.language, job.facts, code=job.code.value
    )
    return await resources.get(Mailer).send(job.notification_id, letter, job.address.value)


# Pauses grow to a minute, so the deadline ends the trying, not the number of attempts.
@jobs.run(MailNotice, workers=4, attempts=2000, timeout_seconds=30.0, deadline_seconds=86_400.0)
async def mail_notice(job: MailNotice, resources: Resources) -> Mailed:
    """Tried for a day: a mail server may be away for hours."""
    name = job.name.value if job.name else None
    letter = resources.get(Letters).write(job.template, job.language, job.facts, name=name)
    return await resources.get(Mailer).send(job.notification_id, letter, job.address.value, name)
