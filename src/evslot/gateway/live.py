"""Live changes for browsers: a ring of recent events, and the streams that follow it."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Collection, Iterable
from typing import Literal, NamedTuple
from uuid import UUID

from evslot.gateway.positions import Partitions, Position, from_text, to_text
from evslot.gateway.problems import LiveFull
from evslot.gateway.settings import MINUTES_BACK, GatewaySettings
from evslot.spine.callers import Caller

HEARTBEAT_SECONDS = 15.0
FIRST_RETRY = b"retry: 2000\n\n"
LAST_RETRY = b"retry: 500\n\n"
"""Before a stop: another gateway, or this one again, takes over soon."""
FULL_RETRY_SECONDS = 5
FULL = b"retry: %d\n\n" % (FULL_RETRY_SECONDS * 1000)
"""In place of a stream, where the last room went between the answer's head and its body."""
RESET = b"event: reset\ndata: {}\n\n"
"""What was missed is not known any more: read the state anew."""


class LiveEvent:
    """One message for the streams of a user or of a station."""

    __slots__ = ("data", "heard_at", "index", "name", "offset", "position", "station_id", "user_id")

    def __init__(
        self,
        name: str,
        data: bytes,
        *,
        user_id: UUID | None = None,
        station_id: UUID | None = None,
    ) -> None:
        self.name = name
        self.data = data
        self.user_id = user_id
        self.station_id = station_id
        self.index = 0
        self.offset = 0
        self.position: Position = ()
        self.heard_at = time.monotonic()

    def frame(self) -> bytes:
        """As it goes over the wire (WHATWG HTML, server-sent events)."""
        place = to_text(self.position).encode()
        return b"id: %b\nevent: %b\ndata: %b\n\n" % (place, self.name.encode(), self.data)


class Stream:
    """One open stream: a bounded queue and what it wants to hear."""

    def __init__(self, *, limit: int, seen: Position, ends_at: float) -> None:
        self._limit = limit
        self.seen = seen
        """Where the reader came from another gateway that was further: not told twice."""
        self.ends_at = ends_at
        """Monotonic time at which the access token ends, and the stream with it."""
        self.waiting: deque[LiveEvent] = deque()
        self.news = asyncio.Event()
        self.end: Literal["", "reset", "stop"] = ""

    def tell(self, event: LiveEvent) -> None:
        """Never waits: a reader that is too slow starts anew."""
        if event.offset < self.seen[event.index] or self.end:
            return
        if len(self.waiting) >= self._limit:
            self.waiting.clear()
            self.close("reset")
            return
        self.waiting.append(event)
        self.news.set()

    def close(self, why: Literal["reset", "stop"]) -> None:
        self.end = why
        self.news.set()

    async def wait(self) -> None:
        """Until there is news, but not longer than a heartbeat or the token lasts."""
        seconds = min(HEARTBEAT_SECONDS, max(0.0, self.ends_at - time.monotonic()))
        try:
            async with asyncio.timeout(seconds):
                await self.news.wait()
        except TimeoutError:
            return
        self.news.clear()


Homes = list[tuple[dict[UUID, set[Stream]], UUID]]
"""The listings that a stream stands in, and under which id."""


class Share(NamedTuple):
    """Whose streams one counts among, and how many those may be."""

    kind: Literal["account", "address"]
    who: str
    most: int


