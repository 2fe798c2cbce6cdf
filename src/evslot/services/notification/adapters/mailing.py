"""The jobs that mail: codes never wait behind notices; at most twelve mails at a time."""

from datetime import UTC, datetime

from evslot.services.notification.adapters.calendars import Calendars
from evslot.services.notification.adapters.letters import Letters
from evslot.services.notification.adapters.smtp import (
    JOB_SECONDS,
    Attachment,
    Mailed,
    Mailer,
    calendar_attachment,
)
from evslot.services.notification.domain.facts import BookingFacts, CodeFacts, Facts
from evslot.services.notification.domain.telling import is_over
from evslot.spine.jobs import Job, Jobs
from evslot.spine.message import Personal, Secret
from evslot.spine.wiring import Resources
from evslot.values import NotificationId

jobs = Jobs()

CALENDARS = ("reservation_confirmed", "reservation_cancelled")
"""What goes into calendars, and out of them."""


class MailCode(Job[Mailed], frozen=True, kw_only=True):
    """A code to an address; worthless once the code is."""

    notification_id: NotificationId
    template: str
    language: str
    facts: CodeFacts
    address: Personal[str]
    code: Secret[str]


class MailNotice(Job[Mailed], frozen=True, kw_only=True):
    """A notification to a person, with what it carries."""

    notification_id: NotificationId
    template: str
    language: str
    facts: Facts
    address: Personal[str]
    name: Personal[str] | None
    receipt: bytes | None = None
    """A PDF."""


# A code is worthless soon: little patience with a server, and workers of its own.
@jobs.run(MailCode, workers=4, attempts=30, timeout_seconds=JOB_SECONDS, deadline_seconds=900.0)
async def mail_code(job: MailCode, resources: Resources) -> Mailed:
    """Not sent once the code has lapsed: it would only puzzle."""
    if datetime.now(UTC) >= job.facts.valid_until:
        return Mailed(failure="too_late")
    letter = resources.get(Letters).write(
        job.template, job.language, job.facts, code=job.code.value
    )
    return await resources.get(Mailer).send(job.notification_id, letter, job.address.value)


# Pauses grow to a minute, so the deadline ends the trying, not the number of attempts.
@jobs.run(
    MailNotice, workers=8, attempts=2000, timeout_seconds=JOB_SECONDS, deadline_seconds=86_400.0
)
async def mail_notice(job: MailNotice, resources: Resources) -> Mailed:
    """Tried for a day: a mail server may be away for hours. What helps no more is not sent."""
    if is_over(job.template, job.facts, datetime.now(UTC)):
        return Mailed(failure="too_late")
    name = job.name.value if job.name else None
    letter = resources.get(Letters).write(
        job.template, job.language, job.facts, name=name, has_receipt=job.receipt is not None
    )
    return await resources.get(Mailer).send(
        job.notification_id, letter, job.address.value, name, _attachments(job, resources)
    )


def _attachments(job: MailNotice, resources: Resources) -> list[Attachment]:
    if not isinstance(job.facts, BookingFacts):
        return []
    found = []
    if job.template in CALENDARS:
        calendars = resources.get(Calendars)
        cancelled = job.template == "reservation_cancelled"
        text = calendars.invitation(job.facts, job.language, job.address.value, cancelled=cancelled)
        method = "CANCEL" if cancelled else "REQUEST"
        found.append(calendar_attachment(calendars.name(job.facts), text, method))
    if job.receipt is not None:
        name = f"evslot-{job.facts.booking_code}.pdf"
        found.append(Attachment(name=name, kind="application/pdf", content=job.receipt))
    return found
