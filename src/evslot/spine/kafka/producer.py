"""Publishing: acknowledged, idempotent, bounded."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import structlog
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import Producer as KafkaProducer

from evslot.spine import telemetry
from evslot.spine.kafka.client import COMMON, BrokerUnavailable, quiet
from evslot.spine.outbox import Outgoing
from evslot.spine.topics import RECORD_BYTES

log = structlog.get_logger()

QUEUE_MESSAGES = 2000
STUCK_SECONDS = 10.0
"""Records time out, and none was acknowledged for so long: the client is made anew."""


class Producer:
    """Publishes records: acknowledged by all replicas, idempotent, made anew when it breaks."""

    def __init__(self, bootstrap: str, *, delivery_seconds: float) -> None:
        self._settings = {
            **COMMON,
            "bootstrap.servers": bootstrap,
            "acks": "all",
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "delivery.timeout.ms": int(delivery_seconds * 1000),
            "request.timeout.ms": min(3000, int(delivery_seconds * 1000)),
            "queue.buffering.max.messages": QUEUE_MESSAGES,
            "queue.buffering.max.kbytes": 65_536,
            # The broker's limit is of what comes in one batch, and it refuses a batch as a whole:
            # answers of a crowd were lost by the hundred, and a relay would have stood still.
            "batch.size": RECORD_BYTES // 2,
            "linger.ms": 0,
            "error_cb": quiet,
        }
        self._seconds = delivery_seconds
        self._acknowledged_at = self._renewed_at = 0.0
        self._in_the_way: UUID | None = None
        """The record that was last told to be refused while all behind it waits."""
        self._producer: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running = False
        self._thread: threading.Thread | None = None

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._producer = KafkaProducer(self._settings)
        self._renewed_at = time.monotonic()
        self._running = True
        self._thread = threading.Thread(target=self._serve, name="kafka-producer", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Deliver what is under way, for at most two seconds."""
        if self._producer is not None:
            await asyncio.to_thread(self._producer.flush, 2.0)
        self._running = False
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, 2.0)

    async def publish(
        self,
        topic: str,
        key: str | None,
        value: bytes,
        headers: list[tuple[str, bytes]],
        *,
        partition: int | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> None:
        """Returns when Kafka has the record; raises BrokerUnavailable when that takes too long."""
        arrived = self._produce(topic, key, value, headers, partition)
        try:
            async with asyncio.timeout(timeout or self._seconds + 1.0):
                await arrived
        except TimeoutError:
            raise BrokerUnavailable("no acknowledgement in time") from None

    async def publish_all(self, records: Sequence[Outgoing]) -> int:
        """In order; answers how many of the first records are acknowledged."""
        waiting: list[asyncio.Future[None]] = []
        refused: BaseException | None = None
        for record in records:
            try:
                waiting.append(
                    self._produce(
                        record.topic, record.key, record.body, record.envelope.headers(), None
                    )
                )
            except BrokerUnavailable as error:
                refused = error
                break
        results = await asyncio.gather(*waiting, return_exceptions=True)
        taken = 0
        for result in results:
            if isinstance(result, BaseException):
                refused = result
                break
            taken += 1
        if taken == 0 and refused is not None:
            self._note_in_the_way(records[0], refused)
        return taken

    def fire(
        self,
        topic: str,
        key: str | None,
        value: bytes,
        headers: list[tuple[str, bytes]],
        *,
        partition: int | None = None,
    ) -> None:
        """Nobody waits: a lost answer is asked for again. Dropped where the queue is full."""
        try:
            self._send(topic, key, value, headers, partition, self._note)
        except BrokerUnavailable:
            telemetry.TROUBLE.labels(kind="reply_dropped").inc()

    def _note_in_the_way(self, record: Outgoing, reason: BaseException) -> None:
        """Once a record: all behind it waits too, for as long as Kafka does not take it."""
        if record.envelope.id == self._in_the_way:
            return
        self._in_the_way = record.envelope.id
        log.warning(
            "record_in_the_way",
            topic=record.topic,
            type=record.envelope.type,
            id=str(record.envelope.id),
            reason=str(reason),
        )

    def _produce(
        self,
        topic: str,
        key: str | None,
        value: bytes,
        headers: list[tuple[str, bytes]],
        partition: int | None,
    ) -> asyncio.Future[None]:
        loop = self._loop
        assert loop is not None, "the producer was not started"
        arrived: asyncio.Future[None] = loop.create_future()

        def delivered(error: KafkaError | None, record: Any) -> None:
            self._note(error, record)
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, arrived, error)

        self._send(topic, key, value, headers, partition, delivered)
        return arrived

    def _send(
        self,
        topic: str,
        key: str | None,
        value: bytes,
        headers: list[tuple[str, bytes]],
        partition: int | None,
        delivered: Callable[[KafkaError | None, Any], None],
    ) -> None:
        where = {} if partition is None else {"partition": partition}
        try:
            self._producer.produce(
                topic,
                value=value,
                key=None if key is None else key.encode(),
                headers=headers,
                on_delivery=delivered,
                **where,
            )
        except BufferError:
            raise BrokerUnavailable("too many records wait for Kafka") from None
        except (ValueError, OverflowError) as error:  # a topic or partition that cannot be
            raise BrokerUnavailable(f"no record for Kafka: {error}") from error
        except KafkaException as error:
            self._renew_if_fatal(error.args[0])
            raise BrokerUnavailable(str(error.args[0].str())) from error

    def _serve(self) -> None:
        while self._running:
            self._producer.poll(0.2)

    def _note(self, error: KafkaError | None, _: Any) -> None:
        """Called by the thread that polls."""
        if error is None:
            self._acknowledged_at = time.monotonic()
            return
        loop, late = self._loop, error.code() == KafkaError._MSG_TIMED_OUT
        if late and self._running and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._renew_if_stuck)

    def _renew_if_stuck(self) -> None:
        """After a connection that was half open the client may never send again, without a word.

        Nothing tells this from a broker that is away, but there a new client is as good.
        """
        now = time.monotonic()
        if now - max(self._acknowledged_at, self._renewed_at) >= STUCK_SECONDS:
            self._renew("nothing was acknowledged for long")

    def _renew_if_fatal(self, error: KafkaError) -> None:
        if error.fatal() or error.code() in (
            KafkaError._FATAL,
            KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
            KafkaError.UNKNOWN_PRODUCER_ID,
        ):
            self._renew(error.str())

    def _renew(self, reason: str) -> None:
        log.warning("kafka_producer_renewed", reason=reason)
        telemetry.TROUBLE.labels(kind="kafka_producer_renewed").inc()
        self._renewed_at = time.monotonic()
        broken, self._producer = self._producer, KafkaProducer(self._settings)
        # Nobody polls it any more: who waits for its records is told here that they failed.
        broken.purge()
        broken.flush(1.0)


def _settle(arrived: asyncio.Future[None], error: KafkaError | None) -> None:
    if arrived.done():
        return
    if error is None:
        arrived.set_result(None)
    else:
        arrived.set_exception(BrokerUnavailable(error.str()))
