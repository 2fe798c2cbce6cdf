"""What was entrusted to one part is found nowhere else: no topic, log line, foreign database."""

import asyncio
import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from evslot import system as parts
from evslot.services.station.messages import StationView
from evslot.spine.kafka import read_all
from evslot.spine.topics import Topics
from tests.callers import secret_of
from tests.journeys.people import Person, Said, Town, tomorrow
from tests.journeys.running_system import RunningSystem

pytestmark = pytest.mark.anyio

ALL_TABLES = """
select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables
where schemaname not in ('pg_catalog', 'information_schema')"""


async def test_planted_values_are_found_nowhere_else(
    town: Town, station: StationView, system: RunningSystem
) -> None:
    mark = uuid4().hex
    person = Person(town, email=f"planted-{mark}@people.example")
    password = f"planted password {uuid4().hex}"
    card = f"sim_ok:planted-card-{mark}"
    name = f"Planted Name {mark}"
    wish = {"email": person.email, "password": password, "name": name}
    await person.post("/v1/users", Any, wish)
    code = await person.mailed_code()
    first = await person.sign_in(email=person.email, code=code)
    await person.sign_in(email=person.email, password=password)
    second = await person.refresh()
    with pytest.raises(Said):
        await person.sign_in(email=person.email, password=password + "wrong")
    held = await person.hold(await person.quote(station, tomorrow()))
    await person.pay(held, card)
    await town.awaited_mail(person.email, station.name)
    await person.cancel(held)
    await person.eventual_payment_state(held, "voided")

    planted = {
        "password": password,
        "card": card,
        "name": name,
        "email": person.email,
        "first access token": secret_of(first.access_token),
        "second access token": secret_of(second.access_token),
        "first refresh token": first.refresh_token,
        "second refresh token": second.refresh_token,
    }
    assert found_in(planted, *[str(value).encode() for value in planted.values()]) == set(planted)
    assert found_in(planted, *await records(system)) == set()
    assert found_in(planted, *logs(system.folder / "logs")) == set()
    for part in parts.NAMES:
        # An address is the user service's to know; it alone must be able to mail and to sign in.
        own = {"email", "name"} if part == "user" else set()
        assert found_in(planted, *await rows(system, part)) <= own, part


async def test_a_token_read_from_a_topic_is_refused_at_the_edge(
    town: Town, driver: Person, station: StationView, system: RunningSystem
) -> None:
    await driver.hold(await driver.quote(station, tomorrow()))
    topic = Topics().commands("reservation")
    read = await asyncio.to_thread(read_all, system.bootstrap, [topic])
    jwts = {jwt for record in read if (jwt := record.header("caller"))}
    assert jwts
    for jwt in list(jwts)[:50]:
        for token in (jwt, f"{jwt}.", f"{jwt}.{'A' * 43}"):
            answer = await Person(town, token).request("GET", "/v1/reservations")
            assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")


def found_in(planted: dict[str, str], *haystacks: bytes) -> set[str]:
    """The names of values that lie in any of these, in whatever common spelling."""
    return {
        name
        for name, value in planted.items()
        for needle in disguises(value.encode())
        if any(needle in haystack for haystack in haystacks)
    }


def disguises(value: bytes) -> Iterator[bytes]:
    """Plain, hexadecimal, and base64 wherever in a text it may begin."""
    yield value
    yield value.hex().encode()
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + value)
        inner = text[4 if shift else 0 : len(text) // 4 * 4 - 4]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))


async def records(system: RunningSystem) -> list[bytes]:
    """Everything on every topic: keys, headers, values."""
    topics = [topic.name for topic in Topics().table()]
    read = await asyncio.to_thread(read_all, system.bootstrap, topics)
    assert len(read) > 20
    return [
        b"\n".join(
            [
                (record.key or "").encode(),
                record.value,
                *(name.encode() + b"=" + (value or b"") for name, value in record.headers),
            ]
        )
        for record in read
    ]


def logs(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.iterdir()]


async def rows(system: RunningSystem, part: str) -> list[bytes]:
    """Every row of every table of a database, as text."""
    found: list[bytes] = []
    async with system.database(part) as connection:
        for table in await connection.fetch(ALL_TABLES):
            every = f"select t::text as line from {table['name']} t"  # noqa: S608
            found += [row["line"].encode() for row in await connection.fetch(every)]
    assert found
    return found
