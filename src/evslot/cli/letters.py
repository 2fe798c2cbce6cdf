"""`evslot dead list|replay`: what could not be handled, and sending it again."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta

import msgspec
from cyclopts import App

from evslot import system
from evslot.cli.operating import broker
from evslot.spine.kafka import Producer, read_all
from evslot.spine.records import DeadLetter
from evslot.spine.topics import Topics

dead = App(name="dead", help="Records that could not be handled.")


@dead.command(name="list")
def list_(service: str) -> None:
    """Each dead record of SERVICE: number, time, where from, type, why."""
    for number, letter in letters(service):
        kind = dict(letter.headers).get("ce_type", "?")
        where = f"{letter.topic}/{letter.partition}@{letter.offset}"
        print(f"{number:5} {letter.dead_at:%Y-%m-%d %H:%M:%S} {where} {kind}: {letter.reason}")


@dead.command
def replay(service: str, *numbers: int, everything: bool = False) -> None:
    """Send the dead records NUMBERS (or all, with --everything) of SERVICE again.

    The same command id: what the caller has repeated meanwhile is not done twice. The caller's
    token is judged as of when the record was first there; it gets 30 s from now on.
    """
    chosen = [one for number, one in letters(service) if everything or number in numbers]
    shared = broker()

    async def send() -> None:
        producer = Producer(shared.kafka_bootstrap, delivery_seconds=10.0)
        await producer.start()
        for letter in chosen:
            value = base64.b64decode(letter.value)
            await producer.publish(letter.topic, letter.key, value, again(letter))
        await producer.stop()

    asyncio.run(send())
    print(f"{len(chosen)} records of {service} were sent again")


def letters(service: str) -> list[tuple[int, DeadLetter]]:
    """The dead topic's records with their offsets, oldest first."""
    shared = broker()
    topic = Topics(shared.topic_prefix).dead(system.part(service).name)
    return [
        (record.offset, msgspec.json.decode(record.value, type=DeadLetter))
        for record in read_all(shared.kafka_bootstrap, [topic])
    ]


def again(letter: DeadLetter) -> list[tuple[str, bytes]]:
    """The headers of a replay: nobody waits, the time starts anew."""
    dropped = {"answer_to", "answer_key", "correlation_id", "wait", "not_after", "caller_as_of"}
    headers = [(name, value.encode()) for name, value in letter.headers if name not in dropped]
    names = {name for name, _ in letter.headers}
    if "not_after" in names:
        late = datetime.now(UTC) + timedelta(seconds=30)
        headers.append(("not_after", late.isoformat().encode()))
    if "caller" in names:
        headers.append(("caller_as_of", letter.appended_at.isoformat().encode()))
    if "#" in dict(letter.headers).get("answer_to", ""):
        headers.append(("answer_to", dict(letter.headers)["answer_to"].encode()))
    return headers


COMMANDS = (dead,)
