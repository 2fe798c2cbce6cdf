"""People over HTTP: profile, cars, sessions, password, address, erasure; members, keys, admins."""

import asyncio
import re
from typing import Any, TypeVar

import httpx
import msgspec
import pytest

from evslot.gateway.answers import Session
from evslot.gateway.people import (
    Account,
    AccountExport,
    FoundUsers,
    Invited,
    Members,
    NewApiKey,
    Vehicle,
    Vehicles,
)
from evslot.services.user import messages as user
from tests.journeys.actors import accept
from tests.journeys.people import Person, Said, Town, eventually, made_up_email
from tests.journeys.running_system import RunningSystem

pytestmark = pytest.mark.anyio

T = TypeVar("T")

PASSWORD = "a long line nobody guesses"
OTHER_PASSWORD = "forty-two grey umbrellas"
CAR = {"name": "Blue one", "connector": "IEC_62196_T2_COMBO", "battery_wh": 58_000}


async def do(person: Person, method: str, path: str, body: Any = None) -> httpx.Response:
    """One request; Said where the answer is a no."""
    answer = await person.request(method, path, body=body)
    if answer.is_error:
        raise Said(answer)
    return answer


async def say(person: Person, method: str, path: str, kind: type[T], body: Any = None) -> T:
    """One request with a typed answer."""
    return msgspec.json.decode((await do(person, method, path, body)).content, type=kind)


async def refused(waiting: Any) -> tuple[int, str]:
    """Status and code of the no that must come."""
    with pytest.raises(Said) as said:
        await waiting
    return said.value.status, said.value.code


async def mailed_code(town: Town, email: str, subject: str) -> str:
    mail = await town.awaited_mail(email, subject)
    found = re.search(r"^\s*(\d{6})\s*$", mail["text"], re.MULTILINE)
    assert found, mail["text"]
    return found[1]


async def dead_at_every_gateway(person: Person) -> None:
    for gateway in (0, 1):
        person.gateway = gateway
        await eventually(
            lambda: person.request("GET", "/v1/me"), lambda a: a.status_code == 401, seconds=2.0
        )


async def test_a_profile_and_cars_are_kept_exported_and_erased(
    town: Town, system: RunningSystem
) -> None:
    person = await town.sign_up()
    profile = {"name": "Planted Person", "phone": "+49 30 7654321", "company": "Planted Works"}
    changed = await say(person, "PATCH", "/v1/me", Account, {**profile, "units": "imperial"})
    assert (changed.name, changed.phone, changed.units) == (
        "Planted Person",
        "+49307654321",
        "imperial",
    )
    assert (await say(person, "PATCH", "/v1/me", Account, {"company": None})).company is None
    car = await person.post("/v1/me/vehicles", Vehicle, CAR)
    path = f"/v1/me/vehicles/{car.vehicle_id}"
    assert (await say(person, "PUT", path, Vehicle, CAR | {"name": "Planted Car"})).name
    other = await person.post("/v1/me/vehicles", Vehicle, CAR)
    await do(person, "DELETE", f"/v1/me/vehicles/{other.vehicle_id}")
    assert len((await person.get("/v1/me/vehicles", Vehicles)).vehicles) == 1
    stranger = await town.sign_up()
    assert await refused(say(stranger, "PUT", path, Vehicle, CAR)) == (404, "vehicle_not_found")
    export = await person.get("/v1/me/export", AccountExport)
    assert (export.account.email, export.vehicles[0].name) == (person.email, "Planted Car")
    assert "/v1/reservations" in export.elsewhere
    await do(person, "DELETE", "/v1/me")
    await dead_at_every_gateway(person)
    async with system.database("user") as connection:
        row = await connection.fetchrow(
            "select state, email, name, phone from account where user_id = $1",
            changed.user_id,
        )
    assert tuple(row) == ("erased", None, None, None)


async def test_sessions_are_listed_and_dead_at_once_when_ended(town: Town) -> None:
    person = Person(town, email=made_up_email())
    await person.post("/v1/users", Any, {"email": person.email, "password": PASSWORD})
    await person.sign_in(email=person.email, code=await person.mailed_code())
    phone, laptop = Person(town, email=person.email), Person(town, email=person.email)
    for one in (phone, laptop):
        await one.sign_in(email=person.email, password=PASSWORD)
    listed = (await person.get("/v1/me/sessions", user.Sessions)).sessions
    assert [one.current for one in listed].count(True) == 1
    assert phone.session is not None
    await do(person, "DELETE", f"/v1/me/sessions/{phone.session.session_id}")
    await dead_at_every_gateway(phone)
    assert (await laptop.me()).email == person.email
    await do(person, "DELETE", "/v1/me/sessions")
    await dead_at_every_gateway(laptop)
    assert len((await person.get("/v1/me/sessions", user.Sessions)).sessions) == 1


