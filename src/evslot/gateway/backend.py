"""The way to the services: one record out, one answer back, honest words where it takes long."""

import asyncio
import itertools
import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

from msgspec import Struct

from evslot.gateway.admission import Admission
from evslot.gateway.operations import Operation, Operations
from evslot.gateway.problems import Busy, OutcomeUnknown, Unavailable
from evslot.gateway.settings import GatewaySettings
from evslot.spine.answers import UNAVAILABLE
from evslot.spine.callers import Caller
from evslot.spine.failpoints import failpoint
from evslot.spine.kafka import BrokerUnavailable, Producer, ReplyInbox
from evslot.spine.message import (
    Answer,
    Command,
    Envelope,
    Message,
    Outcome,
    Query,
    encode,
    outcome_type,
    wire_name,
)
from evslot.spine.records import EDGE, waited_seconds
from evslot.spine.sealing import AnswerKey, Keys
from evslot.spine.telemetry import IN_FLIGHT, REQUESTS, log_context
from evslot.spine.topics import Topics

SYSTEM_SOURCE = "gateway.system"
"""Source of the edge's own questions; `gateway` speaks for callers, or for nobody."""
LATE_SECONDS = 60.0
TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class Asker(Struct, frozen=True, kw_only=True):
    """In whose name something is asked, and how they want to be answered."""

    caller: Caller
    jwt: str | None = None
    """Travels with the record; proves the caller to the service."""
    respond_async: bool = False
    traceparent: str | None = None


class Accepted(Exception):
    """It was taken and will be done; the outcome can be read at the operation."""

    def __init__(self, operation: Operation) -> None:
        super().__init__(str(operation.operation_id))
        self.operation = operation


class Waiting(Struct, frozen=True):
    """A record on its way, and the future of its answer."""

    correlation_id: str
    reply: "asyncio.Future[tuple[Answer, Any]]"
    taken: "asyncio.Task[None]"


