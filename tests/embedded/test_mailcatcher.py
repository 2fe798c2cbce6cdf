"""The mail catcher takes mail over real SMTP and shows it without trusting a byte of it."""

import asyncio
import smtplib
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest

from evslot.embedded.mailbox import KEPT, Mailbox
from evslot.embedded.mailcatcher import mailcatcher_process
from evslot.embedded.ports import free_port
from evslot.embedded.supervisor import Supervisor

pytestmark = pytest.mark.anyio

ATTACK = "<script>alert(1)</script>"


class Catcher:
    """A running mail catcher, as its clients see it."""

    def __init__(self, smtp_port: int, http_port: int) -> None:
        self.smtp_port = smtp_port
        self.url = f"http://127.0.0.1:{http_port}"

    async def send(self, message: EmailMessage) -> None:
        await asyncio.to_thread(self._send, message)

    async def get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(base_url=self.url) as client:
            return await client.get(path)

    def _send(self, message: EmailMessage) -> None:
        with smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=10) as client:
            client.send_message(message)


@pytest.fixture
async def catcher(tmp_path: Path) -> AsyncIterator[Catcher]:
    smtp_port, http_port = free_port(), free_port()
    process = mailcatcher_process(tmp_path, smtp_port, http_port)
    async with Supervisor([process], folder=tmp_path):
        yield Catcher(smtp_port, http_port)


def _mail(subject: str, to: str = "driver@example.org") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "evslot@example.org"
    message["To"] = to
    message["Subject"] = subject
    message["Message-ID"] = "<1@example.org>"
    message.set_content(f"Grüße, your code is 123456. {ATTACK}")
    message.add_alternative(f"<p>Your <b>code</b></p>{ATTACK}", subtype="html")
    message.add_attachment(b"BEGIN:VCALENDAR", "text", "calendar", filename='a"<b>.ics')
    return message


async def test_a_mail_sent_is_in_the_list_and_in_the_api(catcher: Catcher) -> None:
    await catcher.send(_mail("Your code ☂"))
    await catcher.send(_mail("Another", to="Other@example.org"))
    listed = (await catcher.get("/api/messages?to=DRIVER@example.org")).json()["messages"]
    assert [mail["subject"] for mail in listed] == ["Your code ☂"]
    assert listed[0]["message_id"] == "<1@example.org>"
    details = (await catcher.get(f"/api/messages/{listed[0]['number']}")).json()
    assert "Grüße, your code is 123456." in details["text"]
    assert "Your code ☂" in (await catcher.get("/")).text


async def test_nothing_of_a_mail_is_live_on_the_page(catcher: Catcher) -> None:
    await catcher.send(_mail(f"Hello {ATTACK}"))
    for path in ("/", "/messages/1"):
        page = await catcher.get(path)
        assert "<script" not in page.text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
    html = await catcher.get("/messages/1/html")
    assert html.headers["content-security-policy"].startswith("sandbox allow-popups")
    assert "allow-scripts" not in html.headers["content-security-policy"]
    raw = await catcher.get("/messages/1/raw")
    assert raw.headers["content-type"].startswith("text/plain")
    assert raw.headers["x-content-type-options"] == "nosniff"


async def test_an_attachment_is_listed_and_only_downloaded(catcher: Catcher) -> None:
    await catcher.send(_mail("Booked"))
    assert "a&quot;&lt;b&gt;.ics" in (await catcher.get("/messages/1")).text
    attachment = await catcher.get("/messages/1/attachments/0")
    assert attachment.content.strip() == b"BEGIN:VCALENDAR"
    assert attachment.headers["content-type"] == "application/octet-stream"
    assert attachment.headers["content-disposition"].endswith("a%22%3Cb%3E.ics")


@pytest.mark.parametrize(
    "path",
    ["/messages/7", "/messages/1/attachments/5", "/messages/x", "/messages/²", "/../etc/passwd"],
)
async def test_what_is_not_there_is_404(catcher: Catcher, path: str) -> None:
    await catcher.send(_mail("Booked"))
    assert (await catcher.get(path)).status_code == 404


async def test_a_foreign_name_for_the_page_is_refused(catcher: Catcher) -> None:
    async with httpx.AsyncClient(base_url=catcher.url) as client:
        page = await client.get("/api/messages", headers={"Host": "evil.example:80"})
    assert page.status_code == 421


async def test_an_endless_request_is_refused(catcher: Catcher) -> None:
    async with httpx.AsyncClient(base_url=catcher.url) as client:
        page = await client.get("/", headers={"X-Long": "x" * 40_000})
    assert page.status_code == 400


def test_only_the_last_mails_are_kept_and_a_restart_keeps_them(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    for number in range(KEPT + 3):
        mailbox.add("a@example.org", ["b@example.org"], f"Subject: {number}\r\n\r\nhi".encode())
    again = Mailbox(tmp_path)
    subjects = [mail.subject for mail in again.newest()]
    assert subjects == [str(number) for number in range(KEPT + 2, 2, -1)]
    assert len(list(tmp_path.iterdir())) == 2 * KEPT
    assert again.add("a@example.org", [], b"\r\n").number == KEPT + 4


def test_a_mail_of_an_unknown_charset_is_still_readable(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    broken = b"Content-Type: text/plain; charset=martian\r\nSubject: =?x?q?=\r\n\r\nhello \xff"
    mail = mailbox.add("a@example.org", ["b@example.org"], broken)
    text = mailbox.text(mail.number)
    assert text is not None
    assert text.startswith("hello")


def test_a_file_that_cannot_be_read_hides_no_other_mail(tmp_path: Path) -> None:
    Mailbox(tmp_path).add("a@example.org", ["b@example.org"], b"Subject: whole\r\n\r\nhi")
    (tmp_path / "2.json").write_text('{"number": 2, "rec')  # as a loss of power may leave it
    (tmp_path / "3.json").write_text("{}")
    (tmp_path / "notes.json").write_text("[]")
    again = Mailbox(tmp_path)
    assert [mail.subject for mail in again.newest()] == ["whole"]
    assert again.add("a@example.org", [], b"\r\n").number == 4