class Live:
    """All streams of this process and the ring they can go back in."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._limit = settings.live_queue
        self._most = settings.live_clients
        self._most_of_account = settings.live_clients_account
        self._most_of_address = settings.live_clients_address
        self._shares_bounded = settings.limits
        self._ring_size = settings.ring_events
        self._ring: deque[LiveEvent] = deque()
        self._by_user: dict[UUID, set[Stream]] = {}
        self._by_station: dict[UUID, set[Stream]] = {}
        self._by_session: dict[UUID, set[Stream]] = {}
        self._partitions = Partitions({}, ())
        self._by_share: Counter[Share] = Counter()
        self._stopped = False
        self.clients = 0

    def begin(self, partitions: Partitions) -> None:
        """Called once it is known from where on events will come."""
        self._partitions = partitions

    def heard(self, topic: str, partition: int, offset: int, events: Iterable[LiveEvent]) -> None:
        """A record was read: keep its events, tell the streams."""
        index = self._partitions.index_of(topic, partition)
        if index is None:
            return
        position = self._partitions.advance(index, offset)
        for event in events:
            event.index, event.offset, event.position = index, offset, position
            self._keep(event)
            for stream in self._listeners(event):
                stream.tell(event)

    def session_ended(self, session_id: UUID) -> None:
        """Streams opened with a token of that session end."""
        for stream in self._by_session.get(session_id, ()):
            stream.close("stop")

    def stop(self) -> None:
        """Every stream ends with a hint to come back soon."""
        self._stopped = True
        for streams in (*self._by_user.values(), *self._by_station.values()):
            for stream in streams:
                stream.close("stop")

    def follow(
        self,
        caller: Caller,
        *,
        network: str,
        station_ids: Collection[UUID] = (),
        last_event_id: str | None = None,
        seconds: float = 3600.0,
    ) -> AsyncIterator[bytes]:
        """Frames of one stream: the slots of stations, or all that concerns the caller.

        `network` is where a caller without account counts. Raises LiveFull; ends after `seconds`,
        the life of the access token.
        """
        share = self._share(caller, network)
        if full := self._full(share):
            raise LiveFull(limit=full, retry_after_seconds=FULL_RETRY_SECONDS)
        homes = self._homes(caller, station_ids)
        return self._frames(share, homes, last_event_id, time.monotonic() + seconds)

    async def _frames(
        self, share: Share, homes: Homes, last_event_id: str | None, ends_at: float
    ) -> AsyncIterator[bytes]:
        # Only a stream that has begun is sure to end: room is taken here, not with the request.
        if self._full(share):
            yield FULL
            return
        wanted = from_text(last_event_id) if last_event_id else None
        missed = bool(last_event_id) and not (wanted and self._partitions.reaches(wanted))
        seen = self._partitions.here if wanted is None or missed else wanted
        stream = Stream(limit=self._limit, seen=seen, ends_at=ends_at)
        # Nothing is awaited between catching up and listening: no event falls between the two.
        if wanted and not missed:
            missed = not self._catch_up(stream, homes)
        self._open(stream, share, homes)
        try:
            # A reader takes the id at once: it must not stand behind what is still to be sent.
            place = seen if stream.waiting else self._partitions.here
            yield FIRST_RETRY + (RESET if missed else b"") + _place(place)
            while not (stream.end or self._stopped or stream.ends_at <= time.monotonic()):
                if not stream.waiting:
                    await stream.wait()
                frames = [event.frame() for event in stream.waiting]
                stream.waiting.clear()
                yield b"".join(frames) or _place(self._partitions.here) + b": still here\n\n"
            yield RESET if stream.end == "reset" else LAST_RETRY
        finally:
            self._close(stream, share, homes)

    def _homes(self, caller: Caller, station_ids: Collection[UUID]) -> Homes:
        if station_ids:
            return [(self._by_station, station_id) for station_id in set(station_ids)]
        homes: Homes = [(self._by_user, caller.require_user())]
        if caller.session_id is not None:
            homes.append((self._by_session, caller.session_id))
        return homes

    def _share(self, caller: Caller, network: str) -> Share:
        if caller.user_id is not None:
            return Share("account", str(caller.user_id), self._most_of_account)
        return Share("address", network, self._most_of_address)

    def _full(self, share: Share) -> str | None:
        """Which bound leaves no room: of this process, or of the caller."""
        if self.clients >= self._most:
            return "process"
        if self._shares_bounded and self._by_share[share] >= share.most:
            return share.kind
        return None

    def _open(self, stream: Stream, share: Share, homes: Homes) -> None:
        self.clients += 1
        self._by_share[share] += 1
        for streams, key in homes:
            streams.setdefault(key, set()).add(stream)

    def _close(self, stream: Stream, share: Share, homes: Homes) -> None:
        self.clients -= 1
        self._by_share[share] -= 1
        if not self._by_share[share]:
            del self._by_share[share]
        for streams, key in homes:
            streams.get(key, set()).discard(stream)
            if not streams.get(key):
                streams.pop(key, None)

    def _catch_up(self, stream: Stream, homes: Homes) -> bool:
        """False where more was missed than may wait: the reader starts anew, from here on."""
        wanted = {key for _, key in homes}
        for event in self._ring:
            if event.user_id in wanted or event.station_id in wanted:
                stream.tell(event)
        fits = not stream.end
        stream.end = ""
        return fits

    def _listeners(self, event: LiveEvent) -> list[Stream]:
        if event.user_id is not None:
            return list(self._by_user.get(event.user_id, ()))
        if event.station_id is not None:
            return list(self._by_station.get(event.station_id, ()))
        return []

    def _keep(self, event: LiveEvent) -> None:
        self._ring.append(event)
        oldest = time.monotonic() - MINUTES_BACK * 60
        while len(self._ring) > self._ring_size or self._ring[0].heard_at < oldest:
            gone = self._ring.popleft()
            self._partitions.floor[gone.index] = gone.offset + 1


def _place(position: Position) -> bytes:
    """An id without an event: readers remember it, so a quiet stream resumes as well."""
    return b"id: %b\n\n" % to_text(position).encode()