class Backend:
    """Sends commands and asks queries over Kafka for the callers of one gateway process."""

    def __init__(
        self,
        producer: Producer,
        replies: ReplyInbox,
        keys: Keys,
        topics: Topics,
        operations: Operations,
        settings: GatewaySettings,
    ) -> None:
        self.keys = keys
        self.operations = operations
        self._producer = producer
        self._replies = replies
        self._topics = topics
        self._settings = settings
        self._answer_key = AnswerKey()
        # Another gateway may read the same reply partition: ids of two processes never meet.
        self._name = secrets.token_hex(8)
        self._numbers = itertools.count()
        self.admission = Admission(settings.in_flight)

    async def send(self, command: Command[Outcome], command_id: UUID, asker: Asker) -> Outcome:
        """The outcome of a command.

        Raises Refused or a Refusal where the answer is a no, Accepted where it is not there in
        time (or was not waited for), OutcomeUnknown where Kafka did not say that it has it.
        """
        kind = type(command)
        operation = Operation(
            operation_id=command_id,
            service=command.destination(),
            type=wire_name(kind),
            caller=asker.caller.user_id,
            accepted_at=datetime.now(UTC),
        )
        with log_context(command_id=str(command_id)):
            try:
                answer = await self._exchange(command, command_id, asker, operation)
            except BrokerUnavailable:
                await self.operations.record(operation)
                self._count(kind, "unknown")
                raise OutcomeUnknown(operation_id=command_id) from None
            if answer is None:
                await self.operations.record(operation)
                self._count(kind, "accepted")
                raise Accepted(operation)
            if answer.code == UNAVAILABLE.code:  # the service has it, but its database is away
                await self.operations.record(operation)
                self._count(kind, "unknown")
                raise OutcomeUnknown(operation_id=command_id)
            return cast(Outcome, self._outcome(kind, answer))

    async def ask(self, query: Query[Outcome], asker: Asker) -> Outcome:
        """The answer of a query; raises Refused, or Unavailable where none came in time."""
        return cast(Outcome, self._outcome(type(query), await self._answered(query, asker)))

    async def ask_unread(self, query: Query[Outcome], asker: Asker) -> Outcome:
        """The same for who only hands it on: JSON as its service wrote it (a `msgspec.Raw`)."""
        kind = type(query)
        answer = await self._answered(query, asker)
        if not answer.ok or answer.sealed:
            return cast(Outcome, self._outcome(kind, answer))
        self._count(kind, "done")
        return cast(Outcome, answer.body)

    async def _answered(self, query: Query[Any], asker: Asker) -> Answer:
        try:
            answer = await self._exchange(query, uuid4(), asker, None)
        except BrokerUnavailable:
            answer = None
        if answer is None:
            self._count(type(query), "unavailable")
            raise Unavailable()
        return answer

    def refuse_when_full(self, service: str | None = None) -> None:
        """Raises Busy; asked before a body is read as well, so that a no costs little."""
        if self.admission.is_full(service):
            raise Busy()

    async def _exchange(
        self, message: Message, number: UUID, asker: Asker, operation: Operation | None
    ) -> Answer | None:
        """The answer; None where it did not come in time, or is not to be waited for."""
        service = None if operation is None else operation.service
        self.refuse_when_full(service)
        failpoint("edge.before_send")
        self.admission.enter(service)
        IN_FLIGHT.set(self.admission.in_flight)
        try:
            waiting = self._dispatch(message, number, asker, lasting=operation is None)
            try:
                return await self._answer(waiting, service, asker.respond_async)
            finally:
                self._replies.forget(waiting.correlation_id)
        finally:
            self.admission.leave(service)
            IN_FLIGHT.set(self.admission.in_flight)

    async def _answer(
        self, waiting: Waiting, service: str | None, respond_async: bool
    ) -> Answer | None:
        if service is not None and respond_async:
            await waiting.taken
            return None
        try:
            async with asyncio.timeout(self._settings.wait_seconds):
                answer, headers = await waiting.reply
        except TimeoutError:
            return None
        if service is not None:
            self.admission.heard(service, waited_seconds(headers))
        failpoint("edge.before_answer")
        return answer

    def _dispatch(self, message: Message, number: UUID, asker: Asker, lasting: bool) -> Waiting:
        """Write the record; does not wait for Kafka's word before it waits for the answer.

        The two come nearly together. Should Kafka not say within its time that it has the
        record, the waiting ends with that.
        """
        owner = message.destination()
        key = message.key()
        body = encode(message, lambda clear: self.keys.seal_to(owner, clear))
        correlation_id = f"{self._name}-{next(self._numbers)}"
        envelope = self._envelope(message, number, asker, correlation_id, lasting)
        reply = self._replies.expect(correlation_id)
        taken = asyncio.ensure_future(
            self._producer.publish(
                self._topics.commands(owner),
                key,
                body,
                envelope.headers(),
                timeout=self._settings.ack_seconds,
            )
        )

        def refused(publishing: "asyncio.Task[None]") -> None:
            if publishing.cancelled() or reply.done():
                return
            if error := publishing.exception():
                reply.set_exception(error)
                reply.exception()  # somebody may have waited for Kafka's word only

        taken.add_done_callback(refused)
        return Waiting(correlation_id, reply, taken)

    def _envelope(
        self, message: Message, number: UUID, asker: Asker, correlation_id: str, lasting: bool
    ) -> Envelope:
        kind = type(message)
        trace = asker.traceparent
        return Envelope(
            id=number,
            type=wire_name(kind),
            version=kind.VERSION,
            source=SYSTEM_SOURCE if asker.caller.kind == "system" else EDGE,
            correlation_id=correlation_id,
            answer_to=f"{self._topics.replies}/{self._replies.partition}",
            answer_key=self._answer_key.public,
            answer_within=self._settings.wait_seconds,
            begin_within=None if lasting else self._settings.not_after_seconds,
            caller=asker.jwt,
            traceparent=trace if trace and TRACEPARENT.fullmatch(trace) else _new_trace(),
        )

    def never_begun(self, operation: Operation) -> bool:
        """Whether a command that its owner has not seen will have no effect any more.

        After `begin_within` and a minute for a service that is behind.
        """
        limit = timedelta(seconds=self._settings.not_after_seconds + LATE_SECONDS)
        return operation.age > limit

    def _outcome(self, kind: type[Message], answer: Answer) -> Any:
        self._count(kind, "done" if answer.ok else answer.code or "refused")
        return self.read(kind, answer)

    def read(self, kind: type[Message], answer: Answer) -> Any:
        """The typed outcome of a message; raises Refused where the answer is a no."""
        return answer.result(outcome_type(kind), self._answer_key.unseal)

    def _count(self, kind: type[Message], outcome: str) -> None:
        REQUESTS.labels(wire_name(kind), outcome).inc()


def _new_trace() -> str:
    """A W3C traceparent: what a request sets off in all parts can be found by it."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
