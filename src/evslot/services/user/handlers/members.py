"""Who belongs to an organisation: joined, given another role, taken out."""

from evslot.services.user import store
from evslot.services.user.domain.membership import check_owner_stays, loses_rights
from evslot.services.user.handlers import callers
from evslot.services.user.handlers.sessions import end_all_sessions
from evslot.services.user.messages import (
    ChangeMember,
    MemberNotFound,
    MemberRole,
    MembershipChanged,
    OrganisationNotFound,
    RemoveMember,
)
from evslot.spine.handling import Handlers
from evslot.spine.transaction import Transaction
from evslot.values import OrganisationId, UserId

handlers = Handlers()


@handlers.on(ChangeMember)
async def change_member(command: ChangeMember, tx: Transaction) -> MembershipChanged:
    await callers.owner(tx, command.organisation_id)
    old = await store.role_in(tx, command.organisation_id, command.user_id)
    if old is None:
        raise MemberNotFound()
    return await _change(tx, command.organisation_id, command.user_id, old, command.role)


@handlers.on(RemoveMember)
async def remove_member(command: RemoveMember, tx: Transaction) -> MembershipChanged:
    """Owners take anybody out, everybody themself."""
    caller_id, _ = await callers.person(tx, tx.caller)
    if caller_id != command.user_id:
        await callers.owner(tx, command.organisation_id)
    elif await store.lock_organisation(tx, command.organisation_id) is None:
        raise OrganisationNotFound()
    old = await store.role_in(tx, command.organisation_id, command.user_id)
    if old is None:
        raise OrganisationNotFound() if caller_id == command.user_id else MemberNotFound()
    return await _change(tx, command.organisation_id, command.user_id, old, None)


async def join(
    tx: Transaction, organisation_id: OrganisationId, user_id: UserId, role: MemberRole
) -> None:
    """What a person gains stands in the next access token; nobody is signed out for it."""
    if await store.insert_member(tx, organisation_id, user_id, role):
        await _tell(tx, organisation_id, user_id, role)


async def _change(
    tx: Transaction,
    organisation_id: OrganisationId,
    user_id: UserId,
    old: MemberRole,
    new: MemberRole | None,
) -> MembershipChanged:
    """Sessions end for rights that were accepted only: nobody else's can be ended by inviting."""
    check_owner_stays(old, new, await store.count_owners(tx, organisation_id))
    if new is None:
        await store.delete_member(tx, organisation_id, user_id)
    else:
        await store.update_member(tx, organisation_id, user_id, new)
    if loses_rights(old, new):
        await end_all_sessions(tx, user_id, "membership_changed")
    return await _tell(tx, organisation_id, user_id, new)


async def _tell(
    tx: Transaction, organisation_id: OrganisationId, user_id: UserId, role: MemberRole | None
) -> MembershipChanged:
    version = await store.raise_version(tx, organisation_id)
    changed = MembershipChanged(
        organisation_id=organisation_id, user_id=user_id, role=role, version=version
    )
    tx.emit(changed)
    return changed
