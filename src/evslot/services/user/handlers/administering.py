"""What platform admins do: approve organisations, shut people out; and who is one."""

from evslot.services.user import store
from evslot.services.user.domain.emails import normal_email
from evslot.services.user.handlers import callers
from evslot.services.user.handlers.sessions import end_all_sessions
from evslot.services.user.messages import (
    AdminGranted,
    AdminRevoked,
    ApproveOrganisation,
    BlockUser,
    GrantAdmin,
    NotYourself,
    OrganisationChanged,
    OrganisationNotFound,
    RevokeAdmin,
    UnblockUser,
    UserBlocked,
    UserNotFound,
    UserUnblocked,
)
from evslot.spine.handling import Handlers
from evslot.spine.message import Personal
from evslot.spine.transaction import Transaction

handlers = Handlers()


@handlers.on(ApproveOrganisation)
async def approve_organisation(
    command: ApproveOrganisation, tx: Transaction
) -> OrganisationChanged:
    await callers.admin(tx)
    view = await store.approve_organisation(tx, command.organisation_id)
    if view is None:
        raise OrganisationNotFound()
    approved = OrganisationChanged(
        organisation_id=view.organisation_id,
        legal_name=view.legal_name,
        country=view.country,
        approved=True,
        version=view.version,
    )
    tx.emit(approved)
    return approved


@handlers.on(BlockUser)
async def block_user(command: BlockUser, tx: Transaction) -> UserBlocked:
    """Blocking again ends nothing more, and is no error."""
    if await callers.admin(tx) == command.user_id:
        raise NotYourself()
    if await store.lock_account_state(tx, command.user_id) is None:
        raise UserNotFound()
    version = await store.update_account_state(tx, command.user_id, "blocked")
    await end_all_sessions(tx, command.user_id, "blocked")
    blocked = UserBlocked(user_id=command.user_id, version=version)
    tx.emit(blocked)
    return blocked


@handlers.on(UnblockUser)
async def unblock_user(command: UnblockUser, tx: Transaction) -> UserUnblocked:
    await callers.admin(tx)
    if await store.lock_account_state(tx, command.user_id) is None:
        raise UserNotFound()
    version = await store.update_account_state(tx, command.user_id, "active")
    unblocked = UserUnblocked(user_id=command.user_id, version=version)
    tx.emit(unblocked)
    return unblocked


@handlers.on(GrantAdmin)
async def grant_admin(command: GrantAdmin, tx: Transaction) -> AdminGranted:
    """Seen with the next access token: the first admin has nobody to ask but the system."""
    tx.caller.require_system()
    account = await _account(tx, command.email)
    roles = sorted({*account.roles, "admin"})
    version = await store.update_roles(tx, account.user_id, roles)
    granted = AdminGranted(user_id=account.user_id, version=version)
    tx.emit(granted)
    return granted


@handlers.on(RevokeAdmin)
async def revoke_admin(command: RevokeAdmin, tx: Transaction) -> AdminRevoked:
    tx.caller.require_system()
    account = await _account(tx, command.email)
    roles = sorted({*account.roles} - {"admin"})
    version = await store.update_roles(tx, account.user_id, roles)
    await end_all_sessions(tx, account.user_id, "membership_changed")
    revoked = AdminRevoked(user_id=account.user_id, version=version)
    tx.emit(revoked)
    return revoked


async def _account(tx: Transaction, email: Personal[str]) -> store.Account:
    account = await store.account_of(tx, normal_email(email.value))
    if account is None:
        raise UserNotFound()
    return account
