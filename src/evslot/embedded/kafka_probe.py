"""Asks a broker, in Kafka's own protocol, whether clients can really work with it.

An open port is not enough. A broker that has just started refuses the first producer id and the
first group coordinator ("load in progress"), and clients wait half a second before they ask
again; the probe asks until both are there, so that the first real client does not wait.
Protocol: https://kafka.apache.org/protocol, versions that every broker since 2.1 understands.
"""

import asyncio
import struct
from dataclasses import dataclass

CLIENT_ID = b"evslot-probe"
MAX_ANSWER_BYTES = 1024 * 1024
METADATA, FIND_COORDINATOR, INIT_PRODUCER_ID = 3, 10, 22


async def answers(host: str, port: int) -> bool:
    """True when the broker is known to the cluster and serves producers and groups.

    Raises OSError while nothing listens; the caller bounds the time.
    """
    reader, writer = await asyncio.open_connection(host, port)
    try:
        wire = _Wire(reader, writer)
        # Metadata v4 of no topic: throttle, then the number of brokers.
        metadata = await wire.ask(METADATA, 4, struct.pack(">i?", 0, False))
        if struct.unpack_from(">i", metadata, 4)[0] < 1:
            return False
        # InitProducerId v0 without a transaction: throttle, then the error code.
        producer = await wire.ask(INIT_PRODUCER_ID, 0, struct.pack(">hi", -1, 60_000))
        # FindCoordinator v1 of a group: throttle, then the error code.
        key = struct.pack(">h", len(CLIENT_ID)) + CLIENT_ID + b"\0"
        coordinator = await wire.ask(FIND_COORDINATOR, 1, key)
        return all(struct.unpack_from(">h", part, 4)[0] == 0 for part in (producer, coordinator))
    except asyncio.IncompleteReadError:
        return False  # the broker closed the connection: it is starting or stopping
    finally:
        writer.close()


@dataclass(slots=True)
class _Wire:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, api: int, version: int, body: bytes) -> bytes:
        """Send one request and return its answer without the correlation id."""
        head = struct.pack(">hhih", api, version, api, len(CLIENT_ID)) + CLIENT_ID
        self.writer.write(struct.pack(">i", len(head) + len(body)) + head + body)
        (size,) = struct.unpack(">i", await self.reader.readexactly(4))
        if not 4 <= size <= MAX_ANSWER_BYTES:
            raise OSError(f"{size} bytes are no answer of a Kafka broker")
        return (await self.reader.readexactly(size))[4:]
