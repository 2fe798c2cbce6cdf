"""Keeps the last caught mails as files in a folder."""

import email
import email.policy
import json
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.message import EmailMessage, MIMEPart
from pathlib import Path

KEPT = 500  # older mails are removed, so that a load test does not fill the disk


@dataclass(frozen=True, slots=True)
class Mail:
    """What a list shows of one mail; `number` grows and is never used twice in a folder."""

    number: int
    received_at: str
    sender: str
    recipients: list[str]
    subject: str
    message_id: str
    size: int
    attachments: list[str]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A named part of a mail with its bytes."""

    name: str
    content_type: str
    content: bytes


class Mailbox:
    """Mails by number; each is `<number>.eml` with what the envelope said in `<number>.json`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        numbers = sorted(int(path.stem) for path in folder.glob("*.json") if path.stem.isdecimal())
        self._next = max(numbers, default=0) + 1
        self._mails = {number: mail for number in numbers if (mail := self._kept(number))}

    def add(self, sender: str, recipients: Sequence[str], content: bytes) -> Mail:
        """Keep a mail; it is on disk when this returns."""
        message = _parse(content)
        with self._lock:
            mail = Mail(
                number=self._next,
                received_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
                sender=sender,
                recipients=list(recipients),
                subject=_header(message, "Subject"),
                message_id=_header(message, "Message-ID"),
                size=len(content),
                attachments=[attachment.name for attachment in _attachments(message)],
            )
            self._next += 1
            (self._folder / f"{mail.number}.eml").write_bytes(content)
            # Written beside and renamed: a killed process leaves no half of it.
            fresh = self._folder / f"{mail.number}.json.new"
            fresh.write_text(json.dumps(asdict(mail)))
            fresh.replace(self._folder / f"{mail.number}.json")
            self._mails[mail.number] = mail
            while len(self._mails) > KEPT:
                self._remove(min(self._mails))
        return mail

    def newest(self, to: str | None = None, limit: int = KEPT) -> list[Mail]:
        """The last mails, newest first; `to` keeps those to one address."""
        with self._lock:
            mails = list(reversed(self._mails.values()))
        wanted = to.casefold() if to else None
        return [
            mail
            for mail in mails
            if wanted is None or wanted in {address.casefold() for address in mail.recipients}
        ][:limit]

    def get(self, number: int) -> Mail:
        """One mail; KeyError when it is not (or no longer) there."""
        return self._mails[number]

    def raw(self, number: int) -> bytes:
        """The mail as it came; KeyError when it is not there."""
        with self._lock:
            self._mails[number]
            return (self._folder / f"{number}.eml").read_bytes()

    def text(self, number: int) -> str | None:
        """The plain text of a mail, if it has one."""
        return _body(self._message(number), "plain")

    def html(self, number: int) -> str | None:
        """The HTML of a mail, if it has one: never to be shown outside a sandbox."""
        return _body(self._message(number), "html")

    def headers(self, number: int) -> list[tuple[str, str]]:
        """All headers in their order."""
        return [(name, str(value)) for name, value in self._message(number).items()]

    def attachment(self, number: int, index: int) -> Attachment:
        """One attachment by its place; KeyError when there is none."""
        attachments = _attachments(self._message(number))
        if index >= len(attachments):
            raise KeyError(index)
        return attachments[index]

    def clear(self) -> None:
        """Forget all mails."""
        with self._lock:
            for number in list(self._mails):
                self._remove(number)

    def _kept(self, number: int) -> Mail | None:
        """A mail of before; one that a loss of power cut keeps no other from being shown."""
        file = self._folder / f"{number}.json"
        try:
            return Mail(**json.loads(file.read_bytes()))
        except (OSError, ValueError, TypeError) as problem:
            sys.stderr.write(f"{file} cannot be read and is left out: {problem}\n")
            return None

    def _remove(self, number: int) -> None:
        del self._mails[number]
        for suffix in ("json", "eml"):
            (self._folder / f"{number}.{suffix}").unlink(missing_ok=True)

    def _message(self, number: int) -> EmailMessage:
        return _parse(self.raw(number))


def _parse(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)  # the default policy makes no other
    return message


def _header(message: EmailMessage, name: str) -> str:
    return str(message.get(name, ""))


def _body(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body(preferencelist=(kind,))
    return None if part is None else _decoded(part)


def _decoded(part: MIMEPart) -> str:
    """Text of a part; bytes that do not fit the stated charset, or an unknown one, stay readable.

    `get_content` would raise LookupError for a charset that Python does not know.
    """
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    try:
        return content.decode(part.get_content_charset("utf-8"), errors="replace")
    except LookupError:
        return content.decode("utf-8", errors="replace")


def _attachments(message: EmailMessage) -> list[Attachment]:
    bodies = {id(message.get_body(preferencelist=(kind,))) for kind in ("plain", "html")}
    found: list[Attachment] = []
    for part in message.walk():
        if part.is_multipart() or id(part) in bodies:
            continue
        content = part.get_payload(decode=True)
        name = part.get_filename() or f"part-{len(found) + 1}"
        data = content if isinstance(content, bytes) else b""
        found.append(Attachment(name, part.get_content_type(), data))
    return found