async def test_a_forgotten_password_is_reset_and_a_known_one_changed(town: Town) -> None:
    person = await town.sign_up()
    await person.post("/v1/password-codes", Any, {"email": person.email})
    code = await mailed_code(town, person.email, "new password")
    elsewhere = Person(town, email=person.email)
    wish = {"email": person.email, "code": code, "password": PASSWORD}
    session = await elsewhere.post("/v1/password-resets", Session, wish)
    elsewhere.token = session.access_token
    await dead_at_every_gateway(person)
    change = {"present": PASSWORD, "password": OTHER_PASSWORD}
    await do(elsewhere, "PUT", "/v1/me/password", change)
    assert await refused(do(elsewhere, "PUT", "/v1/me/password", change)) == (
        403,
        "wrong_password",
    )
    await Person(town).sign_in(email=person.email, password=OTHER_PASSWORD)
    assert await town.awaited_mail(person.email, "password was changed")


async def test_an_address_is_changed_and_the_old_one_told(town: Town) -> None:
    person = await town.sign_up()
    old, new = person.email, made_up_email()
    await person.post("/v1/me/email-codes", Any, {"email": new})
    code = await mailed_code(town, new, "new e-mail address")
    change = {"email": new, "code": code}
    assert await refused(do(person, "PUT", "/v1/me/email", change)) == (403, "wrong_password")
    await person.post("/v1/password-codes", Any, {"email": old})
    proof = {"present_code": await mailed_code(town, old, "new password")}
    assert (await say(person, "PUT", "/v1/me/email", Account, change | proof)).email == new
    assert await town.awaited_mail(old, "address was changed")


async def test_twenty_refreshes_at_once_have_one_successor(town: Town) -> None:
    person = await town.sign_up()
    assert person.session is not None
    token = person.session.refresh_token
    crowd = [Person(town, gateway=number % 2) for number in range(20)]
    sessions = await asyncio.gather(*(one.sign_in(refresh_token=token) for one in crowd))
    assert len({session.refresh_token for session in sessions}) == 1
    assert len({session.access_token for session in sessions}) == 20
    assert await person.sign_in(refresh_token=sessions[0].refresh_token)


async def test_an_invitation_tells_nobody_who_has_an_account_and_binds_nobody(town: Town) -> None:
    owner, grace = await town.sign_up(), await town.sign_up()
    made = await owner.make_organisation()
    home = f"/v1/organisations/{made.organisation_id}"
    told = [
        await owner.post(f"{home}/invitations", dict[str, Any], {"email": email, "role": "owner"})
        for email in (grace.email, made_up_email())
    ]
    assert [one["invitation"]["role"] for one in told] == ["owner", "owner"]
    assert set(told[0]) == set(told[1]) == {"invitation"}
    mail = await town.awaited_mail(grace.email, "invites you")
    assert made.legal_name in mail["text"]
    assert (await grace.me()).organisations == []
    (received,) = (await grace.get("/v1/me/invitations", user.ReceivedInvitations)).invitations
    assert (received.organisation_id, received.role) == (made.organisation_id, "owner")
    declined = f"/v1/me/invitations/{made.organisation_id}"
    await do(grace, "DELETE", declined)
    assert await refused(do(grace, "DELETE", declined)) == (404, "invitation_not_found")
    assert await refused(accept(grace, made.organisation_id)) == (404, "invitation_not_found")
    members = await owner.get(f"{home}/members", Members)
    assert [len(members.members), len(members.invitations)] == [1, 1]


async def test_members_are_invited_changed_and_taken_out(town: Town) -> None:
    owner, grace = await town.sign_up(), await town.sign_up()
    made = await owner.make_organisation()
    home = f"/v1/organisations/{made.organisation_id}"
    wish = {"email": grace.email, "role": "viewer"}
    await owner.post(f"{home}/invitations", Invited, wish)
    assert (await accept(grace, made.organisation_id)).role == "viewer"
    assert (await accept(grace, made.organisation_id)).role == "viewer"
    assert await town.awaited_mail(grace.email, "You now belong to")
    late = made_up_email()
    invited = await owner.post(f"{home}/invitations", Invited, {"email": late, "role": "viewer"})
    members = await owner.get(f"{home}/members", Members)
    assert {one.email for one in members.members} == {owner.email, grace.email}
    assert [one.email for one in members.invitations] == [late]
    await do(owner, "DELETE", f"{home}/invitations/{invited.invitation.invitation_id}")
    grace_path = f"{home}/members/{(await grace.me()).user_id}"
    raised = await say(owner, "PUT", grace_path, user.MembershipChanged, {"role": "manager"})
    assert raised.role == "manager"
    await grace.refresh()
    assert await refused(do(grace, "PUT", grace_path, {"role": "owner"})) == (
        403,
        "not_an_owner",
    )
    await do(owner, "DELETE", grace_path)
    await dead_at_every_gateway(grace)
    stranger = await town.sign_up()
    await stranger.make_organisation()
    assert await refused(stranger.get(f"{home}/members", Members)) == (
        404,
        "organisation_not_found",
    )


