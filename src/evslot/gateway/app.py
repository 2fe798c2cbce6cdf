"""The gateway as a running process: what it starts, in which order, and how it stops."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from evslot.gateway.application import Parts, create_app
from evslot.gateway.auth import Door, EndedSessions
from evslot.gateway.backend import Backend
from evslot.gateway.history import History
from evslot.gateway.listening import HEARD, Listener
from evslot.gateway.live import Live
from evslot.gateway.operations import Operations
from evslot.gateway.refusing import Refusing
from evslot.gateway.server import HttpServer
from evslot.gateway.settings import MINUTES_BACK, GatewaySettings
from evslot.gateway.shared_reads import SharedReads
from evslot.gateway.tracing import Tracing
from evslot.spine import migrations
from evslot.spine.callers import AccessTokens
from evslot.spine.config import Config, PartSettings, SharedSettings
from evslot.spine.db import Database, access_by, is_trouble
from evslot.spine.kafka import BrokerUnavailable, EventFeed, Producer, ReplyInbox
from evslot.spine.sealing import Keys
from evslot.spine.telemetry import POOL_IN_USE, HealthServer, configure_logs, log
from evslot.spine.topics import Topics

SCHEMA = Path(__file__).parent / "schema"
RETRY_SECONDS = 0.5
POOL_SIZE = 4
HISTORY_POOL_SIZE = 3
LOOP_STUCK_SECONDS = 10.0
POLLER_STUCK_SECONDS = 30.0


class Gateway:
    """One gateway process; `start` returns when it answers requests."""

    def __init__(self, config: Config) -> None:
        self.settings = config.read(GatewaySettings, "gateway")
        self._part = config.read(PartSettings, "gateway")
        self._shared = config.shared(SharedSettings)
        self._database = Database(self._part.database_url, name="gateway", size=POOL_SIZE)
        self._operations = Operations(self._database)
        bootstrap = self._shared.kafka_bootstrap
        topics = Topics(self._shared.topic_prefix)
        self._producer = Producer(bootstrap, delivery_seconds=self.settings.ack_seconds)
        self._replies = ReplyInbox(bootstrap, topics.replies)
        heard = [topics.events(service) for service in HEARD]
        self._feed = EventFeed(bootstrap, heard, back_seconds=MINUTES_BACK * 60)
        parts = self._parts(topics)
        self.live = parts.live
        self._history = parts.history
        self._listener = Listener(
            self._feed, topics, parts.live, parts.shared, parts.door.ended, parts.history.erase
        )
        self.http = HttpServer(
            create_app(
                parts,
                self.settings,
                development=self._shared.environment == "development",
            ),
            refuse=Refusing(parts.backend.admission),
            host=self.settings.host,
            port=self.settings.port,
            connections=self.settings.connections,
            stop_seconds=self.settings.stop_seconds,
        )
        self.health = HealthServer(
            self._part.health_port,
            self._is_live,
            self._is_ready,
            self._part.health_host,
            "EVSLOT_GATEWAY_HEALTH_PORT",
        )
        self._state: dict[str, str | bool] = {
            "schema": "waiting for migrations",
            "kafka": "not connected",
            "http": "not listening",
        }
        self._listening: asyncio.Task[None] | None = None
        self._pulse = time.monotonic()
        self._pulsing: asyncio.Task[None] | None = None

    def _parts(self, topics: Topics) -> Parts:
        public_keys = Path(self._shared.keys_public_file)
        development = self._shared.environment == "development"
        keys = Keys.load("gateway", Path(self._part.keys_file), public_keys)
        return Parts(
            door=Door(AccessTokens(keys), EndedSessions()),
            backend=Backend(
                self._producer, self._replies, keys, topics, self._operations, self.settings
            ),
            shared=SharedReads(self.settings.shared_seconds),
            live=Live(self.settings),
            history=History(self._history_database(), keys),
            tracing=Tracing(self._shared.kafka_bootstrap, topics) if development else None,
        )

    def _history_database(self) -> Database:
        """Connections of its own: what is only looked at later must not hold up what is needed."""
        url = self._part.database_url
        return Database(url, name="gateway history", size=HISTORY_POOL_SIZE, durable=False)

    async def start(self) -> None:
        """Waits for the database's schema and for Kafka as long as it takes."""
        self._pulsing = asyncio.create_task(self._beat(), name="pulse")
        await self.health.start()
        await until_there("schema", self._check_schema)
        self._state["schema"] = True
        await self._operations.start()
        await self._history.start()
        await self._producer.start()
        await until_there("kafka replies", self._replies.start)
        await until_there("kafka events", self._listener.start)
        self._listening = asyncio.create_task(self._listener.run(), name="events")
        read = asyncio.create_task(self._listener.caught_up.wait())
        await asyncio.wait((read, self._listening), return_when=asyncio.FIRST_COMPLETED)
        if self._listening.done():
            self._listening.result()
        self._state["kafka"] = True
        await self.http.start()
        self._state["http"] = True
        log.info("gateway ready", port=self.http.port, replies=self._replies.partition)

    async def stop(self) -> None:
        """Streams end with a hint, requests in flight are answered, then the rest goes."""
        self._state["http"] = "stopping"
        self.live.stop()
        await self.http.stop()
        for task in (self._listening, self._pulsing):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        await asyncio.gather(self._feed.stop(), self._replies.stop(), self._producer.stop())
        await self._operations.stop()
        await self._history.stop()
        await self._database.stop()
        await self.health.stop()
        log.info("gateway stopped")

    async def _check_schema(self) -> None:
        with access_by("EVSLOT_GATEWAY_DATABASE_URL"):
            missing = await migrations.missing(self._database, [SCHEMA])
        if missing:
            raise OSError(f"not migrated yet: {', '.join(missing)}")

    async def _beat(self) -> None:
        """A loop that is stuck does not come by here."""
        while True:
            self._pulse = time.monotonic()
            POOL_IN_USE.labels("gateway").set(self._database.in_use)
            await asyncio.sleep(1.0)

    def _is_live(self) -> bool:
        """False where a restart is what helps: a loop or a poller that stands still."""
        now = time.monotonic()
        stuck = now - self._pulse > LOOP_STUCK_SECONDS
        if self._state["http"] is True:
            polled = min(self._replies.last_poll, self._feed.last_poll)
            stuck = stuck or now - polled > POLLER_STUCK_SECONDS
        tended = self._operations.is_tended and self._history.is_tended
        return not stuck and tended and (self._listening is None or not self._listening.done())

    def _is_ready(self) -> dict[str, str | bool]:
        # Not the database: without it only operations wait, and they are kept in memory.
        return {
            **self._state,
            "events": self._listener.caught_up.is_set() or "reading the last minutes",
        }


async def run_gateway(config: Config) -> None:
    """Runs until SIGTERM or SIGINT."""
    part = config.read(PartSettings, "gateway")
    configure_logs("gateway", part.log_level, part.log_pretty)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    gateway = Gateway(config)
    starting = asyncio.create_task(gateway.start(), name="start")
    asked = asyncio.create_task(stopping.wait(), name="stop")
    await asyncio.wait((starting, asked), return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        starting.result()  # a taken port or a wrong setting ends the process with its reason
        await asked
    else:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
    await gateway.stop()


async def until_there(what: str, attempt: Callable[[], Awaitable[None]]) -> None:
    """Try again until it works; only where the surroundings are not ready, not for our bugs."""
    said = ""
    while True:
        try:
            await attempt()
            return
        except Exception as error:
            if not (isinstance(error, BrokerUnavailable) or is_trouble(error)):
                raise
            if repr(error) != said:
                said = repr(error)
                log.info("waiting", what=what, reason=said)
        await asyncio.sleep(RETRY_SECONDS)
