"""A TCP proxy that slows, cuts, holds back and half-opens what goes through, by who connects.

It runs as a process of its own (`python -m tests.faults.proxy`), so that the load beside it does
not slow it down, and takes rules as lines of JSON on its standard input. What it did that counts
(a COMMIT seen and its answer withheld) it tells on its standard output, a line of JSON each.
"""

import asyncio
import os
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec
import uvloop
from msgspec import Struct

CHUNK = 64 * 1024
HELD_SECONDS = 0.05
COMMIT = b"COMMIT;\x00"
"""How the driver ends a transaction: a simple query, `Q`, its length, this text."""

Way = Literal["both", "to_server", "to_client"]


class Rule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happens to connections of some processes."""

    pids: list[int] | None = None
    """Of the processes concerned; None: everybody."""
    delay_seconds: float = 0.0
    """Each piece that comes from the server is so late."""
    hold: Way | None = None
    """Nothing of this direction arrives until the rule ends, as where packets are lost and sent
    again; connections stay open, new ones are taken."""
    half_open: bool = False
    """As `hold` both, but for ever: what was held so gets a RST when the rule has ended."""
    freeze: bool = False
    """Connections that are there are half open from now on, whatever rules come; new ones pass:
    the other end was replaced without a word."""
    refuse: bool = False
    """New connections are cut at once."""
    reset: bool = False
    """Connections there are get a RST now."""
    commits: int = 0
    """So many COMMITs get a RST for an answer. Every second one was done by the server before, the
    others never reached it: who sent them cannot know."""


class Told(Struct, frozen=True, kw_only=True):
    """What the proxy did, a line each."""

    did: str
    pid: int | None = None


class Pipe:
    """One client's connection and the one to the server that belongs to it."""

    def __init__(self, proxy: "Proxy", port: int) -> None:
        self.port = port
        """Of the client."""
        self.pid: int | None = None
        self.frozen = False
        self._proxy = proxy
        self._writers: list[asyncio.StreamWriter] = []
        self._withheld = False
        self._dead = False

    async def run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until one side ends."""
        self._writers.append(writer)
        try:
            there, server = await asyncio.open_connection(self._proxy.host, self._proxy.port)
        except OSError:
            self.reset()
            return
        self._writers.append(server)
        ways = [
            asyncio.create_task(self._copy(reader, server, "to_server")),
            asyncio.create_task(self._copy(there, writer, "to_client")),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            ended = await asyncio.gather(*ways, return_exceptions=True)
            if any(isinstance(end, ConnectionError) for end in ended):
                self.reset()
            for one in self._writers:
                one.close()

    def reset(self) -> None:
        """RST to both: what is unsent is thrown away."""
        for writer in self._writers:
            socket_ = writer.get_extra_info("socket")
            if not writer.transport.is_closing():
                socket_.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way
    ) -> None:
        while piece := await reader.read(CHUNK):
            rule = await self._let_go(way)
            if way == "to_client":
                if self._withheld:  # the server has answered the COMMIT: now nobody can know
                    self._proxy.tell("commit_withheld", self.pid)
                    self.reset()
                    return
                if rule.delay_seconds:
                    await asyncio.sleep(rule.delay_seconds)
            elif rule.commits and COMMIT in piece and (turn := self._proxy.take_commit()):
                if turn % 2:
                    self._proxy.tell("commit_lost", self.pid)
                    self.reset()
                    return
                self._withheld = True
            writer.write(piece)
            await writer.drain()

    async def _let_go(self, way: Way) -> Rule:
        """When this direction is not held back any more; the rule then."""
        while True:
            rule = self._proxy.rule_for(self.pid)
            self._dead = self._dead or rule.half_open
            held = self.frozen or rule.half_open or rule.hold in (way, "both")
            if not held:
                break
            await asyncio.sleep(HELD_SECONDS)
        if self._dead:
            raise ConnectionResetError("it was half open")
        return rule


class Proxy:
    """Listens on one port, connects to another, and keeps to the rules of the moment."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self._rules: list[Rule] = []
        self._commits = 0
        self._taken = 0
        self._pipes: set[Pipe] = set()
        self._listen = 0

    async def serve(self, listen: int) -> None:
        """Until standard input ends."""
        self._listen = listen
        server = await asyncio.start_server(self._accept, self.host, listen)
        async with server:
            self.tell("ready", None)
            async for line in await _lines():
                self.follow(msgspec.json.decode(line, type=list[Rule]))

    def follow(self, rules: list[Rule]) -> None:
        """From now on these, and no others."""
        self._rules = rules
        self._commits = sum(rule.commits for rule in rules)
        for pipe in list(self._pipes):
            pipe.pid = pid_behind(pipe.port, self._listen, self._pids())
            rule = self.rule_for(pipe.pid)
            pipe.frozen = pipe.frozen or rule.freeze
            if rule.reset:
                pipe.reset()
        self.tell("following", None)

    def rule_for(self, pid: int | None) -> Rule:
        for rule in self._rules:
            if rule.pids is None or pid in rule.pids:
                return rule
        return NO_RULE

    def _pids(self) -> set[int]:
        """Those that the rules of now name: who else is behind a connection is no matter."""
        return {pid for rule in self._rules for pid in rule.pids or ()}

    def take_commit(self) -> int:
        """The number of the next COMMIT that nobody is to learn of; 0 where there were enough."""
        if self._commits == 0:
            return 0
        self._commits -= 1
        self._taken += 1
        return self._taken

    def tell(self, did: str, pid: int | None) -> None:
        sys.stdout.write(msgspec.json.encode(Told(did=did, pid=pid)).decode() + "\n")
        sys.stdout.flush()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pipe = Pipe(self, writer.get_extra_info("peername")[1])
        pipe.pid = pid_behind(pipe.port, self._listen, self._pids())
        if self.rule_for(pipe.pid).refuse:
            writer.transport.abort()
            return
        self._pipes.add(pipe)
        try:
            await pipe.run(reader, writer)
        except ConnectionError:
            pipe.reset()
        finally:
            self._pipes.discard(pipe)


NO_RULE = Rule()


async def _lines() -> asyncio.StreamReader:
    """Standard input, line by line."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def pid_behind(port: int, to: int, among: set[int]) -> int | None:
    """Which of these processes has a TCP connection from that local port to that one."""
    if not among:
        return None
    wanted = {f"socket:[{inode}]" for inode in _inodes(port, to)}
    return next((pid for pid in among if wanted & _open_files(pid)), None)


def _inodes(port: int, to: int) -> Iterator[str]:
    """The same local port may serve connections to others, and some that are over."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if [int(address.partition(":")[2], 16) for address in fields[1:3]] == [port, to]:
            yield fields[9]


def _open_files(pid: int) -> set[str]:
    try:
        return {os.readlink(file.path) for file in os.scandir(f"/proc/{pid}/fd")}
    except OSError:  # it has ended meanwhile
        return set()


if __name__ == "__main__":
    listen, to = map(int, sys.argv[1:3])
    uvloop.run(Proxy("127.0.0.1", to).serve(listen))
