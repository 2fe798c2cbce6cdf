"""Jobs given up: their letters to the dead topic, and running them again from there."""

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from evslot.spine import db, message
from evslot.spine.jobs.kinds import Jobs, Kind
from evslot.spine.jobs.rows import AGAIN
from evslot.spine.records import DeadLetter, Incoming
from evslot.spine.sealing import SealBroken
from evslot.spine.transaction import Job

DEAD_JOB = "job/"
"""In place of a topic in a dead letter: what follows is the kind of a job."""


def letter_of(kind: Kind, row: db.Row, reason: str, now: datetime) -> DeadLetter:
    """Whole enough to be run again: what it did outside is not lost."""
    headers = {"ce_type": kind.kind.kind(), "ce_id": str(row["id"])}
    if row["traceparent"]:
        headers["traceparent"] = row["traceparent"]
    return DeadLetter.of(_as_record(kind, row, headers, now), reason)


def as_far_as_readable(
    payload: bytes, kind: type[Job[Any]], unseal: Callable[[str], bytes]
) -> Job[Any] | None:
    """With None in each field that cannot be read; None where it is no JSON object at all.

    For who is told that the job failed: they need what it was about, which is never sealed.
    """
    try:
        found = msgspec.json.decode(payload, type=dict[str, msgspec.Raw])
    except msgspec.MsgspecError:
        return None
    read: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        if field.encode_name not in found and not field.required:
            continue
        try:
            read[field.name] = message.decode(found[field.encode_name], field.type, unseal)
        except (KeyError, msgspec.MsgspecError, SealBroken):
            read[field.name] = None
    return kind(**read)


def _as_record(kind: Kind, row: db.Row, headers: dict[str, str], now: datetime) -> Incoming:
    return Incoming(
        topic=f"{DEAD_JOB}{kind.kind.kind()}",
        partition=0,
        offset=row["attempt"],
        appended_at=now,
        key=None,
        value=bytes(row["payload"]),
        headers=tuple((name, value.encode()) for name, value in headers.items()),
    )


async def run_again(database: db.Database, jobs: Jobs, letter: DeadLetter) -> bool:
    """A job from the dead topic is ready again; False where it is at work or done by now."""
    headers = dict(letter.headers)
    kind = jobs.kinds[letter.topic.removeprefix(DEAD_JOB)]
    done = await database.execute(
        AGAIN,
        UUID(headers["ce_id"]),
        kind.kind.kind(),
        base64.b64decode(letter.value),
        kind.deadline_seconds,
        headers.get("traceparent"),
    )
    return done == 1
