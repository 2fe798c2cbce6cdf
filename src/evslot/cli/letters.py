"""`evslot dead list|replay`: what could not be handled, and sending it again."""

import asyncio
import base64

import msgspec
from cyclopts import App

from evslot import system
from evslot.cli.operating import broker
from evslot.cli.surroundings import beside_up
from evslot.spine.config import PartSettings
from evslot.spine.db import Database
from evslot.spine.jobs import DEAD_JOB, Jobs, run_again
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
    """Send the dead records NUMBERS (or all, with --everything) of SERVICE again; run its jobs.

    The same command id: what the caller has repeated meanwhile is not done twice. The caller's
    token is judged as of when the record was first there; it gets 30 s from now on.
    """
    chosen = [one for number, one in letters(service) if everything or number in numbers]
    jobs = [letter for letter in chosen if letter.topic.startswith(DEAD_JOB)]
    asyncio.run(_send([letter for letter in chosen if letter not in jobs]))
    if jobs:
        ready = asyncio.run(_run_again(service, jobs))
        print(f"{ready} of {len(jobs)} jobs of {service} run again")
    print(f"{len(chosen) - len(jobs)} records of {service} were sent again")


async def _send(chosen: list[DeadLetter]) -> None:
    producer = Producer(broker().kafka_bootstrap, delivery_seconds=10.0)
    await producer.start()
    for letter in chosen:
        value = base64.b64decode(letter.value)
        await producer.publish(letter.topic, letter.key, value, again(letter))
    await producer.stop()


async def _run_again(service: str, chosen: list[DeadLetter]) -> int:
    """How many of the jobs are ready again."""
    settings = beside_up(service).read(PartSettings, service)
    database = Database(settings.database_url, name=f"{service} dead jobs")
    jobs = system.service(service).jobs or Jobs()
    try:
        return sum([await run_again(database, jobs, letter) for letter in chosen])
    finally:
        await database.stop()


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
    dropped = {"answer_to", "answer_key", "correlation_id", "answer_within", "caller_as_of"}
    known = dict(letter.headers)
    headers = [(name, value.encode()) for name, value in letter.headers if name not in dropped]
    if "caller" in known:
        headers.append(("caller_as_of", letter.appended_at.isoformat().encode()))
    if "#" in known.get("answer_to", ""):
        headers.append(("answer_to", known["answer_to"].encode()))
    return headers


COMMANDS = (dead,)
