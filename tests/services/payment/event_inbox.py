"""A small HTTP server on this machine that takes a provider's events, after refusing some."""

import asyncio
import json
from typing import Self

from evslot.services.payment.adapters.webhooks import SignedEvent

PATIENCE_SECONDS = 20.0


class EventInbox:
    """`async with EventInbox() as inbox: …; await inbox.until(3)`."""

    def __init__(self, refuse: int = 0) -> None:
        self._refuse = refuse
        self._came = asyncio.Event()
        self.taken: list[tuple[str, SignedEvent]] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/events"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def until(self, count: int) -> None:
        """So many events were taken."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.taken) < count:
                self._came.clear()
                await self._came.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:]
        headers = {
            name.lower(): value
            for name, _, value in (line.partition(": ") for line in head if line)
        }
        body = await reader.readexactly(int(headers["content-length"]))
        if self._refuse:
            self._refuse -= 1
            status = b"500 Later"
        else:
            event = SignedEvent(body=body, headers=headers)
            self.taken.append((json.loads(body)["type"], event))
            status = b"204 Taken"
        writer.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        self._came.set()
