"""Who belongs to an organisation: invited, given another role, taken out."""

from datetime import timedelta

from msgspec.structs import replace

from evslot.services.notification import messages as notification
from evslot.services.user import store
from evslot.services.user.domain.emails import normal_email
from evslot.services.user.domain.membership import (
    INVITATION_DAYS,
    MAX_MEMBERS,
    check_owner_stays,
    loses_rights,
)
from evslot.services.user.domain.organisations import MAX_PER_PERSON
from evslot.services.user.handlers import callers
from evslot.services.user.handlers.sessions import end_all_sessions
from evslot.services.user.messages import (
    AlreadyMember,
    ChangeMember,
    InvitationNotFound,
    InvitationWithdrawn,
    Invited,
    InviteMember,
    MemberNotFound,
    MemberRole,
    MembershipChanged,
    OrganisationNotFound,
    RemoveMember,
    TooManyMembers,
    TooManyOrganisations,
    WithdrawInvitation,
)
from evslot.spine.handling import Handlers
from evslot.spine.message import Personal
from evslot.spine.transaction import Transaction
from evslot.values import OrganisationId, UserId

handlers = Handlers()


@handlers.on(InviteMember)
async def invite_member(command: InviteMember, tx: Transaction) -> Invited:
    inviter, legal_name = await _inviting(tx, command.organisation_id)
    email = normal_email(command.email.value)
    if await store.count_belonging(tx, command.organisation_id) >= MAX_MEMBERS:
        raise TooManyMembers(limit=MAX_MEMBERS)
    account = await store.account_of(tx, email)
    if account is None or not account.active:
        invitation = await store.upsert_invitation(
            tx,
            command.organisation_id,
            command.invitation_id,
            email,
            command.role,
            inviter,
            tx.now + timedelta(days=INVITATION_DAYS),
        )
        if invitation.invitation_id == command.invitation_id:  # not a renewed one: one mail
            language = await _language_of(tx, inviter)
            notice = _notice("organisation_invited", email, language, command.role, legal_name, tx)
            tx.send(replace(notice, until=invitation.expires_at))
        return Invited(invitation=invitation)
    if await store.role_in(tx, command.organisation_id, account.user_id) is not None:
        raise AlreadyMember()
    if await store.count_organisations(tx, account.user_id) >= MAX_PER_PERSON:
        raise TooManyOrganisations("This person belongs to as many organisations as one can.")
    await _join(tx, command.organisation_id, account.user_id, command.role)
    if (person := await store.addressee(tx, account.user_id)) is not None:
        language, name = person.language, person.name
        notice = _notice("organisation_joined", email, language, command.role, legal_name, tx)
        tx.send(replace(notice, name=Personal(name) if name else None))
    return Invited(member=await store.read_member(tx, command.organisation_id, account.user_id))


@handlers.on(WithdrawInvitation)
async def withdraw_invitation(command: WithdrawInvitation, tx: Transaction) -> InvitationWithdrawn:
    await callers.owner(tx, command.organisation_id)
    if not await store.delete_invitation(tx, command.organisation_id, command.invitation_id):
        raise InvitationNotFound()
    return InvitationWithdrawn(invitation_id=command.invitation_id)


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


async def accept_invitations(tx: Transaction, user_id: UserId, email: str) -> None:
    """Whoever proved an address belongs to whatever invited it, up to the limit of one person."""
    room = MAX_PER_PERSON - await store.count_organisations(tx, user_id)
    for taken in await store.take_invitations(tx, email, max(room, 0)):
        await _join(tx, taken["organisation_id"], user_id, taken["role"])


async def _inviting(tx: Transaction, organisation_id: OrganisationId) -> tuple[UserId, str]:
    """Who invites, and for whom: the organisation is locked."""
    inviter = await callers.owner(tx, organisation_id)
    organisation = await store.lock_organisation(tx, organisation_id)
    if organisation is None:
        raise OrganisationNotFound()
    return inviter, organisation.legal_name


async def _language_of(tx: Transaction, inviter: UserId) -> str:
    """Whoever has no account yet is written to in the language of who invites them."""
    person = await store.addressee(tx, inviter)
    return person.language if person else "en"


def _notice(
    fact: notification.AccountFact,
    email: str,
    language: str,
    role: MemberRole,
    organisation: str,
    tx: Transaction,
) -> notification.SendAccountNotice:
    return notification.SendAccountNotice(
        email=Personal(email),
        fact=fact,
        language=language,
        happened_at=tx.now,
        organisation=organisation,
        role=role,
    )


async def _join(
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
