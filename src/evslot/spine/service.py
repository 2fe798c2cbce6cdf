"""What a service is, and how one process of it runs, stops and says how it is."""

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import structlog
from msgspec import Struct

from evslot.spine import answers, db, inbox, migrations, telemetry
from evslot.spine.callers import AccessTokens
from evslot.spine.config import Config, PartSettings, SharedSettings
from evslot.spine.duties import Duties
from evslot.spine.failpoints import failpoint
from evslot.spine.gaps import Gaps
from evslot.spine.handling import Handlers, Queries
from evslot.spine.jobs import JobRunner, Jobs
from evslot.spine.kafka import Delivery, GroupConsumer, Producer
from evslot.spine.lanes import CommandLane, Lane, LaneBroken
from evslot.spine.leases import Lease
from evslot.spine.message import Catalogue, Command, Event, Message, Query, home_of, message_types
from evslot.spine.operations import GetOperation
from evslot.spine.outbox import Outgoing, Relay
from evslot.spine.query_lane import QueryLane
from evslot.spine.records import Reader, waited_header
from evslot.spine.sealing import Keys
from evslot.spine.slots import SlotLock, SlotTaken
from evslot.spine.topics import Topics
from evslot.spine.wiring import Resources, Wiring

log = structlog.get_logger()

STOP_SECONDS = 6.0
JOB_STOP_SECONDS = 2.0
"""Of these, for the jobs at work: one may have minutes for a try, and runs again elsewhere."""


class TaskEnded(Exception):
    """Something that a process does all its life failed; says which, and why."""


class HasHandlers(Protocol):
    """A saga."""

    @property
    def handlers(self) -> Handlers: ...


class Service(Struct, frozen=True, kw_only=True):
    """A service: its words, what it does, what it answers, what it is wired with."""

    name: str
    messages: ModuleType
    handlers: Handlers
    queries: Queries
    jobs: Jobs | None = None
    sagas: Sequence[HasHandlers] = ()
    resources: Callable[[Config], list[Any]] = lambda _: []

    @property
    def schema_folders(self) -> list[Path]:
        """The spine's tables first, then the service's own."""
        module = Path(str(self.messages.__file__))
        # `messages` may have grown into a package of that name.
        folder = module.parent.parent if module.stem == "__init__" else module.parent
        return [migrations.SPINE, folder / "schema"]

    def all_handlers(self) -> Handlers:
        """The service's own and its sagas'."""
        together = Handlers()
        together.include(self.handlers)
        for saga in self.sagas:
            together.include(saga.handlers)
        return together

    def commands(self) -> Catalogue:
        """What may come on its command topic."""
        own = [k for k in message_types(self.messages) if issubclass(k, Command | Query)]
        return Catalogue([*own, GetOperation])

    def hears(self, handlers: Handlers) -> tuple[Catalogue, list[str]]:
        """All events of the services it listens to, and those services."""
        modules = {home_of(kind) for kind in handlers.events}
        kinds: list[type[Message]] = []
        for name in sorted(modules):
            module = __import__(name, fromlist=["*"])
            kinds += [k for k in message_types(module) if issubclass(k, Event)]
        return Catalogue(kinds), sorted({name.rsplit(".", 2)[-2] for name in modules})

    def wiring(self, topics: Topics, keys: Keys, resources: Resources) -> Wiring:
        """What does not change while it runs."""
        deadlines = {
            name: kind.deadline_seconds for name, kind in (self.jobs or Jobs()).kinds.items()
        }
        return Wiring(
            part=self.name,
            topics=topics,
            keys=keys,
            resources=resources,
            catalogue=self.commands(),
            job_deadlines=deadlines,
        )


