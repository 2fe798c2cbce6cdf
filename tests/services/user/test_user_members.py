"""Who belongs to an organisation, what machines may do for it, and what platform admins do."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from tests.harness import Harness, driver
from tests.services.user.people import account, caller_of, h, new_address, refusal
from tests.services.user.test_user_organisations import wanted

from evslot.embedded.throwaway import PostgresServer
from evslot.services.user.domain.membership import loses_rights
from evslot.services.user.messages import (
    ApproveOrganisation,
    BlockUser,
    ChangeMember,
    ChangeOrganisation,
    CreateApiKey,
    EnsureSampleOrganisations,
    EraseUser,
    FindOrganisations,
    FindUsers,
    GetMe,
    GetOrganisation,
    GrantAdmin,
    InviteMember,
    ListApiKeys,
    ListMembers,
    ListOrganisations,
    MemberRole,
    MembershipChanged,
    NewApiKey,
    OpenSampleSession,
    RefreshSession,
    RemoveMember,
    RevokeAdmin,
    RevokeApiKey,
    SampleOrganisation,
    SessionEnded,
    SignedIn,
    SignInWithApiKey,
    UnblockUser,
    WithdrawInvitation,
)
from evslot.services.user.service import SERVICE
from evslot.spine.callers import SYSTEM, Caller
from evslot.spine.message import Personal, Secret
from evslot.values import OrganisationId

__all__ = ["h"]
pytestmark = pytest.mark.anyio


@pytest.fixture
async def production(postgres_server: PostgresServer) -> AsyncIterator[Harness]:
    env = {"EVSLOT_ENVIRONMENT": "production"}
    async with Harness(SERVICE, postgres_server, env) as harness:
        yield harness


class House:
    """An organisation and its first owner."""

    def __init__(self, h: Harness, owner: SignedIn, organisation_id: OrganisationId) -> None:
        self.h = h
        self.owner = owner
        self.caller = caller_of(h, owner)
        self.organisation_id = organisation_id

    async def invite(self, email: str, role: MemberRole, caller: Caller | None = None) -> Any:
        command = InviteMember(
            organisation_id=self.organisation_id,
            invitation_id=uuid4(),
            email=Personal(email),
            role=role,
        )
        return await self.h.send(command, caller=caller or self.caller)

    async def member(self, role: MemberRole) -> SignedIn:
        """Somebody more, signed in with the new role."""
        email = new_address()
        joined = await account(self.h, email)
        await self.invite(email, role)
        return await self.h.send(RefreshSession(refresh_token=joined.refresh_token))

    def change(self, who: SignedIn, role: MemberRole) -> ChangeMember:
        return ChangeMember(organisation_id=self.organisation_id, user_id=who.user_id, role=role)

    def remove(self, who: SignedIn) -> RemoveMember:
        return RemoveMember(organisation_id=self.organisation_id, user_id=who.user_id)

    def key(self, *scopes: Any, days: int = 90) -> CreateApiKey:
        return CreateApiKey(
            organisation_id=self.organisation_id,
            api_key_id=uuid4(),
            name="Building control",
            scopes=scopes,
            valid_days=days,
        )


async def a_house(h: Harness) -> House:
    owner = await account(h)
    command = wanted()
    await h.send(command, caller=caller_of(h, owner))
    fresh = await h.send(RefreshSession(refresh_token=owner.refresh_token))
    return House(h, fresh, command.organisation_id)


def ended(h: Harness) -> list[tuple[object, str]]:
    return [(e.user_id, e.reason) for e in h.events if isinstance(e, SessionEnded)]


async def test_who_has_an_account_belongs_at_once_and_sees_it_at_the_next_refresh(
    h: Harness,
) -> None:
    house = await a_house(h)
    email = new_address()
    grace = await account(h, email)
    invited = await house.invite(email.upper(), "manager")
    assert (invited.member.user_id, invited.invitation) == (grace.user_id, None)
    assert caller_of(h, grace).organisations == {}
    fresh = await h.send(RefreshSession(refresh_token=grace.refresh_token))
    assert caller_of(h, fresh).organisations == {house.organisation_id: "manager"}
    assert isinstance(h.events[-1], MembershipChanged)
    assert ended(h) == []
    with_refusal = house.invite(email, "viewer")
    assert await refusal(with_refusal) == "already_member"


async def test_an_unknown_address_belongs_from_its_first_sign_in_on(h: Harness) -> None:
    house, other = await a_house(h), await a_house(h)
    email = new_address()
    first = await house.invite(email, "viewer")
    again = await house.invite(email, "manager")
    assert again.invitation.invitation_id == first.invitation.invitation_id
    taken_back = (await other.invite(email, "owner")).invitation.invitation_id
    withdraw = WithdrawInvitation(organisation_id=other.organisation_id, invitation_id=taken_back)
    await h.send(withdraw, caller=other.caller)
    assert await refusal(h.send(withdraw, caller=other.caller)) == "invitation_not_found"
    grace = await account(h, email)
    assert caller_of(h, grace).organisations == {house.organisation_id: "manager"}
    assert await h.fetch_value("select count(*) from invitation") == 0


async def test_an_invitation_that_ran_out_is_none(h: Harness) -> None:
    house = await a_house(h)
    email = new_address()
    await house.invite(email, "viewer")
    await h.execute("update invitation set expires_at = now() - interval '1 second'")
    assert caller_of(h, await account(h, email)).organisations == {}
    await h.run_periodic()
    assert await h.fetch_value("select count(*) from invitation") == 0


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


async def an_admin(h: Harness) -> SignedIn:
    email = new_address()
    person = await account(h, email)
    await h.send(GrantAdmin(email=Personal(email)), caller=SYSTEM)
    return await h.send(RefreshSession(refresh_token=person.refresh_token))


async def test_the_system_makes_admins_and_takes_the_role_back(h: Harness) -> None:
    email = new_address()
    ada = await account(h, email)
    grant = GrantAdmin(email=Personal(email))
    assert await refusal(h.send(grant, caller=caller_of(h, ada))) == "only_for_services"
    assert await refusal(h.send(grant)) == "only_for_services"
    await h.send(grant, caller=SYSTEM)
    fresh = await h.send(RefreshSession(refresh_token=ada.refresh_token))
    assert caller_of(h, fresh).is_admin
    await h.send(RevokeAdmin(email=Personal(email)), caller=SYSTEM)
    assert ended(h) == [(ada.user_id, "membership_changed")]
    late = BlockUser(user_id=(await account(h)).user_id)
    assert await refusal(h.send(late, caller=caller_of(h, fresh))) == "unauthenticated"
    unknown = GrantAdmin(email=Personal(new_address()))
    assert await refusal(h.send(unknown, caller=SYSTEM)) == "user_not_found"


async def test_an_admin_finds_blocks_and_unblocks_accounts(h: Harness) -> None:
    admin = caller_of(h, await an_admin(h))
    email = new_address()
    who = await account(h, email)
    found = await h.ask(FindUsers(email=Personal(email.upper())), caller=admin)
    assert [(one.user_id, one.state) for one in found.users] == [(who.user_id, "active")]
    block = BlockUser(user_id=who.user_id)
    await h.send(block, caller=admin)
    assert ended(h) == [(who.user_id, "blocked")]
    assert await refusal(h.send(RefreshSession(refresh_token=who.refresh_token))) == (
        "refresh_token_invalid"
    )
    assert await refusal(account(h, email)) == "wrong_credentials"
    await h.send(UnblockUser(user_id=who.user_id), caller=admin)
    assert (await account(h, email)).user_id == who.user_id
    assert admin.user_id is not None
    assert await refusal(h.send(BlockUser(user_id=admin.user_id), caller=admin)) == "not_yourself"
    plain = caller_of(h, await account(h))
    assert await refusal(h.send(block, caller=plain)) == "only_for_admins"
    assert await refusal(h.ask(FindUsers(), caller=plain)) == "only_for_admins"
    first = await h.ask(FindUsers(limit=1), caller=admin)
    second = await h.ask(FindUsers(limit=1, cursor=first.next_cursor), caller=admin)
    assert first.users != second.users
    bad = FindUsers(cursor="nonsense!")
    assert await refusal(h.ask(bad, caller=admin)) == "cursor_invalid"


async def test_an_admin_lists_and_approves_organisations(production: Harness) -> None:
    house = await a_house(production)
    admin = caller_of(production, await an_admin(production))
    waiting = await production.ask(FindOrganisations(approved=False), caller=admin)
    assert [one.organisation_id for one in waiting.organisations] == [house.organisation_id]
    approve = ApproveOrganisation(organisation_id=house.organisation_id)
    assert await refusal(production.send(approve, caller=house.caller)) == "only_for_admins"
    approved = await production.send(approve, caller=admin)
    assert (approved.approved, approved.version) == (True, 2)
    assert (await production.send(approve, caller=admin)).version == 2
    waiting = await production.ask(FindOrganisations(approved=False), caller=admin)
    assert waiting.organisations == []


def sample() -> SampleOrganisation:
    return SampleOrganisation(
        organisation_id=OrganisationId(uuid4()),
        legal_name="Made-up Charging Ltd",
        address="1 Sample Street",
        country="US",
        contact_email="contact@sample.evslot.example",
        phone="+12125550100",
    )


async def test_sample_people_sign_in_and_the_operator_owns_the_samples(h: Harness) -> None:
    one, two = sample(), sample()
    for asked, made in (((one,), 1), ((one, two), 1), ((one, two), 0)):
        command = EnsureSampleOrganisations(organisations=asked)
        owner = await h.send(command, caller=SYSTEM)
        assert owner.made == made
    operator = await h.send(OpenSampleSession(role="operator"))
    assert operator.user_id == owner.user_id
    assert caller_of(h, operator).organisations == {
        one.organisation_id: "owner",
        two.organisation_id: "owner",
    }
    admin = await h.send(OpenSampleSession(role="admin"))
    assert caller_of(h, admin).is_admin
    ada = await h.send(OpenSampleSession(role="driver"))
    assert (await h.send(OpenSampleSession(role="driver"))).user_id == ada.user_id
    await h.send(EraseUser(user_id=ada.user_id), caller=caller_of(h, ada))
    again = await h.send(OpenSampleSession(role="driver"))
    me = await h.ask(GetMe(user_id=ada.user_id), caller=caller_of(h, again))
    assert me.email == Personal("driver@sample.evslot.example")
    assert await refusal(h.send(command, caller=caller_of(h, admin))) == "only_for_services"


async def test_there_are_no_sample_people_in_production(production: Harness) -> None:
    opening = OpenSampleSession(role="admin")
    assert await refusal(production.send(opening)) == "sample_accounts_off"
    ensuring = EnsureSampleOrganisations(organisations=(sample(),))
    assert await refusal(production.send(ensuring, caller=SYSTEM)) == "sample_accounts_off"
    assert await production.fetch_value("select count(*) from account") == 0
