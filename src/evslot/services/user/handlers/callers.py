"""Who may: a person in an open session, on their own account, as an owner, as an admin."""

from evslot.services.user import store
from evslot.services.user.domain.membership import check_owner
from evslot.services.user.messages import (
    NotForApiKeys,
    OnlyForAdmins,
    OrganisationNotFound,
    UserNotFound,
)
from evslot.spine.callers import Caller
from evslot.spine.message import Unauthenticated
from evslot.spine.transaction import Transaction
from evslot.values import OrganisationId, SessionId, UserId


async def person(tx: Transaction, caller: Caller) -> tuple[UserId, SessionId]:
    """Somebody whose session is open now: an access token may outlive it by minutes."""
    user_id = caller.require_user()
    if "full" not in caller.scopes:
        raise NotForApiKeys()
    if caller.session_id is None or not await store.session_is_open(tx, caller.session_id):
        raise Unauthenticated()
    return user_id, caller.session_id


async def themself(tx: Transaction, caller: Caller, user_id: UserId) -> SessionId:
    """The caller on their own account; nobody learns of others'."""
    if caller.require_user() != user_id:
        raise UserNotFound()
    return (await person(tx, caller))[1]


async def owner(tx: Transaction, organisation_id: OrganisationId) -> UserId:
    """An owner, by who belongs to it now; the organisation is locked."""
    user_id, _ = await person(tx, tx.caller)
    role = await store.role_in(tx, organisation_id, user_id)
    check_owner(role, role is None and await store.owns_any(tx, user_id))
    if await store.lock_organisation(tx, organisation_id) is None:
        raise OrganisationNotFound()
    return user_id


async def admin(tx: Transaction) -> UserId:
    """A platform admin; whose role was taken is signed out, so the token says what is true."""
    user_id = tx.caller.require_user()
    if not tx.caller.is_admin:
        raise OnlyForAdmins()
    await person(tx, tx.caller)
    return user_id
