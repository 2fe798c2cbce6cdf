"""Organisations: registered by whoever becomes their owner."""

from evslot.services.user import store
from evslot.services.user.domain.organisations import MAX_PER_PERSON, checked_organisation
from evslot.services.user.domain.sessions import Settings
from evslot.services.user.messages import (
    CreateOrganisation,
    OrganisationCreated,
    OrganisationExists,
    TooManyOrganisations,
)
from evslot.spine.handling import Handlers
from evslot.spine.message import Unauthenticated
from evslot.spine.transaction import Transaction

handlers = Handlers()


@handlers.on(CreateOrganisation)
async def create_organisation(command: CreateOrganisation, tx: Transaction) -> OrganisationCreated:
    owner_id = tx.caller.require_user()
    if tx.caller.session_id is None or not await store.session_is_open(tx, tx.caller.session_id):
        raise Unauthenticated()
    wanted = checked_organisation(command)
    if await store.count_organisations(tx, owner_id) >= MAX_PER_PERSON:
        raise TooManyOrganisations(limit=MAX_PER_PERSON)
    approved = bool(tx.resource(Settings).approve_organisations)
    if not await store.insert_organisation(tx, wanted, owner_id, approved):
        raise OrganisationExists()
    await store.insert_member(tx, wanted.organisation_id, owner_id, "owner")
    created = OrganisationCreated(
        organisation_id=wanted.organisation_id,
        legal_name=wanted.legal_name,
        country=wanted.country,
        owner_id=owner_id,
        approved=approved,
        version=1,
    )
    tx.emit(created)
    return created
