"""What a person says of themself: profile, cars, sessions; what is exported, what is erased."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace
from tests.harness import Harness
from tests.services.user.people import (
    account,
    ask_code,
    caller_of,
    enter,
    h,
    new_address,
    refusal,
    register,
    sign_in,
)

from evslot.services.user.domain.vehicles import MAX_VEHICLES
from evslot.services.user.messages import (
    AddVehicle,
    ChangeProfile,
    ChangeVehicle,
    EndOtherSessions,
    EndSession,
    EraseUser,
    GetContact,
    GetExport,
    GetMe,
    ListSessions,
    ListVehicles,
    RefreshSession,
    RemoveVehicle,
    SessionEnded,
    SignedIn,
    UserChanged,
    UserErased,
)
from evslot.spine.callers import SYSTEM
from evslot.spine.message import Personal, encode_clear
from evslot.spine.republishing import republish
from evslot.values import SessionId, VehicleId

__all__ = ["h"]
pytestmark = pytest.mark.anyio

PLANTED: dict[str, Any] = {
    "name": Personal("Planted Name"),
    "phone": Personal("+49 30 7654321"),
    "company": Personal("Planted Company"),
    "vat_id": Personal("DE 987654321"),
    "invoice_address": Personal("Planted Street 7\n10115 Planted Town"),
}


def car(who: SignedIn, **changed: Any) -> AddVehicle:
    fields: dict[str, Any] = {
        "user_id": who.user_id,
        "vehicle_id": VehicleId(uuid4()),
        "name": Personal("Planted Car"),
        "connector": "IEC_62196_T2_COMBO",
        "battery_wh": 58_000,
        **changed,
    }
    return AddVehicle(**fields)


async def test_a_profile_is_changed_field_by_field_and_emptied_by_name(h: Harness) -> None:
    who = await account(h)
    caller = caller_of(h, who)
    change = ChangeProfile(user_id=who.user_id, zone="Asia/Kolkata", units="imperial", **PLANTED)
    me = await h.send(change, caller=caller)
    assert me.name == PLANTED["name"]
    assert (me.phone, me.vat_id) == (Personal("+49307654321"), Personal("DE987654321"))
    assert (me.zone, me.units, me.language, me.version) == ("Asia/Kolkata", "imperial", "en", 2)
    assert isinstance(h.events[-1], UserChanged)
    assert h.events[-1].zone == "Asia/Kolkata"
    again = await h.send(change, caller=caller)
    assert again.version == 2
    emptied = ChangeProfile(user_id=who.user_id, emptied=("phone", "company"), language="de")
    me = await h.send(emptied, caller=caller)
    assert (me.phone, me.company, me.language) == (None, None, "de")
    assert me.invoice_address == PLANTED["invoice_address"]
    contact = await h.ask(GetContact(user_id=who.user_id), caller=SYSTEM)
    assert (contact.name, contact.phone, contact.language) == (PLANTED["name"], None, "de")


@pytest.mark.parametrize(
    "bad",
    [
        {"name": Personal("\x00")},
        {"phone": Personal("030 1234")},
        {"vat_id": Personal("123")},
        {"invoice_address": Personal("a\n" * 300)},
        {"company": Personal(" ")},
        {"zone": "Mars/Base"},
        {"language": "tlh"},
    ],
)
async def test_a_profile_takes_only_what_makes_sense(h: Harness, bad: dict[str, Any]) -> None:
    who = await account(h)
    change = ChangeProfile(user_id=who.user_id, **bad)
    assert await refusal(h.send(change, caller=caller_of(h, who))) == "profile_invalid"


async def test_cars_are_added_changed_and_removed_by_their_owner_alone(h: Harness) -> None:
    who, stranger = await account(h), caller_of(h, await account(h))
    caller = caller_of(h, who)
    added = await h.send(car(who), caller=caller)
    listed = await h.ask(ListVehicles(user_id=who.user_id), caller=caller)
    assert listed.vehicles == [added]
    change = ChangeVehicle(
        user_id=who.user_id,
        vehicle_id=added.vehicle_id,
        name=Personal("Red one"),
        connector="CHADEMO",
        max_dc_watts=50_000,
    )
    changed = await h.send(change, caller=caller)
    assert (changed.connector, changed.battery_wh) == ("CHADEMO", None)
    assert await refusal(h.send(change, caller=stranger)) == "user_not_found"
    stolen = replace(change, user_id=stranger.user_id)
    assert await refusal(h.send(stolen, caller=stranger)) == "vehicle_not_found"
    remove = RemoveVehicle(user_id=who.user_id, vehicle_id=added.vehicle_id)
    await h.send(remove, caller=caller)
    assert await refusal(h.send(remove, caller=caller)) == "vehicle_not_found"
    bad = car(who, connector="A_HOSE")
    assert await refusal(h.send(bad, caller=caller)) == "vehicle_invalid"
    heavy = car(who, battery_wh=1)
    assert await refusal(h.send(heavy, caller=caller)) == "vehicle_invalid"


async def test_a_person_has_twenty_cars_at_most(h: Harness) -> None:
    who = await account(h)
    caller = caller_of(h, who)
    wishes = [(car(who), caller, uuid4()) for _ in range(MAX_VEHICLES + 1)]
    answers = await h.submit_many([*wishes])
    assert [answer.code for answer in answers if answer].count("too_many_vehicles") == 1


async def test_sessions_are_listed_and_ended_one_or_all_others(h: Harness) -> None:
    email = new_address()
    first = await enter(h, email, await register(h, email))
    second, third = await sign_in(h, email), await sign_in(h, email)
    caller = caller_of(h, third)
    listed = (await h.ask(ListSessions(user_id=first.user_id), caller=caller)).sessions
    assert {one.session_id for one in listed if not one.current} == {
        first.session_id,
        second.session_id,
    }
    assert [one.opened_by for one in listed if one.session_id == first.session_id] == ["code"]
    one = EndSession(user_id=first.user_id, session_id=first.session_id)
    ended = await h.send(one, caller=caller)
    assert ended.reason == "ended_by_user"
    assert await refusal(h.send(RefreshSession(refresh_token=first.refresh_token))) == (
        "refresh_token_invalid"
    )
    closed = await h.send(EndOtherSessions(user_id=first.user_id), caller=caller)
    assert closed.ended == 1
    assert [e.session_id for e in h.events if isinstance(e, SessionEnded)] == [
        first.session_id,
        second.session_id,
    ]
    assert await h.send(RefreshSession(refresh_token=third.refresh_token))
    unknown = EndSession(user_id=first.user_id, session_id=SessionId(uuid4()))
    assert await refusal(h.send(unknown, caller=caller)) == "session_not_found"
    other = await account(h)
    foreign = EndSession(user_id=other.user_id, session_id=third.session_id)
    assert await refusal(h.send(foreign, caller=caller_of(h, other))) == "session_not_found"


async def test_an_ended_session_changes_nothing_though_its_token_is_still_good(
    h: Harness,
) -> None:
    who = await account(h)
    caller = caller_of(h, who)
    await h.send(EndSession(user_id=who.user_id), caller=caller)
    name = ChangeProfile(user_id=who.user_id, name=Personal("Late"))
    assert await refusal(h.send(name, caller=caller)) == "unauthenticated"
    assert await refusal(h.send(car(who), caller=caller)) == "unauthenticated"
    assert await refusal(h.send(EraseUser(user_id=who.user_id), caller=caller)) == (
        "unauthenticated"
    )


async def test_one_person_has_a_hundred_sessions_at_most(h: Harness) -> None:
    email = new_address()
    who = await account(h, email)
    await h.execute(
        """insert into session (session_id, user_id, opened_by, created_at, refreshed_at,
                                expires_at)
           select gen_random_uuid(), $1, 'code', now(), now() - interval '1 minute' * n,
                  now() + interval '1 day'
           from generate_series(1, 99) n""",
        who.user_id,
    )
    await enter(h, email, await ask_code(h, email))
    assert await h.fetch_value("select count(*) from session where ended_at is null") == 100
    assert [e.reason for e in h.events if isinstance(e, SessionEnded)] == ["superseded"]


async def test_the_export_holds_everything_there_is_about_a_person(h: Harness) -> None:
    email = new_address()
    who = await enter(h, email, await register(h, email))
    caller = caller_of(h, who)
    await h.send(ChangeProfile(user_id=who.user_id, **PLANTED), caller=caller)
    await h.send(car(who), caller=caller)
    export = await h.ask(GetExport(user_id=who.user_id), caller=caller)
    text = encode_clear(export).decode()
    assert email in text
    for planted in ("Planted Name", "+49307654321", "DE987654321", "Planted Street 7"):
        assert planted in text
    assert "Planted Car" in text
    assert export.password_changed_at is not None
    assert [one.session_id for one in export.sessions] == [who.session_id]
    stranger = caller_of(h, await account(h))
    assert await refusal(h.ask(GetExport(user_id=who.user_id), caller=stranger)) == (
        "user_not_found"
    )


async def test_after_erasing_planted_values_are_in_no_table(h: Harness) -> None:
    email = new_address()
    who = await enter(h, email, await register(h, email, name="Planted Name"))
    caller = caller_of(h, who)
    await h.send(ChangeProfile(user_id=who.user_id, **PLANTED), caller=caller)
    await h.send(car(who), caller=caller)
    assert await rows_that_hold(h, "Planted") == {"account", "vehicle"}
    erased = await h.send(EraseUser(user_id=who.user_id), caller=caller)
    assert erased == UserErased(user_id=who.user_id, version=erased.version)
    assert h.events[-1] == erased
    for planted in ("Planted", email, "7654321", "987654321"):
        assert await rows_that_hold(h, planted) == set()
    assert await refusal(h.ask(GetMe(user_id=who.user_id), caller=caller)) == "user_not_found"
    assert await refusal(h.ask(GetContact(user_id=who.user_id), caller=SYSTEM)) == (
        "user_not_found"
    )
    assert await refusal(h.send(RefreshSession(refresh_token=who.refresh_token))) == (
        "refresh_token_invalid"
    )
    fresh = await enter(h, email, await ask_code(h, email))
    assert fresh.user_id != who.user_id
    h.events.clear()
    await republish(h.wiring, h.handlers, h.database)
    await h._collect()
    assert erased in h.events


async def rows_that_hold(h: Harness, text: str) -> set[str]:
    """The tables in which a text stands in clear, be it in bytes; all there are are looked at."""
    tables = await h.fetch(
        """select table_name from information_schema.tables
           where table_schema = 'public' and table_type = 'BASE TABLE'"""
    )
    found = set()
    for name in (row["table_name"] for row in tables):
        rows = await h.fetch(f'select * from "{name}"')  # noqa: S608 - names of our own tables
        if any(text.encode() in _bytes(dict(row)) for row in rows):
            found.add(name)
    return found


def _bytes(row: dict[str, Any]) -> bytes:
    raw = b" ".join(value for value in row.values() if isinstance(value, bytes))
    rest = {k: _plain(v) for k, v in row.items() if not isinstance(v, bytes)}
    return raw + json.dumps(rest, ensure_ascii=False).encode()


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | bool | None) else str(value)


async def test_ids_of_cars_are_repeated_with_the_command(h: Harness) -> None:
    who = await account(h)
    caller = caller_of(h, who)
    wish = car(who)
    first = await h.send(wish, caller=caller, command_id=UUID(int=7))
    assert await h.send(wish, caller=caller, command_id=UUID(int=7)) == first
    assert await h.fetch_value("select count(*) from vehicle") == 1
