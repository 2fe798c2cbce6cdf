"""Who belongs to an organisation: asked to, given another role, taken out."""

from uuid import UUID

from litestar import delete, get, post, put
from litestar.params import FromPath, JSONBody

from evslot.gateway.description import described
from evslot.gateway.parsing import Body
from evslot.gateway.people import Invited, Members, invited, opened
from evslot.gateway.routes.users import Email
from evslot.gateway.visitors import Driver
from evslot.services.user import messages as user
from evslot.spine.message import Personal
from evslot.values import OrganisationId, UserId

OWNERS = (user.NotAnOwner, user.NotForApiKeys, user.OrganisationNotFound)


class InvitationBody(Body, frozen=True, kw_only=True):
    """Who is asked to belong to the organisation, and as what."""

    email: Email
    role: user.MemberRole


class RoleBody(Body, frozen=True, kw_only=True):
    """What a member may do: owner all, manager stations and bookings, viewer look on."""

    role: user.MemberRole


@get(
    "/v1/organisations/{organisation_id:uuid}/members",
    opt=described(user.OrganisationNotFound, user.NotForApiKeys, tag="Operators"),
)
async def list_members(organisation_id: FromPath[OrganisationId], driver: Driver) -> Members:
    """Who belongs to an organisation, for its members; addresses and invitations for owners."""
    return opened(await driver.ask(user.ListMembers(organisation_id=organisation_id)), Members)


@post(
    "/v1/organisations/{organisation_id:uuid}/invitations",
    opt=described(
        *OWNERS,
        user.AlreadyMember,
        user.TooManyMembers,
        user.EmailInvalid,
        example={"email": "grace@example.org", "role": "manager"},
        tag="Operators",
    ),
)
async def invite_member(
    organisation_id: FromPath[OrganisationId], data: JSONBody[InvitationBody], driver: Driver
) -> Invited:
    """Ask somebody to belong to the organisation, by an address, which is mailed.

    Whoever proves that address sees the invitation in their account, and belongs to the
    organisation once they accept, within 30 days.
    """
    command = user.InviteMember(
        organisation_id=organisation_id,
        invitation_id=await driver.made_id("invitation"),
        email=Personal(data.email),
        role=data.role,
    )
    return invited(await driver.send(command))


@delete(
    "/v1/organisations/{organisation_id:uuid}/invitations/{invitation_id:uuid}",
    opt=described(*OWNERS, user.InvitationNotFound, tag="Operators"),
)
async def withdraw_invitation(
    organisation_id: FromPath[OrganisationId], invitation_id: FromPath[UUID], driver: Driver
) -> None:
    """Take an invitation back."""
    await driver.send(
        user.WithdrawInvitation(organisation_id=organisation_id, invitation_id=invitation_id)
    )


@put(
    "/v1/organisations/{organisation_id:uuid}/members/{user_id:uuid}",
    opt=described(
        *OWNERS, user.MemberNotFound, user.LastOwner, example={"role": "viewer"}, tag="Operators"
    ),
)
async def change_member(
    organisation_id: FromPath[OrganisationId],
    user_id: FromPath[UserId],
    data: JSONBody[RoleBody],
    driver: Driver,
) -> user.MembershipChanged:
    """Give a member another role: who loses rights is signed out, who gains sees it next time."""
    return await driver.send(
        user.ChangeMember(organisation_id=organisation_id, user_id=user_id, role=data.role)
    )


@delete(
    "/v1/organisations/{organisation_id:uuid}/members/{user_id:uuid}",
    opt=described(*OWNERS, user.MemberNotFound, user.LastOwner, tag="Operators"),
)
async def remove_member(
    organisation_id: FromPath[OrganisationId], user_id: FromPath[UserId], driver: Driver
) -> None:
    """Take somebody out of the organisation, or leave it oneself; their sessions end."""
    await driver.send(user.RemoveMember(organisation_id=organisation_id, user_id=user_id))


ROUTES = [list_members, invite_member, withdraw_invitation, change_member, remove_member]
