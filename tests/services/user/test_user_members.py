"""Who belongs to an organisation, and what machines may do for it."""

from uuid import uuid4

import pytest
from tests.harness import Harness, driver
from tests.services.user.houses import a_house, ended
from tests.services.user.people import account, caller_of, h, new_address, refusal
from tests.services.user.test_user_organisations import wanted

from evslot.services.user.domain.membership import loses_rights
from evslot.services.user.messages import (
    ChangeOrganisation,
    EraseUser,
    GetMe,
    GetOrganisation,
    ListApiKeys,
    ListMembers,
    ListOrganisations,
    MemberRole,
    NewApiKey,
    RevokeApiKey,
    SignInWithApiKey,
)
from evslot.spine.callers import SYSTEM, Caller
from evslot.spine.message import Secret

__all__ = ["h"]
pytestmark = pytest.mark.anyio


async def test_losing_rights_signs_out_and_gaining_them_does_not(h: Harness) -> None:
    house = await a_house(h)
    grace = await house.member("viewer")
    await h.send(house.change(grace, "manager"), caller=house.caller)
    assert ended(h) == []
    changed = await h.send(house.change(grace, "viewer"), caller=house.caller)
    assert (changed.user_id, changed.role) == (grace.user_id, "viewer")
    assert ended(h) == [(grace.user_id, "membership_changed")]
    h.events.clear()
    alan = await house.member("manager")
    removed = await h.send(house.remove(alan), caller=house.caller)
    assert (removed.user_id, removed.role) == (alan.user_id, None)
    assert ended(h) == [(alan.user_id, "membership_changed")]
    assert await refusal(h.send(house.remove(alan), caller=house.caller)) == "member_not_found"


def test_every_step_down_loses_rights_and_no_step_up_does() -> None:
    ladder: list[MemberRole | None] = [None, "viewer", "manager", "owner"]
    for low, old in enumerate(ladder):
        for high, new in enumerate(ladder):
            assert loses_rights(old, new) == (high < low)


async def test_the_last_owner_cannot_leave_step_down_or_be_erased(h: Harness) -> None:
    house = await a_house(h)
    grace = await house.member("manager")
    down = house.change(house.owner, "viewer")
    assert await refusal(h.send(down, caller=house.caller)) == "last_owner"
    leave = house.remove(house.owner)
    assert await refusal(h.send(leave, caller=house.caller)) == "last_owner"
    erase = EraseUser(user_id=house.owner.user_id)
    assert await refusal(h.send(erase, caller=house.caller)) == "last_owner"
    await h.send(house.change(grace, "owner"), caller=house.caller)
    assert (await h.send(leave, caller=house.caller)).role is None
    alone = EraseUser(user_id=grace.user_id)
    assert await h.send(alone, caller=caller_of(h, grace))
    assert await h.fetch_value("select count(*) from member") == 0
    assert await h.ask(GetOrganisation(organisation_id=house.organisation_id), caller=SYSTEM)


async def test_two_owners_who_leave_at_once_leave_one(h: Harness) -> None:
    house = await a_house(h)
    grace = await house.member("owner")
    batch = [
        (house.remove(house.owner), house.caller, uuid4()),
        (house.remove(grace), caller_of(h, grace), uuid4()),
    ]
    answers = await h.submit_many([*batch])
    assert sorted(answer.code or "done" for answer in answers if answer) == ["done", "last_owner"]


async def test_only_owners_say_who_belongs_and_strangers_learn_nothing(h: Harness) -> None:
    house, other = await a_house(h), await a_house(h)
    manager, viewer = await house.member("manager"), await house.member("viewer")
    looking_on = caller_of(h, viewer)
    stranger = await account(h)
    said = {
        "manager": await refusal(house.invite(new_address(), "viewer", caller_of(h, manager))),
        "viewer": await refusal(
            h.send(house.change(manager, "owner"), caller=caller_of(h, viewer))
        ),
        "other": await refusal(house.invite(new_address(), "viewer", other.caller)),
        "stranger": await refusal(h.send(house.remove(manager), caller=caller_of(h, stranger))),
        "nobody": await refusal(h.send(house.remove(manager))),
    }
    assert said == {
        "manager": "not_an_owner",
        "viewer": "not_an_owner",
        "other": "organisation_not_found",
        "stranger": "not_an_owner",
        "nobody": "unauthenticated",
    }
    pretender = driver(stranger.user_id, organisations={house.organisation_id: "owner"})
    assert await refusal(house.invite(new_address(), "viewer", pretender)) == "unauthenticated"
    question = ListMembers(organisation_id=house.organisation_id)
    assert await refusal(h.ask(question, caller=other.caller)) == "organisation_not_found"
    await house.invite(new_address(), "viewer")
    seen = await h.ask(question, caller=house.caller)
    assert [len(seen.members), len(seen.invitations)] == [3, 1]
    assert all(member.email for member in seen.members)
    partly = await h.ask(question, caller=looking_on)
    assert [len(partly.members), len(partly.invitations)] == [3, 0]
    assert not any(member.email for member in partly.members)


