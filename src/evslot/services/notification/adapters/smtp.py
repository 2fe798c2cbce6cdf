"""Hands a mail to a mail server over SMTP, and says clearly what came of it."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Literal
from uuid import UUID

import aiosmtplib
from msgspec import Struct

from evslot.services.notification.adapters.letters import Letter
from evslot.services.notification.domain.wording import one_line

ADDRESS_PART = re.compile(r"[^\s\x00-\x1f\x7f@<>()\[\]\",;:\\]+")
"""Either side of the @; what would need quoting (RFC 5321, 4.1.2) is nobody's mailbox."""

JOB_SECONDS = 90.0
"""For one mail from connecting to good-bye; then it is tried again."""


class MailSettings(Struct, frozen=True, kw_only=True):
    """`EVSLOT_NOTIFICATION_…`; the defaults fit the mail catcher that `evslot up` brings."""

    smtp_host: str = "127.0.0.1"
    smtp_port: int = 1025
    smtp_security: Literal["none", "starttls", "tls"] = "none"
    smtp_user: str | None = None
    smtp_password: str | None = None
    smtp_timeout_seconds: float = 10.0
    """For connecting, and for saying good-bye."""
    smtp_taking_seconds: float = 60.0
    """For each step of handing the mail over. Long, because a server that took it and was not
    heard gets it again (RFC 5321, 4.5.3.2.6); the job's own limit is 90 s for everything."""
    mail_from: str = "no-reply@evslot.localhost"
    mail_from_name: str = "evslot"
    support_contact: str = "support@evslot.localhost"
    """Where people write who did not change their account themselves."""


class Mailed(Struct, frozen=True, kw_only=True):
    """What the mail server said: taken, or never going to be."""

    failure: str | None = None
    """None = taken; else a code: address_invalid, refused_550, too_late."""


class Attachment(Struct, frozen=True, kw_only=True):
    """A file that goes with a mail."""

    name: str
    kind: str
    """Media type with its parameters: `text/calendar; method=REQUEST; charset=utf-8`."""
    content: bytes


def calendar_attachment(name: str, text: str, method: str) -> Attachment:
    """The media type repeats the method of the text (RFC 6047, 2.4)."""
    kind = f"text/calendar; method={method}; charset=utf-8"
    return Attachment(name=name, kind=kind, content=text.encode())


class MailNotTaken(Exception):
    """The mail server could not be talked to or asks to come back; never names the address."""


class Mailer:
    """Sends over one connection per mail; bounded by the workers of the jobs that call it."""

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings
        self._sender = Address(settings.mail_from_name, addr_spec=settings.mail_from)

    async def send(
        self,
        number: UUID,
        letter: Letter,
        address: str,
        name: str | None = None,
        attachments: Sequence[Attachment] = (),
    ) -> Mailed:
        """Mailed where the server decided for good; MailNotTaken where trying again may help.

        `number` makes the Message-ID: sent twice, it is one mail to most mailboxes.
        """
        recipient = _recipient(address, name)
        if recipient is None:
            return Mailed(failure="address_invalid")
        message = self._message(number, letter, recipient, attachments)
        try:
            await self._hand_over(message, recipient.addr_spec)
        except aiosmtplib.SMTPRecipientsRefused as refused:
            code = max(each.code for each in refused.recipients)
        except (aiosmtplib.SMTPDataError, aiosmtplib.SMTPRecipientRefused) as refused:
            code = refused.code
        except aiosmtplib.SMTPNotSupported:
            return Mailed(failure="address_invalid")  # a non-ASCII address needs SMTPUTF8
        except aiosmtplib.SMTPResponseException as trouble:
            raise MailNotTaken(f"the mail server answered {trouble.code}") from None
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as trouble:
            raise MailNotTaken(f"no mail server: {type(trouble).__name__}") from None
        else:
            return Mailed()
        if code < 500:  # 4xx = come back later, 5xx = never (RFC 5321, 4.2.1)
            raise MailNotTaken(f"the mail server answered {code}")
        return Mailed(failure=f"refused_{code}")

    def _message(
        self, number: UUID, letter: Letter, recipient: Address, attachments: Sequence[Attachment]
    ) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        message["Message-ID"] = f"<{number}@{self._sender.domain}>"
        message["Date"] = format_datetime(datetime.now(UTC))
        message["From"] = self._sender
        message["To"] = recipient
        message["Subject"] = one_line(letter.subject)
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday replies, please
        message.set_content(letter.text, cte="quoted-printable")
        message["Content-Language"] = letter.language
        for attachment in attachments:
            _attach(message, attachment)
        return message

    async def _hand_over(self, message: EmailMessage, address: str) -> None:
        settings = self._settings
        client = aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_user,
            password=settings.smtp_password,
            use_tls=settings.smtp_security == "tls",
            start_tls=settings.smtp_security == "starttls",
            timeout=settings.smtp_timeout_seconds,
            local_hostname=self._sender.domain,  # else a DNS look-up of our own name
        )
        taken = False
        try:
            async with client:
                await client.send_message(
                    message,
                    sender=self._sender.addr_spec,
                    recipients=[address],
                    timeout=settings.smtp_taking_seconds,
                )
                taken = True
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            if not taken:  # a good-bye that fails is no reason to send it again
                raise


def _attach(message: EmailMessage, attachment: Attachment) -> None:
    """Base64, so that no server on the way changes a line end."""
    main, _, rest = attachment.kind.partition("/")
    sub, _, parameters = rest.partition(";")
    message.add_attachment(
        attachment.content,
        maintype=main,
        subtype=sub,
        filename=attachment.name,
        params=dict(pair.strip().split("=") for pair in parameters.split(";") if pair),
    )


def _recipient(address: str, name: str | None) -> Address | None:
    """None where the text is no address; a name is cleaned, an address never guessed at."""
    local, _, domain = address.rpartition("@")
    if (
        len(address) > 254
        or not ADDRESS_PART.fullmatch(local)
        or not ADDRESS_PART.fullmatch(domain)
    ):
        return None
    try:
        ascii_domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    return Address(one_line(name or "", 60), username=local, domain=ascii_domain)
