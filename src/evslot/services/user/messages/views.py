"""What the user service shows: accounts, sessions, vehicles, organisations, members, API keys."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

from evslot.spine.message import Personal, Secret
from evslot.values import OrganisationId, SessionId, UserId, VehicleId

MemberRole = Literal["owner", "manager", "viewer"]
Units = Literal["metric", "imperial"]
Scope = Literal["organisation:read", "organisation:manage"]
"""What an API key may do: as a viewer does, or as a manager does."""
SampleRole = Literal["driver", "operator", "admin"]


class CodeRequested(Struct, frozen=True, kw_only=True):
    """The same answer whether or not the address is known: nobody learns who has an account."""

    valid_seconds: int


class SignedIn(Struct, frozen=True, kw_only=True):
    """A new session, or the next pair of tokens of one."""

    user_id: UserId
    """The person; for an API key the id of the key."""
    session_id: SessionId
    access_token: Secret[str]
    """`<JWT>.<secret>`, valid for `access_seconds`."""
    access_seconds: int
    refresh_token: Secret[str]
    """Empty for an API key: it is exchanged again instead."""


class OrganisationView(Struct, frozen=True, kw_only=True):
    """An operator, with the legal block that receipts name."""

    organisation_id: OrganisationId
    legal_name: str
    address: str
    country: str
    vat_id: str | None
    contact_email: str
    phone: str
    approved: bool
    role: str | None = None
    """The caller's own role in it: owner, manager or viewer."""
    version: int = 1
    register: str | None = None


class Organisations(Struct, frozen=True, kw_only=True):
    """A page of organisations."""

    organisations: list[OrganisationView]
    next_cursor: str | None = None


class Me(Struct, frozen=True, kw_only=True):
    """The caller's own account."""

    user_id: UserId
    email: Personal[str]
    name: Personal[str] | None
    language: str
    zone: str
    verified: bool
    has_password: bool
    organisations: list[OrganisationView]
    phone: Personal[str] | None = None
    company: Personal[str] | None = None
    vat_id: Personal[str] | None = None
    invoice_address: Personal[str] | None = None
    units: Units = "metric"
    admin: bool = False
    version: int = 1


class Contact(Struct, frozen=True, kw_only=True):
    """How to reach a person; asked for by the notification service when it sends."""

    user_id: UserId
    email: Personal[str]
    name: Personal[str] | None
    language: str
    zone: str
    phone: Personal[str] | None = None


class SessionView(Struct, frozen=True, kw_only=True):
    """Where the caller is signed in."""

    session_id: SessionId
    opened_by: str
    """code, password, reset or sample."""
    created_at: datetime
    refreshed_at: datetime
    expires_at: datetime
    current: bool
    """Whether this very request came from it."""


class Sessions(Struct, frozen=True, kw_only=True):
    """The caller's sessions, lately used ones first (at most 100)."""

    sessions: list[SessionView]


class SessionsClosed(Struct, frozen=True, kw_only=True):
    """How many sessions were ended."""

    ended: int


class Vehicle(Struct, frozen=True, kw_only=True):
    """A car of the caller."""

    vehicle_id: VehicleId
    name: Personal[str]
    connector: str
    """OCPI ConnectorType, such as IEC_62196_T2_COMBO."""
    battery_wh: int | None = None
    max_ac_watts: int | None = None
    max_dc_watts: int | None = None


class Vehicles(Struct, frozen=True, kw_only=True):
    """The caller's cars, oldest first."""

    vehicles: list[Vehicle]


class VehicleRemoved(Struct, frozen=True, kw_only=True):
    """A car that is no longer there."""

    vehicle_id: VehicleId


class Member(Struct, frozen=True, kw_only=True):
    """Somebody who belongs to an organisation."""

    user_id: UserId
    role: MemberRole
    since: datetime
    email: Personal[str] | None
    """None unless an owner asks."""
    name: Personal[str] | None


class Invitation(Struct, frozen=True, kw_only=True):
    """An address that was asked to belong to an organisation; whoever has it decides."""

    invitation_id: UUID
    email: Personal[str]
    role: MemberRole
    expires_at: datetime


class Members(Struct, frozen=True, kw_only=True):
    """Who belongs to an organisation (at most 200), and who is invited."""

    members: list[Member]
    invitations: list[Invitation]
    """Empty unless an owner asks."""


class Invited(Struct, frozen=True, kw_only=True):
    """The same answer whether or not the address has an account: nobody learns who has one."""

    member: Member | None = None
    """Nobody any more; stored answers of earlier releases tell of who was a member at once."""
    invitation: Invitation | None = None


class InvitationWithdrawn(Struct, frozen=True, kw_only=True):
    """An invitation that no longer stands."""

    invitation_id: UUID


class ReceivedInvitation(Struct, frozen=True, kw_only=True):
    """An organisation that wants the caller to belong to it."""

    organisation_id: OrganisationId
    legal_name: str
    country: str
    role: MemberRole
    invited_at: datetime
    expires_at: datetime


class ReceivedInvitations(Struct, frozen=True, kw_only=True):
    """Open invitations to the caller's address, newest first (at most 100)."""

    invitations: list[ReceivedInvitation]


class InvitationDeclined(Struct, frozen=True, kw_only=True):
    """An organisation the caller does not want to belong to."""

    organisation_id: OrganisationId


class ApiKey(Struct, frozen=True, kw_only=True):
    """A key with which a machine acts for an organisation; the key itself is shown once."""

    api_key_id: UUID
    name: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


class NewApiKey(Struct, frozen=True, kw_only=True):
    """An API key at the only time it is shown."""

    api_key: ApiKey
    key: Secret[str]


class ApiKeys(Struct, frozen=True, kw_only=True):
    """The API keys of an organisation, newest first."""

    api_keys: list[ApiKey]


class FoundUser(Struct, frozen=True, kw_only=True):
    """An account as a platform admin sees it."""

    user_id: UserId
    email: Personal[str]
    name: Personal[str] | None
    state: Literal["active", "blocked"]
    admin: bool
    created_at: datetime


class FoundUsers(Struct, frozen=True, kw_only=True):
    """A page of accounts."""

    users: list[FoundUser]
    next_cursor: str | None = None


class Consent(Struct, frozen=True, kw_only=True):
    """What the person agreed to, or took back."""

    purpose: str
    wording: str
    """The version of the text that was shown."""
    given: bool
    at: datetime


class Export(Struct, frozen=True, kw_only=True):
    """Everything the user service holds about a person, besides fingerprints of secrets."""

    account: Me
    created_at: datetime
    password_changed_at: datetime | None
    sessions: list[SessionView]
    vehicles: list[Vehicle]
    consents: list[Consent]
    invitations: list[ReceivedInvitation] = []


class SampleOrganisation(Struct, frozen=True, kw_only=True):
    """A made-up operator of the sample data."""

    organisation_id: OrganisationId
    legal_name: str
    address: str
    country: str
    contact_email: str
    phone: str
    vat_id: str | None = None
    register: str | None = None


class SampleOwner(Struct, frozen=True, kw_only=True):
    """The sample operator, who owns all sample organisations."""

    user_id: UserId
    made: int
    """How many organisations there were not before."""


class SampleDrivers(Struct, frozen=True, kw_only=True):
    """The drivers who fill the sample with bookings, by number."""

    user_ids: tuple[UserId, ...]
