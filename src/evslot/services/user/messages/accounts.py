"""The account itself: profile, address, vehicles, export, erasure; and what admins do to it."""

from typing import Literal

from evslot.services.user.messages.events import (
    AdminGranted,
    AdminRevoked,
    UserBlocked,
    UserErased,
    UserUnblocked,
)
from evslot.services.user.messages.keys import OfUser
from evslot.services.user.messages.views import (
    Contact,
    Export,
    FoundUsers,
    Me,
    Units,
    Vehicle,
    VehicleRemoved,
    Vehicles,
)
from evslot.spine.message import Command, Personal, Query, Secret
from evslot.values import UserId, VehicleId

ProfileField = Literal["name", "phone", "company", "vat_id", "invoice_address"]


class GetMe(OfUser, Query[Me], frozen=True, kw_only=True):
    """The caller's own account."""

    user_id: UserId


class GetContact(OfUser, Query[Contact], frozen=True, kw_only=True):
    """How to reach a person; only services may ask."""

    user_id: UserId


class ChangeProfile(OfUser, Command[Me], frozen=True, kw_only=True):
    """Change what the caller says of themself; what is None stays as it is."""

    user_id: UserId
    name: Personal[str] | None = None
    phone: Personal[str] | None = None
    """E.164."""
    company: Personal[str] | None = None
    vat_id: Personal[str] | None = None
    invoice_address: Personal[str] | None = None
    language: str | None = None
    zone: str | None = None
    units: Units | None = None
    emptied: tuple[ProfileField, ...] = ()
    """Fields that are to say nothing any more."""


class ChangeEmail(OfUser, Command[Me], frozen=True, kw_only=True):
    """Make an address the account's, with the code mailed there; the old address is told.

    Besides, it is proven by the present password or by a code mailed to the old address, exactly
    one of them: whoever has stolen a session must not get the account. All other sessions end.
    """

    user_id: UserId
    email: Personal[str]
    code: Secret[str]
    """The one of `RequestEmailCode`."""
    present: Secret[str] | None = None
    """The password."""
    present_code: Secret[str] | None = None
    """The one of `RequestPasswordCode` for the address that the account still has."""


class ListVehicles(OfUser, Query[Vehicles], frozen=True, kw_only=True):
    """The caller's cars."""

    user_id: UserId


class AddVehicle(OfUser, Command[Vehicle], frozen=True, kw_only=True):
    """A car more of the caller."""

    user_id: UserId
    vehicle_id: VehicleId
    """Made by the edge from the command id, so that a repeat names the same one."""
    name: Personal[str]
    connector: str
    battery_wh: int | None = None
    max_ac_watts: int | None = None
    max_dc_watts: int | None = None


class ChangeVehicle(OfUser, Command[Vehicle], frozen=True, kw_only=True):
    """Say anew what a car of the caller is, all of it."""

    user_id: UserId
    vehicle_id: VehicleId
    name: Personal[str]
    connector: str
    battery_wh: int | None = None
    max_ac_watts: int | None = None
    max_dc_watts: int | None = None


class RemoveVehicle(OfUser, Command[VehicleRemoved], frozen=True, kw_only=True):
    """Take a car of the caller out; bookings made with it stay."""

    user_id: UserId
    vehicle_id: VehicleId


class GetExport(OfUser, Query[Export], frozen=True, kw_only=True):
    """Everything the user service holds about the caller."""

    user_id: UserId


class EraseUser(OfUser, Command[UserErased], frozen=True, kw_only=True):
    """Empty the caller's account for good and end all its sessions; ids stay for the ledger."""

    user_id: UserId


class FindUsers(Query[FoundUsers], frozen=True, kw_only=True):
    """Accounts, newest first or by address; only platform admins may ask."""

    email: Personal[str] | None = None
    limit: int = 20
    cursor: str | None = None

    def key(self) -> None:
        return None


class BlockUser(OfUser, Command[UserBlocked], frozen=True, kw_only=True):
    """Shut a person out: no sign-in, all sessions end; only platform admins may."""

    user_id: UserId


class UnblockUser(OfUser, Command[UserUnblocked], frozen=True, kw_only=True):
    """Let a person who was shut out sign in again; only platform admins may."""

    user_id: UserId


class GrantAdmin(Command[AdminGranted], frozen=True, kw_only=True):
    """Make an account a platform admin's; only the system may: `evslot admin grant`."""

    email: Personal[str]

    def key(self) -> None:
        return None


class RevokeAdmin(Command[AdminRevoked], frozen=True, kw_only=True):
    """Make a platform admin an ordinary person again; only the system may."""

    email: Personal[str]

    def key(self) -> None:
        return None
