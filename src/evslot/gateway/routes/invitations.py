"""Invitations to the caller: who wants them to belong, accepted or declined."""

from litestar import delete, get, post
from litestar.params import FromPath

from evslot.gateway.description import described
from evslot.gateway.visitors import Driver
from evslot.services.user import messages as user
from evslot.values import OrganisationId


@get("/v1/me/invitations", opt=described(user.UserNotFound, user.NotForApiKeys, tag="Accounts"))
async def list_invitations(driver: Driver) -> user.ReceivedInvitations:
    """Organisations that invited the caller's address, newest first, until they are answered."""
    return await driver.ask(user.ListInvitations(user_id=driver.user_id))


@post(
    "/v1/me/invitations/{organisation_id:uuid}/acceptance",
    opt=described(
        user.InvitationNotFound, user.TooManyOrganisations, user.NotForApiKeys, tag="Accounts"
    ),
)
async def accept_invitation(
    organisation_id: FromPath[OrganisationId], driver: Driver
) -> user.OrganisationView:
    """Belong to the organisation, in the role it offers; the next access token says so.

    Accepting again changes nothing.
    """
    return await driver.send(user.AcceptInvitation(organisation_id=organisation_id))


@delete(
    "/v1/me/invitations/{organisation_id:uuid}",
    opt=described(user.InvitationNotFound, user.NotForApiKeys, tag="Accounts"),
)
async def decline_invitation(organisation_id: FromPath[OrganisationId], driver: Driver) -> None:
    """Decline an invitation: it is gone."""
    await driver.send(user.DeclineInvitation(organisation_id=organisation_id))


ROUTES = [list_invitations, accept_invitation, decline_invitation]
