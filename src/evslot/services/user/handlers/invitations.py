"""Invitations: sent and taken back by owners, accepted or declined by whoever has the address."""

from datetime import timedelta

from evslot.services.notification import messages as notification
from evslot.services.user import store
from evslot.services.user.domain.emails import normal_email
from evslot.services.user.domain.membership import (
    INVITATION_DAYS,
    MAX_MEMBERS,
    may_be_mailed,
)
from evslot.services.user.domain.organisations import MAX_PER_PERSON
from evslot.services.user.handlers import callers
from evslot.services.user.handlers.codes import address_mac
from evslot.services.user.handlers.members import join
from evslot.services.user.handlers.notices import send_notice
from evslot.services.user.messages import (
    AcceptInvitation,
    AlreadyMember,
    DeclineInvitation,
    Invitation,
    InvitationDeclined,
    InvitationNotFound,
    InvitationWithdrawn,
    Invited,
    InviteMember,
    OrganisationNotFound,
    OrganisationView,
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
    """Nobody is a member by this: with an account or without, one is asked, and told alike.

    That an address is a member's is no secret from the owner who invites: they see who belongs.
    """
    inviter = await callers.owner(tx, command.organisation_id)
    email = normal_email(command.email.value)
    if await store.count_belonging(tx, command.organisation_id) >= MAX_MEMBERS:
        raise TooManyMembers(limit=MAX_MEMBERS)
    account = await store.account_of(tx, email)
    if account and await store.role_in(tx, command.organisation_id, account.user_id) is not None:
        raise AlreadyMember()
    invitation = await store.upsert_invitation(
        tx,
        command.organisation_id,
        command.invitation_id,
        email,
        command.role,
        inviter,
        tx.now + timedelta(days=INVITATION_DAYS),
    )
    fresh = invitation.invitation_id == command.invitation_id  # not a renewed one: one mail
    if fresh and await _may_mail(tx, command.organisation_id, email):
        asked = await store.addressee(tx, account.user_id) if account else None
        await _mail_invitation(tx, command.organisation_id, invitation, inviter, asked)
    return Invited(invitation=invitation)


@handlers.on(WithdrawInvitation)
async def withdraw_invitation(command: WithdrawInvitation, tx: Transaction) -> InvitationWithdrawn:
    await callers.owner(tx, command.organisation_id)
    if not await store.delete_invitation(tx, command.organisation_id, command.invitation_id):
        raise InvitationNotFound()
    return InvitationWithdrawn(invitation_id=command.invitation_id)


@handlers.on(AcceptInvitation)
async def accept_invitation(command: AcceptInvitation, tx: Transaction) -> OrganisationView:
    """Whoever belongs already is shown the same: the first answer may have been lost."""
    person = await _asked(tx, command.organisation_id)
    if await store.role_in(tx, command.organisation_id, person.user_id) is not None:
        return await _own(tx, command.organisation_id, person.user_id)
    role = await store.role_offered(tx, command.organisation_id, person.email)
    if role is None:
        raise InvitationNotFound()
    if await store.count_organisations(tx, person.user_id) >= MAX_PER_PERSON:
        raise TooManyOrganisations(limit=MAX_PER_PERSON)
    await store.delete_invitation_to(tx, command.organisation_id, person.email)
    await join(tx, command.organisation_id, person.user_id, role)
    organisation = await _own(tx, command.organisation_id, person.user_id)
    # So that somebody else in the account cannot accept for them unseen.
    send_notice(
        tx, person, fact="organisation_joined", organisation=organisation.legal_name, role=role
    )
    return organisation


@handlers.on(DeclineInvitation)
async def decline_invitation(command: DeclineInvitation, tx: Transaction) -> InvitationDeclined:
    person = await _asked(tx, command.organisation_id)
    if await store.role_offered(tx, command.organisation_id, person.email) is None:
        raise InvitationNotFound()
    await store.delete_invitation_to(tx, command.organisation_id, person.email)
    return InvitationDeclined(organisation_id=command.organisation_id)


async def _asked(tx: Transaction, organisation_id: OrganisationId) -> store.Addressee:
    """Who answers an invitation, by the address they have proven.

    The organisation is locked, as by all who change who belongs to it; and the account, so that
    nobody accepts two at once and belongs to more than one can.
    """
    user_id, _ = await callers.person(tx, tx.caller)
    if await store.lock_organisation(tx, organisation_id) is None:
        raise InvitationNotFound()
    await store.lock_account_state(tx, user_id)
    person = await store.addressee(tx, user_id)
    if person is None:
        raise InvitationNotFound()
    return person


async def _own(
    tx: Transaction, organisation_id: OrganisationId, user_id: UserId
) -> OrganisationView:
    own = await store.read_own_organisations(tx, user_id)
    return next(view for view in own if view.organisation_id == organisation_id)


async def _may_mail(tx: Transaction, organisation_id: OrganisationId, email: str) -> bool:
    """Counts the mail if so. Whoever invites is told the same whether or not one goes out."""
    found_by = address_mac(tx, email)
    sent = await store.count_invitation_mails(tx, organisation_id, found_by)
    if not may_be_mailed(sent.of_both, sent.to_address, sent.of_organisation):
        return False
    await store.insert_invitation_mail(tx, organisation_id, found_by)
    return True


async def _mail_invitation(
    tx: Transaction,
    organisation_id: OrganisationId,
    invitation: Invitation,
    inviter: UserId,
    asked: store.Addressee | None,
) -> None:
    """Whoever has no account yet is written to in the language of who invites them."""
    organisation = await store.lock_organisation(tx, organisation_id)
    if organisation is None:
        raise OrganisationNotFound()
    writer = asked or await store.addressee(tx, inviter)
    tx.send(
        notification.SendAccountNotice(
            email=invitation.email,
            fact="organisation_invited",
            language=writer.language if writer else "en",
            happened_at=tx.now,
            name=Personal(asked.name) if asked and asked.name else None,
            organisation=organisation.legal_name,
            role=invitation.role,
            until=invitation.expires_at,
        )
    )