class Process:
    """One running process of a service."""

    def __init__(self, service: Service, config: Config) -> None:
        self.service = service
        self.settings = config.read(PartSettings, service.name)
        self.shared = config.shared(SharedSettings)
        self._config = config
        self._stopping = asyncio.Event()
        self._fatal: SlotTaken | LaneBroken | TaskEnded | None = None
        self._ready: dict[str, str | bool] = {"migrated": False, "kafka": False, "database": False}
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Until a signal (or `stop`); raises SlotTaken, LaneBroken, TaskEnded, SettingInvalid."""
        health = telemetry.HealthServer(
            self.settings.health_port,
            live=self._is_live,
            ready=self._readiness,
            host=self.settings.health_host,
            setting=f"EVSLOT_{self.service.name.upper()}_HEALTH_PORT",
            gaps=self._told_gaps,
        )
        await health.start()
        loop = asyncio.get_running_loop()
        for signal_ in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signal_, self.stop)
        self._lock = SlotLock(self.settings.database_url, self.service.name, self.settings.slot)
        try:
            await self._unless_stopped(self._lock.take())
            await self._wire()
            await self._unless_stopped(self._migrated())
            await self._start()
            log.info("started", service=self.service.name, slot=self.settings.slot)
            await self._stopping.wait()
            await self._finish()
        finally:
            await self._lock.release()
            await health.stop()
        if self._fatal is not None:
            raise self._fatal

    def stop(self) -> None:
        """Finish what is in hand and end."""
        self._stopping.set()

    async def _wire(self) -> None:
        name, url = self.service.name, self.settings.database_url
        keys = Keys.load(name, Path(self.settings.keys_file), Path(self.shared.keys_public_file))
        self.database = db.Database(url, name=name, size=6)
        self._gaps = Gaps(self.database)
        self._reading = db.Database(
            url, name=f"{name} queries", size=4, read_only=True, statement_seconds=2.0
        )
        # A mark lost in a crash of the server publishes a row twice, which every reader bears.
        self._relaying = db.Database(url, name=f"{name} relay", size=1, durable=False)
        own = self.service.resources(self._config)
        resources = Resources([*own, keys, AccessTokens(keys), self.shared, self.database])
        self._started = [thing for thing in own if hasattr(thing, "start")]
        topics = Topics(self.shared.topic_prefix)
        self.wiring = self.service.wiring(topics, keys, resources)
        self._producer = Producer(self.shared.kafka_bootstrap, delivery_seconds=30.0)

    async def _migrated(self) -> None:
        """Processes do not migrate: they wait until somebody has."""
        said = False
        while True:
            try:
                missing = await migrations.missing(self.database, self.service.schema_folders)
            except Exception as error:
                if not db.is_trouble(error):
                    raise
                missing = [f"database not reachable ({error})"]
            if not missing:
                self._ready["migrated"] = True
                return
            if not said:
                log.warning("waiting_for_migrations", missing=missing, do="evslot migrate")
                said = True
            await asyncio.sleep(0.2)

    async def _start(self) -> None:
        for thing in self._started:
            await thing.start()
        await self._producer.start()
        self._build()
        for consumer in self._consumers:
            await consumer.start()
        work = {
            "commands": self.commands.run(),
            "watching commands": self.commands.watch(),
            "events": self.events.run(),
            "queries": self.queries.run(),
            "relay": self.relay.run(),
            "duties": self.duties.run(),
            "jobs": self.jobs.run(),
            "looking after": self._look_after(),
        }
        self._tasks = [asyncio.create_task(one, name=name) for name, one in work.items()]
        for task in self._tasks:
            task.add_done_callback(self._task_ended)

    def _build(self) -> None:
        service, wiring = self.service, self.wiring
        handlers = service.all_handlers()
        tokens = wiring.resources.get(AccessTokens)
        owner = f"{service.name}-{self.settings.slot}"
        self._leases = [Lease(self.database, name, owner) for name in ("relay", "duties")]
        relaying, on_duty = self._leases
        self.relay = Relay(self._relaying, self._producer.publish_all, relaying)
        self.jobs = JobRunner(
            wiring,
            service.jobs or Jobs(),
            handlers,
            self.database,
            self._reply,
            self.relay.nudge,
            self.settings.slot,
        )
        heard, speakers = service.hears(handlers)
        common = (self.database, self._reply, self._nudge)
        self._commands_reader = Reader(wiring, wiring.catalogue, tokens)
        self.commands = CommandLane(wiring, handlers, self._commands_reader, *common)
        self.events = Lane(wiring, handlers, Reader(wiring, heard, tokens), *common)
        self.queries = QueryLane(
            wiring, service.queries, self._commands_reader, self._reading, self._reply
        )
        self.duties = Duties(
            wiring,
            handlers,
            self.database,
            on_duty,
            self._reply,
            self._nudge,
        )
        self._consumers = [self._command_consumer()]
        if speakers:
            self._consumers.append(self._event_consumer(speakers))

    def _command_consumer(self) -> GroupConsumer:
        topic = self.wiring.topics.commands(self.service.name)
        return GroupConsumer(
            self.shared.kafka_bootstrap,
            group=topic,
            instance=str(self.settings.slot),
            topics=[topic],
            deliver=self._deliver,
            backlog=lambda: self.commands.backlog + self.queries.backlog,
            on_fatal=self._fenced,
        )

    def _event_consumer(self, speakers: list[str]) -> GroupConsumer:
        topics = self.wiring.topics
        return GroupConsumer(
            self.shared.kafka_bootstrap,
            group=f"{topics.commands(self.service.name)}-hears",
            instance=str(self.settings.slot),
            topics=[topics.events(speaker) for speaker in speakers],
            deliver=self.events.put,
            backlog=lambda: self.events.backlog,
            on_gap=self._gaps.note,
            on_fatal=self._fenced,
        )

    def _deliver(self, deliveries: list[Delivery]) -> None:
        told = []
        for delivery in deliveries:
            if self._commands_reader.is_query(delivery.incoming):
                self.queries.put(delivery)
            else:
                told.append(delivery)
        if told:
            self.commands.put(told)

    def _reply(self, outgoing: Outgoing, waiter: inbox.Waiter) -> None:
        """Straight after commit; a service's answers go the same way when it asked a question."""
        if failpoint("reply.before_send"):
            return
        self._producer.fire(
            outgoing.topic,
            outgoing.key,
            outgoing.body,
            [*outgoing.envelope.headers(), waited_header(self.commands.waited_seconds)],
            partition=answers.reply_partition(waiter),
        )

    def _nudge(self, urgent: bool) -> None:
        self.relay.nudge(urgent)
        if urgent:
            self.jobs.nudge()

    def _fenced(self, reason: str) -> None:
        setting = f"EVSLOT_{self.service.name.upper()}_SLOT"
        self._fatal = SlotTaken(
            f"another process runs in slot {self.settings.slot}: set {setting} ({reason})"
        )
        self.stop()

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        """One that failed ends the process, and the status says so to whoever started it.

        One that merely returned was asked to, or has nothing to do: a service without jobs.
        """
        if task.cancelled() or (error := task.exception()) is None:
            return
        log.error("task_ended", task=task.get_name(), exc_info=error)
        if isinstance(error, LaneBroken | SlotTaken):
            self._fatal = error
        elif not self._stopping.is_set():
            self._fatal = TaskEnded(f"{task.get_name()} failed: {db.reason_of(error)}")
        self.stop()

    async def _look_after(self) -> None:
        """Readiness and gauges, twice a second."""
        while True:
            for consumer in self._consumers:
                if consumer.failure is not None:
                    raise consumer.failure
            self._ready["database"] = await self.database.healthy() and await self._lock.keep()
            if self._ready["database"]:
                await self._gaps.look()
            self._ready["kafka"] = all(c.assigned.is_set() for c in self._consumers)
            self._ready["commands"] = not self.commands.in_trouble
            telemetry.POOL_IN_USE.labels(pool="commands").set(self.database.in_use)
            telemetry.POOL_IN_USE.labels(pool="queries").set(self._reading.in_use)
            await asyncio.sleep(0.5)

    def _is_live(self) -> bool:
        """False when a poller thread stands still: a restart is what helps."""
        consumers = getattr(self, "_consumers", [])
        return all(time.monotonic() - consumer.last_poll < 30.0 for consumer in consumers)

    def _readiness(self) -> dict[str, str | bool]:
        return {**self._ready, "running": not self._stopping.is_set()}

    def _told_gaps(self) -> list[str]:
        return self._gaps.told() if self._ready["migrated"] else []

    async def _finish(self) -> None:
        """Stop reading, finish what is in hand, publish, commit offsets."""
        log.info("stopping", service=self.service.name)
        # First: what is leased now would be given up in the middle, and done a second time.
        self.jobs.stop()
        await asyncio.gather(*(consumer.stop() for consumer in self._consumers))
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                # At once: a lane that has to wait takes nothing of the time of the jobs.
                lanes = [one.drained() for one in (self.commands, self.events, self.queries)]
                await asyncio.gather(*lanes, self.jobs.drained(JOB_STOP_SECONDS))
                await self.relay.step()
        await asyncio.gather(*(consumer.close() for consumer in self._consumers))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._hand_over()
        for thing in self._started:
            if hasattr(thing, "stop"):
                await thing.stop()
        await self._producer.stop()
        await self.database.stop()
        await self._reading.stop()
        await self._relaying.stop()

    async def _hand_over(self) -> None:
        """Another process of this part need not wait until the leases run out."""
        try:
            for lease in self._leases:
                await lease.release()
        except Exception as error:
            if not db.is_trouble(error):
                raise
            log.warning("leases_not_released", reason=db.reason_of(error))

    async def _unless_stopped(self, work: Any) -> None:
        """Wait for something, but not past a request to stop."""
        working = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if working.done():
            working.result()
            return
        working.cancel()
        raise SystemExit(0)
