"""Runs one process of a peer: `python -m benchmarks.peers NAME PORT KEYS_FOLDER DATABASE_URL`."""

import socket
import sys
from pathlib import Path
from typing import Any

import asyncpg
import uvicorn
import uvloop

from benchmarks.peers import best, chatty, floor
from benchmarks.peers.booking import Desk
from benchmarks.running import ADDRESS

CONNECTIONS = 16
"""Of each process to its database."""


async def serve(name: str, port: int, keys: Path, database_url: str) -> None:
    """Until SIGTERM."""
    if name == "floor":
        await floor.serve(port)
        return
    async with asyncpg.create_pool(
        database_url,
        min_size=1,
        max_size=CONNECTIONS,
        max_inactive_connection_lifetime=5.0,  # whose turn is over leaves the server its memory
        server_settings={"jit": "off", "timezone": "UTC"},
        reset=_leave_as_is,
    ) as pool:
        desk = Desk(keys)
        app: Any = {"chatty": chatty.create_app, "best": best.BestPeer}[name](desk, pool)
        config = uvicorn.Config(
            app, lifespan="off", http="httptools", ws="none", access_log=False, log_level="warning"
        )
        await uvicorn.Server(config).serve(sockets=[_shared_port(port)])


def _shared_port(port: int) -> socket.socket:
    """Several processes may listen on it; the kernel hands out connections."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((ADDRESS, port))
    return listener


async def _leave_as_is(connection: asyncpg.Connection) -> None:
    """One round trip less a request than the driver's usual reset."""


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]))
