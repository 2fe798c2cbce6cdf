"""The account itself: profile, address, vehicles, export, erasure; and what admins do to it."""

from typing import Literal

from evslot.services.user.messages.events import (
    AdminGranted,
    AdminRevoked,
    UserBlocked,
    UserErased,
    UserUnblocked,
)
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


class GetMe(Query[Me], frozen=True, kw_only=True):
    """The caller's own account."""

    user_id: UserId

    def key(self) -> str:
        return str(self.user_id)


class GetContact(Query[Contact], frozen=True, kw_only=True):
    """How to reach a person; only services may ask."""

    user_id: UserId

    def key(self) -> str:
        return str(self.user_id)


class ChangeProfile(Command[Me], frozen=True, kw_only=True):
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

    def key(self) -> str:
        return str(self.user_id)


class ChangeEmail(Command[Me], frozen=True, kw_only=True):
    """Make an address the account's, with the code mailed there; the old address is told."""

    user_id: UserId
    email: Personal[str]
    code: Secret[str]

    def key(self) -> str:
        return str(self.user_id)


class ListVehicles(Query[Vehicles], frozen=True, kw_only=True):
    """The caller's cars."""

    user_id: UserId

    def key(self) -> str:
        return str(self.user_id)


class AddVehicle(Command[Vehicle], frozen=True, kw_only=True):
    """A car more of the caller."""

    user_id: UserId
    vehicle_id: VehicleId
    """Made by the edge from the command id, so that a repeat names the same one."""
    name: Personal[str]
    connector: str
    battery_wh: int | None = None
    max_ac_watts: int | None = None
    max_dc_watts: int | None = None

    def key(self) -> str:
        return str(self.user_id)


class ChangeVehicle(Command[Vehicle], frozen=True, kw_only=True):
    """Say anew what a car of the caller is, all of it."""

    user_id: UserId
    vehicle_id: VehicleId
    name: Personal[str]
    connector: str
    battery_wh: int | None = None
    max_ac_watts: int | None = None
    max_dc_watts: int | None = None

    def key(self) -> str:
        return str(self.user_id)


class RemoveVehicle(Command[VehicleRemoved], frozen=True, kw_only=True):
    """Take a car of the caller out; bookings made with it stay."""

    user_id: UserId
    vehicle_id: VehicleId

    def key(self) -> str:
        return str(self.user_id)


class GetExport(Query[Export], frozen=True, kw_only=True):
    """Everything the user service holds about the caller."""

    user_id: UserId

    def key(self) -> str:
        return str(self.user_id)


class EraseUser(Command[UserErased], frozen=True, kw_only=True):
    """Empty the caller's account for good and end all its sessions; ids stay for the ledger."""

    user_id: UserId

    def key(self) -> str:
        return str(self.user_id)


class FindUsers(Query[FoundUsers], frozen=True, kw_only=True):
    """Accounts, newest first or by address; only platform admins may ask."""

    email: Personal[str] | None = None
    limit: int = 20
    cursor: str | None = None

    def key(self) -> None:
        return None


class BlockUser(Command[UserBlocked], frozen=True, kw_only=True):
    """Shut a person out: no sign-in, all sessions end; only platform admins may."""

    user_id: UserId

    def key(self) -> str:
        return str(self.user_id)


class UnblockUser(Command[UserUnblocked], frozen=True, kw_only=True):
    """Let a person who was shut out sign in again; only platform admins may."""

    user_id: UserId

    def key(self) -> str:
        return str(self.user_id)


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
