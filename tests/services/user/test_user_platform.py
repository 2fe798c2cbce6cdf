"""What platform admins do, and who the sample people are."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from tests.harness import Harness
from tests.services.user.houses import a_house, ended
from tests.services.user.people import account, caller_of, h, new_address, refusal

from evslot.embedded.throwaway import PostgresServer
from evslot.services.user.messages import (
    ApproveOrganisation,
    BlockUser,
    EnsureSampleOrganisations,
    EraseUser,
    FindOrganisations,
    FindUsers,
    GetMe,
    GrantAdmin,
    OpenSampleSession,
    RefreshSession,
    RevokeAdmin,
    SampleOrganisation,
    SignedIn,
    UnblockUser,
)
from evslot.services.user.service import SERVICE
from evslot.spine.callers import SYSTEM
from evslot.spine.message import Personal
from evslot.values import OrganisationId

__all__ = ["h"]
pytestmark = pytest.mark.anyio


@pytest.fixture
async def production(postgres_server: PostgresServer) -> AsyncIterator[Harness]:
    env = {"EVSLOT_ENVIRONMENT": "production"}
    async with Harness(SERVICE, postgres_server, env) as harness:
        yield harness


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
