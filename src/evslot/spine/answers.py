"""How an outcome becomes an answer: stored sealed to ourselves, sent sealed to who asked."""

from typing import Any
from uuid import UUID

import msgspec

from evslot.spine import message
from evslot.spine.inbox import Waiter
from evslot.spine.message import Answer, Envelope, Message, Refusal
from evslot.spine.outbox import Outgoing
from evslot.spine.sealing import Keys
from evslot.spine.topics import BODY_BYTES

ANSWER = "spine.Answer"
"""The wire type of answers; `ce_id` is the id of the command or query answered."""

TOO_LATE = Answer(
    status=503, code="too_late", detail="This came too late to be done; nothing was changed."
)
FAILED = Answer(
    status=500, code="failed", detail="Something is wrong on our side; nothing was changed."
)
UNAVAILABLE = Answer(
    status=503,
    code="unavailable",
    detail="The outcome is not known yet; repeat the request with the same Idempotency-Key.",
)
KEY_REUSED = Answer(
    status=422,
    code="idempotency_key_reused",
    detail="This Idempotency-Key was used for another request; choose a new one.",
)
UNKNOWN_TYPE = Answer(
    status=500, code="unknown_message", detail="This message type or version is not known here."
)


def refused(refusal: Refusal) -> Answer:
    """A no, as it is stored and replayed."""
    return Answer(
        status=refusal.status,
        code=refusal.code,
        detail=refusal.detail,
        details=refusal.details or None,
    )


def done(outcome: Any, keys: Keys) -> Answer:
    """A yes; sealed fields are sealed to ourselves until somebody is answered."""
    sealed = False

    def seal(clear: bytes) -> str:
        nonlocal sealed
        sealed = True
        return keys.seal_own(clear)

    body = message.encode(outcome, seal)
    if len(body) > BODY_BYTES:
        raise ValueError(f"an answer of {len(body)} bytes does not fit a record")
    return Answer(status=200, body=msgspec.Raw(body), sealed=sealed)


def answer_for(outcome: Any, keys: Keys) -> Answer:
    """Outcome or refusal."""
    return refused(outcome) if isinstance(outcome, Refusal) else done(outcome, keys)


def waiter_of(envelope: Envelope) -> Waiter | None:
    """Who waits for the answer to a record; None where nobody does."""
    if envelope.answer_to is None:
        return None
    key = envelope.answer_key
    if key is None and "#" in envelope.answer_to:
        key = f"part:{envelope.source}"
    return Waiter(envelope.answer_to, envelope.correlation_id, key)


def opened_for(answer: Answer, kind: type[Message], waiter: Waiter, keys: Keys) -> Answer:
    """The answer with its sealed fields sealed to the one who waits."""
    if not answer.sealed:
        return answer
    outcome = message.decode(bytes(answer.body), message.outcome_type(kind), keys.unseal)

    def seal(clear: bytes) -> str:
        if waiter.answer_key is None:
            raise ValueError(f"{kind.__name__} answers sealed fields, but no key came with it")
        if waiter.answer_key.startswith("part:"):
            return keys.seal_to(waiter.answer_key[5:], clear)
        return keys.seal_for(waiter.answer_key, clear)

    return msgspec.structs.replace(answer, body=msgspec.Raw(message.encode(outcome, seal)))


def record(answer: Answer, command_id: UUID, waiter: Waiter, source: str) -> Outgoing:
    """The record that carries an answer; a gateway's names a partition, a service's a key."""
    topic, _, key = waiter.answer_to.partition("#")
    return Outgoing(
        topic=topic.partition("/")[0],
        key=key or None,
        envelope=Envelope(
            id=command_id,
            type=ANSWER,
            version=1,
            source=source,
            correlation_id=waiter.correlation_id,
        ),
        body=msgspec.json.encode(answer),
    )


def reply_partition(waiter: Waiter) -> int | None:
    """The partition in `gateway-replies/17`; None for a service."""
    _, slash, number = waiter.answer_to.partition("#")[0].partition("/")
    return int(number) if slash else None
