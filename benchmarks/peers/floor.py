"""The client's own floor: a server that does nothing but answer, as long as a real answer is."""

import asyncio
from typing import cast

from benchmarks.running import ADDRESS

ANSWER_BYTES = 1200
"""About what a held reservation takes."""
ANSWER = (
    b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: "
    + str(ANSWER_BYTES).encode()
    + b"\r\n\r\n"
    + b" " * ANSWER_BYTES
)


class _Floor(asyncio.Protocol):
    """Takes whatever comes in one piece for one request: requests are small and come alone."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._missing = 0

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._missing -= len(data)
        else:
            head, _, body = data.partition(b"\r\n\r\n")
            length = head.lower().partition(b"\r\ncontent-length:")[2].split(b"\r\n", 1)[0]
            self._missing = int(length) - len(body)
        if self._missing <= 0:
            self._transport.write(ANSWER)


async def serve(port: int) -> None:
    """Until the process is ended."""
    server = await asyncio.get_running_loop().create_server(_Floor, ADDRESS, port)
    async with server:
        await server.serve_forever()
