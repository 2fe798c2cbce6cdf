"""Catches all mail sent to it over SMTP and shows it on a web page: a process of its own."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from evslot.embedded.mailbox import Mailbox
from evslot.embedded.mailpage import Page, answer
from evslot.embedded.ports import LOOPBACK
from evslot.embedded.supervisor import Process

MAX_MAIL_BYTES = 10 * 1024 * 1024
MAX_HEAD_BYTES = 16 * 1024
REQUEST_SECONDS = 10.0
MAX_CONNECTIONS = 64
# A page elsewhere could point its own name at our address and read the codes in the mails.
OWN_NAMES = {"127.0.0.1", "localhost", "[::1]"}
COMMON_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Connection": "close",
}


class Catcher:
    """Takes every mail for everybody; aiosmtpd calls this by name."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(  # noqa: N802 - the name is aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Accept only what is kept: 250 is said after the file is written."""
        content = envelope.content
        assert isinstance(content, bytes)
        mail = self._mailbox.add(envelope.mail_from or "", envelope.rcpt_tos, content)
        return f"250 Kept as {mail.number}"


class WebPage:
    """A small HTTP/1.1 server: one bounded request per connection, then it closes."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._free = asyncio.Semaphore(MAX_CONNECTIONS)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request in a bounded time."""
        try:
            async with asyncio.timeout(REQUEST_SECONDS), self._free:
                head = await reader.readuntil(b"\r\n\r\n")
                page = self._answer(head.decode("latin-1"))
                writer.write(_http(page))
                await writer.drain()
        except (asyncio.LimitOverrunError, asyncio.IncompleteReadError, TimeoutError):
            writer.write(_http(Page(b"That is no request.\n", "text/plain", 400)))
        except ConnectionError:
            return  # the browser went away: there is nobody to tell
        finally:
            writer.close()

    def _answer(self, head: str) -> Page:
        first, *lines = head.rstrip("\r\n").split("\r\n")
        words = first.split(" ")
        if len(words) != 3:
            return Page(b"That is no request.\n", "text/plain", 400)
        headers = {name.strip().lower(): value.strip() for name, _, value in _fields(lines)}
        if headers.get("host", "").rpartition(":")[0] not in OWN_NAMES:
            return Page(b"Ask for this page by the name localhost.\n", "text/plain", 421)
        if words[0] == "DELETE" and "origin" in headers:
            return Page(b"Other pages may not delete mails.\n", "text/plain", 403)
        return answer(self._mailbox, words[0], words[1])


def mailcatcher_process(
    data_dir: Path, smtp_port: int, http_port: int, depends_on: Sequence[str] = ()
) -> Process:
    """The catcher as a child that the supervisor owns."""
    data_dir = data_dir.absolute()

    async def ready() -> bool:
        for port in (smtp_port, http_port):
            _, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.close()
        return True

    return Process(
        name="mail",
        argv=[
            *(sys.executable, "-m", "evslot.embedded.mailcatcher"),
            *("--smtp-port", str(smtp_port), "--http-port", str(http_port)),
            *("--folder", str(data_dir / "mail")),
        ],
        log_file=data_dir / "logs" / "mail.log",
        ready=ready,
        depends_on=depends_on,
    )


async def catch(smtp_port: int, http_port: int, folder: Path, host: str = LOOPBACK) -> None:
    """Serve both ports until SIGINT or SIGTERM."""
    mailbox = Mailbox(folder)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    smtp = await loop.create_server(
        lambda: SMTP(Catcher(mailbox), data_size_limit=MAX_MAIL_BYTES, enable_SMTPUTF8=True),
        host,
        smtp_port,
    )
    web = await asyncio.start_server(WebPage(mailbox).serve, host, http_port, limit=MAX_HEAD_BYTES)
    await stop.wait()
    smtp.close()
    web.close()


def _fields(lines: Sequence[str]) -> list[tuple[str, str, str]]:
    return [line.partition(":") for line in lines]


def _http(page: Page) -> bytes:
    headers = COMMON_HEADERS | page.headers
    headers |= {"Content-Type": page.content_type, "Content-Length": str(len(page.content))}
    status = HTTPStatus(page.status)
    lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + page.content


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    # In a container the loopback interface is the container's own.
    parser.add_argument("--host", default=LOOPBACK)
    said = parser.parse_args()
    asyncio.run(catch(said.smtp_port, said.http_port, said.folder, said.host))


if __name__ == "__main__":
    main()
