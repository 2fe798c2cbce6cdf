"""Organisations, who belongs to them, and the keys of their machines."""

from typing import Literal
from uuid import UUID

from evslot.services.user.messages.events import (
    MembershipChanged,
    OrganisationChanged,
    OrganisationCreated,
)
from evslot.services.user.messages.keys import OfOrganisation, OfUser
from evslot.services.user.messages.views import (
    ApiKey,
    ApiKeys,
    InvitationDeclined,
    InvitationWithdrawn,
    Invited,
    MemberRole,
    Members,
    NewApiKey,
    Organisations,
    OrganisationView,
    ReceivedInvitations,
    SampleOrganisation,
    SampleOwner,
    Scope,
)
from evslot.spine.message import Command, Personal, Query
from evslot.values import OrganisationId, UserId

OrganisationField = Literal["vat_id", "register"]


class CreateOrganisation(OfOrganisation, Command[OrganisationCreated], frozen=True, kw_only=True):
    """Register an operator; its maker becomes the owner (seen in the next access token)."""

    organisation_id: OrganisationId
    """Made by the edge from the command id, so that a repeat names the same one."""
    legal_name: str
    address: str
    country: str
    """ISO 3166-1 alpha-2."""
    contact_email: str
    phone: str
    vat_id: str | None = None
    register: str | None = None


class ChangeOrganisation(OfOrganisation, Command[OrganisationView], frozen=True, kw_only=True):
    """Change the details of an operator; what is None stays as it is. Receipts keep what was."""

    organisation_id: OrganisationId
    legal_name: str | None = None
    address: str | None = None
    country: str | None = None
    contact_email: str | None = None
    phone: str | None = None
    vat_id: str | None = None
    register: str | None = None
    emptied: tuple[OrganisationField, ...] = ()
    """Fields that are to say nothing any more."""


class ApproveOrganisation(OfOrganisation, Command[OrganisationChanged], frozen=True, kw_only=True):
    """Let an operator's stations be shown; only platform admins may."""

    organisation_id: OrganisationId


class GetOrganisation(OfOrganisation, Query[OrganisationView], frozen=True, kw_only=True):
    """One organisation, for its members; services may ask too (receipts)."""

    organisation_id: OrganisationId


class ListOrganisations(OfUser, Query[Organisations], frozen=True, kw_only=True):
    """The organisations the caller belongs to (20 at most, on one page)."""

    user_id: UserId


class FindOrganisations(Query[Organisations], frozen=True, kw_only=True):
    """All organisations by name; only platform admins may ask."""

    approved: bool | None = None
    """None = both."""
    limit: int = 20
    cursor: str | None = None

    def key(self) -> None:
        return None


class ListMembers(OfOrganisation, Query[Members], frozen=True, kw_only=True):
    """Who belongs to an organisation, for its members."""

    organisation_id: OrganisationId


class InviteMember(OfOrganisation, Command[Invited], frozen=True, kw_only=True):
    """Ask somebody to belong to the organisation, by an address; they do once they accept."""

    organisation_id: OrganisationId
    invitation_id: UUID
    email: Personal[str]
    role: MemberRole


class WithdrawInvitation(OfOrganisation, Command[InvitationWithdrawn], frozen=True, kw_only=True):
    """Take an invitation back."""

    organisation_id: OrganisationId
    invitation_id: UUID


class ListInvitations(OfUser, Query[ReceivedInvitations], frozen=True, kw_only=True):
    """Who wants the caller to belong to them, by the address that the account has proven."""

    user_id: UserId


class AcceptInvitation(OfOrganisation, Command[OrganisationView], frozen=True, kw_only=True):
    """Belong to the organisation that invited the caller, in the role it offers.

    Seen in the next access token. Accepting again changes nothing.
    """

    organisation_id: OrganisationId


class DeclineInvitation(OfOrganisation, Command[InvitationDeclined], frozen=True, kw_only=True):
    """Do away with an invitation to the caller."""

    organisation_id: OrganisationId


class ChangeMember(OfOrganisation, Command[MembershipChanged], frozen=True, kw_only=True):
    """Give a member another role; who loses rights is signed out, who gains sees it next time."""

    organisation_id: OrganisationId
    user_id: UserId
    role: MemberRole


class RemoveMember(OfOrganisation, Command[MembershipChanged], frozen=True, kw_only=True):
    """Take somebody out of the organisation; everybody may take out themself."""

    organisation_id: OrganisationId
    user_id: UserId


class ListApiKeys(OfOrganisation, Query[ApiKeys], frozen=True, kw_only=True):
    """The API keys of an organisation, for its owners."""

    organisation_id: OrganisationId


class CreateApiKey(OfOrganisation, Command[NewApiKey], frozen=True, kw_only=True):
    """Make a key with which a machine acts for the organisation."""

    organisation_id: OrganisationId
    api_key_id: UUID
    name: str
    scopes: tuple[Scope, ...]
    valid_days: int = 365


class RevokeApiKey(OfOrganisation, Command[ApiKey], frozen=True, kw_only=True):
    """Make an API key worth nothing; its access tokens are dead at once at every edge."""

    organisation_id: OrganisationId
    api_key_id: UUID


class EnsureSampleOrganisations(Command[SampleOwner], frozen=True, kw_only=True):
    """Have the sample operator own these; only the system may, in development only."""

    organisations: tuple[SampleOrganisation, ...]

    def key(self) -> None:
        return None
