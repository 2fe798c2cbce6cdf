"""Mail over real SMTP: what arrives, what is tried again, what is given up."""

import asyncio
import socket
from uuid import uuid4

import pytest
from tests.services.notification.made_up import MailServer, text_of

from evslot.services.notification.adapters.letters import Letter
from evslot.services.notification.adapters.smtp import (
    Mailed,
    Mailer,
    MailNotTaken,
    MailSettings,
)

pytestmark = pytest.mark.anyio
LETTER = Letter(subject="Gebucht: Ladepark Süd", text="Grüße 👋\n\nzweite Zeile\n", language="de")


def mailer(port: int, timeout: float = 2.0) -> Mailer:
    return Mailer(
        MailSettings(smtp_port=port, smtp_timeout_seconds=timeout, smtp_taking_seconds=timeout)
    )


async def test_a_mail_arrives_as_it_was_written() -> None:
    number = uuid4()
    async with MailServer() as server:
        sent = await mailer(server.port).send(number, LETTER, "zoe@example.org", "Zoë Grün")
        assert sent == Mailed()
    (message,) = server.taken
    assert server.envelopes == [("no-reply@evslot.localhost", ["zoe@example.org"])]
    assert message["Message-ID"] == f"<{number}@evslot.localhost>"
    assert message["Subject"] == "Gebucht: Ladepark Süd"
    assert message["To"] == "Zoë Grün <zoe@example.org>"
    assert message["From"] == "evslot <no-reply@evslot.localhost>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "de"
    assert message["Date"].datetime.tzinfo is not None
    assert text_of(message) == LETTER.text


async def test_sent_twice_it_has_the_same_message_id() -> None:
    number = uuid4()
    async with MailServer() as server:
        for _ in range(2):
            await mailer(server.port).send(number, LETTER, "zoe@example.org")
    assert len({message["Message-ID"] for message in server.taken}) == 1


@pytest.mark.parametrize(
    "name", ["Zoë\r\nBcc: victim@example.org", "a\x00b", '"; <evil@x.org>', "n" * 10_000, "👩‍🚒"]
)
async def test_a_name_adds_no_header_and_no_recipient(name: str) -> None:
    async with MailServer() as server:
        await mailer(server.port).send(uuid4(), LETTER, "zoe@example.org", name)
    (message,) = server.taken
    assert server.envelopes[0][1] == ["zoe@example.org"]
    assert [each.addr_spec for each in message["To"].addresses] == ["zoe@example.org"]
    assert message["Bcc"] is None


@pytest.mark.parametrize(
    "address",
    [
        "zoe@example.org\r\nRCPT TO:<victim@example.org>",
        "zoe@example.org, victim@example.org",
        "zoe\x00@example.org",
        "no address",
        "@example.org",
        "zoe@",
        "",
        "a" * 400 + "@example.org",
    ],
)
async def test_what_is_no_address_gets_nothing(address: str) -> None:
    async with MailServer() as server:
        sent = await mailer(server.port).send(uuid4(), LETTER, address)
    assert sent == Mailed(failure="address_invalid")
    assert server.taken == []


@pytest.mark.parametrize(("step", "code"), [("RCPT", "550"), ("DATA", "554")])
async def test_a_final_no_is_not_tried_again(step: str, code: str) -> None:
    async with MailServer() as server:
        server.says = lambda at, _: f"{code} zoe@example.org: no" if at == step else None
        sent = await mailer(server.port).send(uuid4(), LETTER, "zoe@example.org")
    assert sent == Mailed(failure=f"refused_{code}")


@pytest.mark.parametrize(("step", "code"), [("RCPT", "450"), ("DATA", "451")])
async def test_come_back_later_is_tried_again_and_names_no_address(step: str, code: str) -> None:
    async with MailServer() as server:
        server.says = lambda at, _: f"{code} zoe@example.org: later" if at == step else None
        with pytest.raises(MailNotTaken, match=code) as trouble:
            await mailer(server.port).send(uuid4(), LETTER, "zoe@example.org")
    assert "zoe" not in str(trouble.value)
    assert trouble.value.__context__ is None


async def test_a_mail_server_that_is_away_or_hangs_is_trouble_within_the_limit() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(MailNotTaken, match="no mail server"):
            await mailer(free.getsockname()[1]).send(uuid4(), LETTER, "zoe@example.org")
    async with MailServer() as server:
        server.delay_seconds = 1.0
        with pytest.raises(MailNotTaken):
            async with asyncio.timeout(0.9):
                await mailer(server.port, 0.3).send(uuid4(), LETTER, "zoe@example.org")


async def test_an_address_beyond_ascii_is_mailed_where_the_server_can() -> None:
    async with MailServer() as server:
        sent = await mailer(server.port).send(uuid4(), LETTER, "jürgen@example.org")
    assert sent == Mailed()
    assert server.envelopes[0][1] == ["jürgen@example.org"]