async def test_owners_change_the_details_and_members_list_their_own(h: Harness) -> None:
    house = await a_house(h)
    change = ChangeOrganisation(
        organisation_id=house.organisation_id, address="Neue Str. 2", emptied=("vat_id",)
    )
    view = await h.send(change, caller=house.caller)
    assert (view.address, view.vat_id, view.role) == ("Neue Str. 2", None, "owner")
    assert (view.legal_name, view.version) == ("Stadtwerke Beispiel GmbH", 2)
    listed = await h.ask(ListOrganisations(user_id=house.owner.user_id), caller=house.caller)
    assert listed.organisations == [view]
    bad = ChangeOrganisation(organisation_id=house.organisation_id, country="XX")
    assert await refusal(h.send(bad, caller=house.caller)) == "organisation_invalid"
    manager = caller_of(h, await house.member("manager"))
    assert await refusal(h.send(change, caller=manager)) == "not_an_owner"


async def exchanged(h: Harness, made: NewApiKey) -> Caller:
    return caller_of(h, await h.send(SignInWithApiKey(api_key=made.key)))


async def test_a_key_acts_in_the_role_of_its_scopes_and_as_no_person(h: Harness) -> None:
    house = await a_house(h)
    reading = await h.send(house.key("organisation:read"), caller=house.caller)
    managing = await h.send(
        house.key("organisation:read", "organisation:manage"), caller=house.caller
    )
    machine = await exchanged(h, reading)
    assert machine.organisations == {house.organisation_id: "viewer"}
    assert (machine.roles, machine.user_id) == (frozenset(), reading.api_key.api_key_id)
    assert (await exchanged(h, managing)).organisations == {house.organisation_id: "manager"}
    question = GetOrganisation(organisation_id=house.organisation_id)
    assert (await h.ask(question, caller=machine)).role == "viewer"
    assert machine.user_id is not None
    me = GetMe(user_id=machine.user_id)
    assert await refusal(h.ask(me, caller=machine)) == "not_for_api_keys"
    assert await refusal(h.send(wanted(), caller=machine)) == "not_for_api_keys"
    assert await refusal(house.invite(new_address(), "viewer", machine)) == "not_for_api_keys"
    listed = await h.ask(ListApiKeys(organisation_id=house.organisation_id), caller=house.caller)
    assert {key.api_key_id for key in listed.api_keys} == {
        reading.api_key.api_key_id,
        managing.api_key.api_key_id,
    }
    assert all(key.last_used_at for key in listed.api_keys)


async def test_a_revoked_or_expired_key_is_worth_nothing(h: Harness) -> None:
    house = await a_house(h)
    made = await h.send(house.key("organisation:read"), caller=house.caller)
    revoke = RevokeApiKey(organisation_id=house.organisation_id, api_key_id=made.api_key.api_key_id)
    revoked = await h.send(revoke, caller=house.caller)
    assert revoked.revoked_at is not None
    assert ended(h) == [(made.api_key.api_key_id, "api_key_revoked")]
    assert await refusal(h.send(SignInWithApiKey(api_key=made.key))) == "api_key_invalid"
    other = await h.send(house.key("organisation:read"), caller=house.caller)
    await h.execute("update api_key set expires_at = now() - interval '1 second'")
    assert await refusal(h.send(SignInWithApiKey(api_key=other.key))) == "api_key_invalid"
    guess = SignInWithApiKey(api_key=Secret("evk_guess"))
    assert await refusal(h.send(guess)) == "api_key_invalid"


async def test_the_last_member_s_erasure_ends_the_keys_and_invitations_of_the_organisation(
    h: Harness,
) -> None:
    house, invited = await a_house(h), new_address()
    grace = await house.member("owner")
    made = await h.send(house.key("organisation:manage"), caller=house.caller)
    await house.invite(invited, "owner")
    await h.send(EraseUser(user_id=grace.user_id), caller=caller_of(h, grace))
    machine = await exchanged(h, made)
    h.events.clear()
    await h.send(EraseUser(user_id=house.owner.user_id), caller=house.caller)
    assert machine.session_id == made.api_key.api_key_id
    assert (machine.session_id, "api_key_revoked") in ended(h)
    assert await refusal(h.send(SignInWithApiKey(api_key=made.key))) == "api_key_invalid"
    too_late = caller_of(h, await account(h, invited))
    assert await refusal(h.send(house.accept(), caller=too_late)) == "invitation_not_found"


async def test_the_key_itself_is_in_no_table_and_a_repeat_tells_it_again(h: Harness) -> None:
    house = await a_house(h)
    command, number = house.key("organisation:read"), uuid4()
    made = await h.send(command, caller=house.caller, command_id=number)
    again = await h.send(command, caller=house.caller, command_id=number)
    assert again.key == made.key
    assert await h.fetch_value("select count(*) from api_key") == 1
    stored = await h.fetch_value("select answer from inbox where command_id = $1", number)
    assert made.key.value.encode() not in stored


async def test_only_owners_make_keys_and_not_for_ever(h: Harness) -> None:
    house = await a_house(h)
    manager = caller_of(h, await house.member("manager"))
    assert await refusal(h.send(house.key("organisation:read"), caller=manager)) == "not_an_owner"
    for bad in (house.key(), house.key("organisation:read", days=4000)):
        assert await refusal(h.send(bad, caller=house.caller)) == "organisation_invalid"
    question = ListApiKeys(organisation_id=house.organisation_id)
    assert await refusal(h.ask(question, caller=manager)) == "not_an_owner"
    other = await a_house(h)
    assert await refusal(h.ask(question, caller=other.caller)) == "organisation_not_found"
