"""Records that nobody can understand, on every topic: buried with the reason, others go on."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable
from types import ModuleType
from typing import TypeVar
from uuid import uuid4

import msgspec
import pytest

from evslot import system as parts
from evslot.services.notification import messages as notification
from evslot.services.payment import messages as payment
from evslot.services.reservation import messages as reservation
from evslot.services.station import messages as station
from evslot.services.user import messages as user
from evslot.spine.kafka import Producer, read_all
from evslot.spine.message import Command, Envelope, Message, home_of, message_types, wire_name
from evslot.spine.records import DeadLetter
from evslot.spine.topics import REPLY_PARTITIONS, Topics
from evslot.values import Period
from tests.journeys.people import Person, Said, Town, eventually, place_of, tomorrow
from tests.journeys.running_system import RunningSystem

pytestmark = pytest.mark.anyio

T = TypeVar("T")

MODULES: dict[str, ModuleType] = {
    "user": user,
    "station": station,
    "reservation": reservation,
    "payment": payment,
    "notification": notification,
}
PARTITIONS = range(8)
GO_ON_WITHIN = 1.0
SLACK = 0.5
"""Of a shared machine, beside the second that is promised."""


async def test_poison_is_buried_and_others_go_on(
    town: Town, driver: Person, operator: Person, system: RunningSystem
) -> None:
    before = await buried(system)
    poisoning = asyncio.create_task(poison_everything(system))
    person = await town.sign_up()
    fresh = await in_time(operator.fresh_station())
    await poisoning
    await in_time(person.refresh())
    await in_time(person.me())
    quote = await in_time(person.quote(fresh, tomorrow()))
    held = await in_time(person.hold(quote))
    await in_time(person.pay(held))
    await in_time(is_taken(person, fresh, tomorrow()))
    await in_time(person.get("/v1/notifications", dict))
    await town.awaited_mail(person.email, fresh.name)
    expected = Counter(
        {(service, topic): 3 * len(PARTITIONS) for service, topic, _ in poisoned_places()}
    )
    after = await eventually(
        lambda: buried(system), lambda found: found - before == expected, seconds=15
    )
    assert after - before == expected
    listed = system.command("dead", "list", "reservation")
    assert "bad body" in listed
    assert "unknown type or version: nobody.Knows v1" in listed
    assert "unknown type or version: reservation.HoldSlot v99" in listed


PLANT = """
create function planted() returns trigger language plpgsql as $$ begin
  if new.name = 'Planted' then raise exception 'planted'; end if;
  return new;
end $$;
create trigger planted before insert on station for each row execute function planted()"""
UPROOT = "drop trigger planted on station; drop function planted()"


async def test_what_a_bug_broke_is_replayed_once_the_bug_is_gone(
    operator: Person, system: RunningSystem
) -> None:
    """The bug is a trigger that breaks one handler on one name."""
    key = str(uuid4())
    async with system.database("station") as connection:
        await connection.execute(PLANT)
        try:
            with pytest.raises(Said) as broken:
                await in_time(operator.fresh_station(name="Planted", key=key))
            assert (broken.value.status, broken.value.code) == (500, "failed")
            await in_time(operator.fresh_station())
        finally:
            await connection.execute(UPROOT)
    listed = await eventually(
        lambda: asyncio.to_thread(system.command, "dead", "list", "station"),
        lambda lines: "station.CreateStation: RaiseError" in lines,
    )
    number = next(line for line in listed.splitlines() if "RaiseError" in line).split()[0]
    assert "1 records of station" in system.command("dead", "replay", "station", number)
    there = place_of("Planted")
    found = await eventually(
        lambda: operator.search(lat=there["latitude"], lon=there["longitude"], radius=20),
        lambda page: [one for one in page.stations if one.name == "Planted"],
    )
    (planted,) = [one for one in found.stations if one.name == "Planted"]
    repeated = await operator.fresh_station(name="Planted", key=key)
    assert repeated.station_id == planted.station_id


async def in_time(work: Awaitable[T]) -> T:
    started = time.monotonic()
    done = await work
    assert time.monotonic() - started < GO_ON_WITHIN + SLACK, work
    return done


async def is_taken(driver: Person, where: station.StationView, period: Period) -> None:
    """The station service has heard of the booking."""
    day = tomorrow().start.date()
    await eventually(
        lambda: driver.slots(where, day),
        lambda chargers: not next(s.free for s in chargers[0].slots if s.period == period),
    )


def poisoned_places() -> list[tuple[str, str, type[Message]]]:
    """Who reads which topic, and a message that it understands there."""
    topics = Topics()
    places: list[tuple[str, str, type[Message]]] = []
    for name in parts.SERVICES:
        first: type[Message] = next(
            k for k in message_types(MODULES[name]) if issubclass(k, Command)
        )
        if name == "reservation":
            first = reservation.HoldSlot
        places.append((name, topics.commands(name), first))
        wired = parts.service(name)
        handlers = wired.all_handlers()
        _, speakers = wired.hears(handlers)
        for speaker in speakers:
            places.append((name, topics.events(speaker), heard_by_all(speaker)))
    return places


def heard_by_all(speaker: str) -> type[Message]:
    """An event of a service that everybody reads who reads any of them; others pass it over."""
    heard = [set(parts.service(name).all_handlers().events) for name in parts.SERVICES]
    home = MODULES[speaker].__name__
    theirs = [{k for k in kinds if home_of(k) == home} for kinds in heard]
    common = set.intersection(*(kinds for kinds in theirs if kinds))
    return min(common, key=wire_name)


async def poison_everything(system: RunningSystem) -> None:
    """Bad bytes, an unknown type and an unknown version, into every partition."""
    producer = Producer(system.bootstrap, delivery_seconds=10.0)
    await producer.start()
    bad: list[tuple[str, int, bytes, list[tuple[str, bytes]]]] = [
        (Topics().replies, partition, b"\xff", []) for partition in range(REPLY_PARTITIONS)
    ]
    for topic, kind in {topic: kind for _, topic, kind in poisoned_places()}.items():
        for value, name, version in (
            (b"\xff\x00{", wire_name(kind), kind.VERSION),
            (b"{}", "nobody.Knows", 1),
            (b"{}", wire_name(kind), 99),
        ):
            for partition in PARTITIONS:
                envelope = Envelope(id=uuid4(), type=name, version=version, source="poisoner")
                bad.append((topic, partition, value, envelope.headers()))
    await asyncio.gather(
        *(
            producer.publish(topic, None, value, headers, partition=partition)
            for topic, partition, value, headers in bad
        )
    )
    await producer.stop()


async def buried(system: RunningSystem) -> Counter[tuple[str, str]]:
    """Dead letters by the service that gave them up and the topic they came from."""
    found: Counter[tuple[str, str]] = Counter()
    for service in parts.SERVICES:
        topic = Topics().dead(service)
        for record in await asyncio.to_thread(read_all, system.bootstrap, [topic]):
            letter = msgspec.json.decode(record.value, type=DeadLetter)
            assert letter.reason
            found[service, letter.topic] += 1
    return found
