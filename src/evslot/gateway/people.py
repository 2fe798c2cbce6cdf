"""What HTTP says of people: accounts, cars, members and keys, with nothing sealed any more."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct

from evslot.services.user import messages as user
from evslot.spine.message import encode_clear
from evslot.values import UserId, VehicleId

T = TypeVar("T")

EXPORTED_ELSEWHERE = (
    "/v1/reservations",
    "/v1/payments",
    "/v1/me/payment-methods",
    "/v1/notifications",
    "/v1/me/notification-choices",
    "/v1/me/requests",
)


class Account(Struct, frozen=True, kw_only=True):
    """The caller's own account."""

    user_id: UserId
    email: str
    name: str | None
    phone: str | None
    """E.164."""
    company: str | None
    vat_id: str | None
    invoice_address: str | None
    language: str
    zone: str
    units: user.Units
    verified: bool
    has_password: bool
    admin: bool
    """Whether they are a platform admin."""
    organisations: list[user.OrganisationView]
    version: int


class Vehicle(Struct, frozen=True, kw_only=True):
    """A car of the caller."""

    vehicle_id: VehicleId
    name: str
    connector: str
    """OCPI ConnectorType, such as IEC_62196_T2_COMBO."""
    battery_wh: int | None
    max_ac_watts: int | None
    max_dc_watts: int | None


class Vehicles(Struct, frozen=True, kw_only=True):
    """The caller's cars, oldest first (20 at most)."""

    vehicles: list[Vehicle]


class AccountExport(Struct, frozen=True, kw_only=True):
    """Everything the user service holds about the caller; the rest is read where it lives."""

    account: Account
    created_at: datetime
    password_changed_at: datetime | None
    sessions: list[user.SessionView]
    vehicles: list[Vehicle]
    consents: list[user.Consent]
    invitations: list[user.ReceivedInvitation]
    """Open ones to the caller's address."""
    elsewhere: tuple[str, ...] = EXPORTED_ELSEWHERE
    """What the other services hold, each at its own address."""


class Member(Struct, frozen=True, kw_only=True):
    """Somebody who belongs to an organisation."""

    user_id: UserId
    role: user.MemberRole
    since: datetime
    email: str | None
    """Told to owners only."""
    name: str | None


class Invitation(Struct, frozen=True, kw_only=True):
    """An address that was asked to belong to the organisation, and has not answered."""

    invitation_id: UUID
    email: str
    role: user.MemberRole
    expires_at: datetime


class Members(Struct, frozen=True, kw_only=True):
    """Who belongs to an organisation (200 at most); owners see who is invited, too."""

    members: list[Member]
    invitations: list[Invitation]


class Invited(Struct, frozen=True, kw_only=True):
    """The same answer whether or not the address has an account."""

    invitation: Invitation


class NewApiKey(Struct, frozen=True, kw_only=True):
    """An API key at the only time it is shown: keep it now, and keep it secret."""

    api_key: user.ApiKey
    key: str


class FoundUser(Struct, frozen=True, kw_only=True):
    """An account as a platform admin sees it."""

    user_id: UserId
    email: str
    name: str | None
    state: str
    """active or blocked."""
    admin: bool
    created_at: datetime


class FoundUsers(Struct, frozen=True, kw_only=True):
    """A page of accounts, newest first."""

    users: list[FoundUser]
    next_cursor: str | None


def opened(value: Any, kind: type[T]) -> T:
    """An outcome with its sealed fields in clear: same names, same places."""
    return msgspec.json.decode(encode_clear(value), type=kind)


def invited(outcome: user.Invited) -> Invited:
    """An answer that an earlier release stored may tell of who became a member at once."""
    if outcome.invitation is None:
        raise user.AlreadyMember()
    return Invited(invitation=opened(outcome.invitation, Invitation))


PRESENTED: dict[type[Any], Callable[[Any], Any]] = {
    user.Me: lambda me: opened(me, Account),
    user.Vehicle: lambda vehicle: opened(vehicle, Vehicle),
    user.Invited: invited,
    user.NewApiKey: lambda made: opened(made, NewApiKey),
}
"""Outcomes of commands that hold sealed fields."""