async def test_an_organisation_is_changed_by_its_owner(town: Town) -> None:
    owner = await town.sign_up()
    made = await owner.make_organisation()
    home = f"/v1/organisations/{made.organisation_id}"
    body = {"address": "Neue Straße 2, 10115 Berlin", "register": "HRB 7"}
    view = await say(owner, "PATCH", home, user.OrganisationView, body)
    assert (view.address, view.register, view.role) == (body["address"], "HRB 7", "owner")
    own = await owner.get("/v1/organisations", user.Organisations)
    assert [one.organisation_id for one in own.organisations] == [made.organisation_id]


async def test_a_machine_acts_with_a_key_until_it_is_revoked(town: Town) -> None:
    owner = await town.sign_up()
    made = await owner.make_organisation()
    home = f"/v1/organisations/{made.organisation_id}"
    wish = {"name": "Building control", "scopes": ["organisation:manage"]}
    key = await owner.post(f"{home}/api-keys", NewApiKey, wish)
    machine = Person(town)
    await machine.sign_in(api_key=key.key)
    machine.organisation = made
    station = await machine.fresh_station()
    assert station.organisation_id == made.organisation_id
    assert (await machine.get(home, user.OrganisationView)).role == "manager"
    assert await refused(machine.me()) == (403, "not_for_api_keys")
    listed = await owner.get(f"{home}/api-keys", user.ApiKeys)
    assert [one.name for one in listed.api_keys] == ["Building control"]
    await do(owner, "DELETE", f"{home}/api-keys/{key.api_key.api_key_id}")
    await dead_at_every_gateway(machine)
    assert await refused(Person(town).sign_in(api_key=key.key)) == (401, "api_key_invalid")


async def test_keys_die_with_the_last_member_of_an_organisation(town: Town) -> None:
    owner, machine = await town.sign_up(), Person(town)
    made = await owner.make_organisation()
    wish = {"name": "Building control", "scopes": ["organisation:manage"], "valid_days": 1095}
    home = f"/v1/organisations/{made.organisation_id}"
    key = await owner.post(f"{home}/api-keys", NewApiKey, wish)
    await machine.sign_in(api_key=key.key)
    await do(owner, "DELETE", "/v1/me")
    await dead_at_every_gateway(machine)
    assert await refused(Person(town).sign_in(api_key=key.key)) == (401, "api_key_invalid")


async def test_the_first_admin_is_made_by_a_command_and_may_block_people(
    town: Town, system: RunningSystem
) -> None:
    admin, person = await town.sign_up(), await town.sign_up()
    assert await refused(admin.get("/v1/users", FoundUsers)) == (403, "only_for_admins")
    said = await asyncio.to_thread(system.command, "admin", "grant", admin.email)
    assert "platform admin" in said
    await admin.refresh()
    found = await admin.get("/v1/users", FoundUsers, {"email": person.email})
    path = f"/v1/users/{found.users[0].user_id}/block"
    await do(admin, "PUT", path)
    await dead_at_every_gateway(person)
    await do(admin, "DELETE", path)
    everybodys = {"everybodys": "true", "limit": "1"}
    page = await admin.get("/v1/organisations", user.Organisations, everybodys)
    approval = f"/v1/organisations/{page.organisations[0].organisation_id}/approval"
    assert (await do(admin, "PUT", approval)).json()["approved"]
    await asyncio.to_thread(system.command, "admin", "revoke", admin.email)
    await dead_at_every_gateway(admin)


@pytest.mark.parametrize("role", ["driver", "operator", "admin"])
async def test_sample_people_sign_in_with_one_request(town: Town, role: str) -> None:
    person = Person(town)
    session = await person.post("/v1/sample-sessions", Session, {"role": role})
    person.token = session.access_token
    account = await person.me()
    assert account.email == f"{role}@sample.evslot.example"
    assert account.admin == (role == "admin")
    assert account.user_id == session.user_id
