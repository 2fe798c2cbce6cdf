"""A live stream, read as a browser reads it."""

import asyncio
from typing import Any

import httpx
import msgspec

EVENT_SECONDS = 20.0


class LiveStream:
    """Server-sent events as a browser reads them."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.aiter_lines()
        self.last_id = ""

    async def beginning(self) -> None:
        """Up to where the server has said from where on it tells."""
        while not self.last_id:
            await self._block()

    async def event(self, *names: str) -> tuple[str, Any]:
        """Name and data of the next event; of one of these names, where any are given."""
        async with asyncio.timeout(EVENT_SECONDS):
            while True:
                block = await self._block()
                if "event" in block and (not names or block["event"] in names):
                    return block["event"], msgspec.json.decode(block["data"])

    async def _block(self) -> dict[str, str]:
        fields: dict[str, str] = {}
        async for line in self._lines:
            if not line:
                break
            name, _, value = line.partition(": ")
            fields[name] = value
        else:
            raise EOFError("the stream ended")
        self.last_id = fields.get("id", self.last_id)
        return fields
