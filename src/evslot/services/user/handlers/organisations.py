"""Organisations: registered by whoever becomes their owner, changed by owners."""

from evslot.services.user import store
from evslot.services.user.domain.organisations import (
    MAX_PER_PERSON,
    changed_organisation,
    checked_organisation,
    sample_organisation,
)
from evslot.services.user.domain.samples import sample_person
from evslot.services.user.domain.sessions import Settings
from evslot.services.user.handlers import callers
from evslot.services.user.handlers.sessions import ensure_sample_person
from evslot.services.user.messages import (
    ChangeOrganisation,
    CreateOrganisation,
    EnsureSampleOrganisations,
    OrganisationChanged,
    OrganisationCreated,
    OrganisationExists,
    OrganisationNotFound,
    OrganisationView,
    SampleAccountsOff,
    SampleOwner,
    TooManyOrganisations,
)
from evslot.spine.config import SharedSettings
from evslot.spine.handling import Handlers
from evslot.spine.transaction import Transaction
from evslot.values import UserId

handlers = Handlers()


@handlers.on(CreateOrganisation)
async def create_organisation(command: CreateOrganisation, tx: Transaction) -> OrganisationCreated:
    owner_id, _ = await callers.person(tx, tx.caller)
    wanted = checked_organisation(command)
    if await store.count_organisations(tx, owner_id) >= MAX_PER_PERSON:
        raise TooManyOrganisations(limit=MAX_PER_PERSON)
    approved = bool(tx.resource(Settings).approve_organisations)
    created = await _create(tx, wanted, owner_id, approved)
    if created is None:
        raise OrganisationExists()
    return created


@handlers.on(ChangeOrganisation)
async def change_organisation(command: ChangeOrganisation, tx: Transaction) -> OrganisationView:
    owner_id = await callers.owner(tx, command.organisation_id)
    present = await store.lock_organisation(tx, command.organisation_id)
    if present is None:
        raise OrganisationNotFound()
    view = await store.update_organisation(tx, changed_organisation(present, command), owner_id)
    tx.emit(
        OrganisationChanged(
            organisation_id=view.organisation_id,
            legal_name=view.legal_name,
            country=view.country,
            approved=view.approved,
            version=view.version,
        )
    )
    return view


@handlers.on(EnsureSampleOrganisations)
async def ensure_sample_organisations(
    command: EnsureSampleOrganisations, tx: Transaction
) -> SampleOwner:
    """Asked again, it makes what is missing."""
    tx.caller.require_system()
    if not tx.resource(SharedSettings).in_development:
        raise SampleAccountsOff()
    owner = sample_person("operator")
    await ensure_sample_person(tx, owner)
    made = 0
    for sample in command.organisations:
        wanted = sample_organisation(sample)
        if await _create(tx, wanted, owner.user_id, approved=True) is not None:
            made += 1
        else:
            await store.insert_member(tx, wanted.organisation_id, owner.user_id, "owner")
    if await store.count_organisations(tx, owner.user_id) > MAX_PER_PERSON:
        raise TooManyOrganisations(limit=MAX_PER_PERSON)
    return SampleOwner(user_id=owner.user_id, made=made)


async def _create(
    tx: Transaction, wanted: CreateOrganisation, owner_id: UserId, approved: bool
) -> OrganisationCreated | None:
    """None where the id is taken."""
    if not await store.insert_organisation(tx, wanted, owner_id, approved):
        return None
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
