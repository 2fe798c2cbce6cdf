"""Organisations, and who is told what about whom."""

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace
from tests.harness import Harness, driver
from tests.services.user.people import account, caller_of, enter, h, new_address, refusal, register

from evslot.embedded.throwaway import PostgresServer
from evslot.services.user.messages import (
    CreateOrganisation,
    EndSession,
    GetContact,
    GetMe,
    GetOrganisation,
    OrganisationCreated,
    RefreshSession,
)
from evslot.services.user.service import SERVICE
from evslot.spine.callers import SYSTEM
from evslot.spine.message import Personal
from evslot.spine.republishing import republish
from evslot.values import OrganisationId, UserId, new_id

__all__ = ["h"]
pytestmark = pytest.mark.anyio


def wanted() -> CreateOrganisation:
    return CreateOrganisation(
        organisation_id=OrganisationId(new_id()),
        legal_name="Stadtwerke Beispiel GmbH",
        address="Hauptstr. 1, 10115 Berlin",
        country="de",
        contact_email="Info@Stadtwerke.example",
        phone="+49 30 123456",
        vat_id="DE123456789",
        register="HRB 1",
    )


@pytest.fixture
async def production(postgres_server: PostgresServer) -> AsyncIterator[Harness]:
    env = {"EVSLOT_ENVIRONMENT": "production"}
    async with Harness(SERVICE, postgres_server, env) as harness:
        yield harness


async def test_whoever_registers_an_organisation_owns_it_with_the_next_token(h: Harness) -> None:
    signed_in = await account(h)
    command = wanted()
    created = await h.send(command, caller=caller_of(h, signed_in))
    assert created == OrganisationCreated(
        organisation_id=command.organisation_id,
        legal_name="Stadtwerke Beispiel GmbH",
        country="DE",
        owner_id=signed_in.user_id,
        approved=True,
        version=1,
    )
    assert h.events[1:] == [created]
    assert caller_of(h, signed_in).organisations == {}
    fresh = await h.send(RefreshSession(refresh_token=signed_in.refresh_token))
    owner = caller_of(h, fresh)
    assert owner.organisations == {command.organisation_id: "owner"}
    view = await h.ask(GetOrganisation(organisation_id=command.organisation_id), caller=owner)
    assert (view.phone, view.contact_email) == ("+4930123456", "info@stadtwerke.example")
    assert (view.role, view.approved, view.vat_id) == ("owner", True, "DE123456789")
    me = await h.ask(GetMe(user_id=signed_in.user_id), caller=owner)
    assert me.organisations == [view]


async def test_in_production_an_organisation_waits_for_approval(production: Harness) -> None:
    signed_in = await account(production)
    created = await production.send(wanted(), caller=caller_of(production, signed_in))
    assert not created.approved


async def test_an_organisation_id_is_taken_once(h: Harness) -> None:
    command = wanted()
    await h.send(command, caller=caller_of(h, await account(h)))
    other = caller_of(h, await account(h))
    assert await refusal(h.send(command, caller=other)) == "organisation_exists"
    assert await h.fetch_value("select count(*) from member") == 1


async def test_a_person_belongs_to_twenty_organisations_at_most(h: Harness) -> None:
    signed_in = await account(h)
    caller = caller_of(h, signed_in)
    for _ in range(20):
        await h.send(wanted(), caller=caller)
    assert await refusal(h.send(wanted(), caller=caller)) == "too_many_organisations"
    fresh = await h.send(RefreshSession(refresh_token=signed_in.refresh_token))
    assert len(fresh.access_token.value) < 4096


async def test_bad_details_make_no_organisation(h: Harness) -> None:
    caller = caller_of(h, await account(h))
    bad = replace(wanted(), legal_name="\x00")
    assert await refusal(h.send(bad, caller=caller)) == "organisation_invalid"
    bad = replace(wanted(), contact_email="nobody")
    assert await refusal(h.send(bad, caller=caller)) == "email_invalid"
    assert await refusal(h.send(wanted())) == "unauthenticated"
    assert await h.fetch_value("select count(*) from organisation") == 0


async def test_strangers_do_not_see_an_organisation_but_services_do(h: Harness) -> None:
    command = wanted()
    await h.send(command, caller=caller_of(h, await account(h)))
    question = GetOrganisation(organisation_id=command.organisation_id)
    unknown = GetOrganisation(organisation_id=OrganisationId(new_id()))
    stranger = caller_of(h, await account(h))
    assert await refusal(h.ask(question, caller=stranger)) == "organisation_not_found"
    assert await refusal(h.ask(unknown, caller=stranger)) == "organisation_not_found"
    assert await refusal(h.ask(unknown, caller=SYSTEM)) == "organisation_not_found"
    assert await refusal(h.ask(question)) == "unauthenticated"
    assert (await h.ask(question, caller=SYSTEM)).role is None
    pretender = driver(stranger.user_id, organisations={command.organisation_id: "owner"})
    assert await refusal(h.ask(question, caller=pretender)) == "organisation_not_found"


async def test_a_person_sees_nobody_elses_account(h: Harness) -> None:
    anna, bob = await account(h), await account(h)
    question = GetMe(user_id=anna.user_id)
    assert await refusal(h.ask(question, caller=caller_of(h, bob))) == "user_not_found"
    assert await refusal(h.ask(question)) == "unauthenticated"
    ghost = driver()
    assert ghost.user_id is not None
    assert await refusal(h.ask(GetMe(user_id=ghost.user_id), caller=ghost)) == "user_not_found"


async def test_only_services_are_told_how_to_reach_a_person(h: Harness) -> None:
    email = new_address()
    anna = await enter(h, email, await register(h, email))
    question = GetContact(user_id=anna.user_id)
    contact = await h.ask(question, caller=SYSTEM)
    assert (contact.email, contact.name) == (Personal(email), Personal("Anna"))
    assert (contact.language, contact.zone) == ("de", "Europe/Berlin")
    assert await refusal(h.ask(question, caller=caller_of(h, anna))) == "only_for_services"
    assert await refusal(h.ask(question)) == "only_for_services"
    unknown = GetContact(user_id=UserId(new_id()))
    assert await refusal(h.ask(unknown, caller=SYSTEM)) == "user_not_found"


async def test_republishing_tells_again_what_lives(h: Harness) -> None:
    anna = await account(h)
    organisation = await h.send(wanted(), caller=caller_of(h, anna))
    gone = await account(h)
    ended = await h.send(EndSession(user_id=gone.user_id), caller=caller_of(h, gone))
    told = list(h.events)
    h.events.clear()
    assert await republish(h.wiring, h.handlers, h.database) == 4
    await h._collect()
    assert {event.key() for event in h.events} == {event.key() for event in told}
    assert organisation in h.events
    assert ended in h.events
    await h.execute(
        "update session set ended_at = now() - interval '1 hour' where ended_at is not null"
    )
    assert await republish(h.wiring, h.handlers, h.database) == 3
