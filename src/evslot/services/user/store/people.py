"""Reads and writes of the person behind an account: profile, address, vehicles, sessions."""

from datetime import datetime
from typing import Any

from msgspec import Struct

from evslot.services.user.messages import Consent, Me, OrganisationView, SessionView, Vehicle
from evslot.spine.message import Personal
from evslot.spine.transaction import Reader, Row, Transaction
from evslot.values import SessionId, UserId, VehicleId


class Profile(Struct, frozen=True, kw_only=True):
    """What a person says of themself, as it is stored."""

    name: str | None
    phone: str | None
    company: str | None
    vat_id: str | None
    invoice_address: str | None
    language: str
    zone: str
    units: str


class Addressee(Struct, frozen=True, kw_only=True):
    """Where an active account's mail goes."""

    user_id: UserId
    email: str
    name: str | None
    language: str


async def read_me(reader: Reader, user_id: UserId) -> Me | None:
    """None where the account is not active."""
    row = await reader.fetch_row(
        """select account.*,
                  exists (select from account_password p where p.user_id = account.user_id)
                    as has_password
           from account where user_id = $1 and state = 'active'""",
        user_id,
    )
    if row is None:
        return None
    return Me(
        user_id=row["user_id"],
        email=Personal(row["email"]),
        name=_personal(row["name"]),
        language=row["language"],
        zone=row["zone"],
        verified=True,
        has_password=row["has_password"],
        organisations=await read_own_organisations(reader, user_id),
        phone=_personal(row["phone"]),
        company=_personal(row["company"]),
        vat_id=_personal(row["vat_id"]),
        invoice_address=_personal(row["invoice_address"]),
        units=row["units"],
        admin="admin" in row["roles"],
        version=row["version"],
    )


async def read_own_organisations(reader: Reader, user_id: UserId) -> list[OrganisationView]:
    rows = await reader.fetch(
        """select organisation.*, member.role
           from member join organisation using (organisation_id)
           where member.user_id = $1 order by member.since, organisation_id""",
        user_id,
    )
    return [organisation_view(row, row["role"]) for row in rows]


def organisation_view(row: Row, role: str | None) -> OrganisationView:
    """A row of `organisation` as it is shown to somebody of that role."""
    return OrganisationView(
        organisation_id=row["organisation_id"],
        legal_name=row["legal_name"],
        address=row["address"],
        country=row["country"],
        vat_id=row["vat_id"],
        contact_email=row["contact_email"],
        phone=row["phone"],
        approved=row["approved_at"] is not None,
        role=role,
        version=row["version"],
        register=row["register"],
    )


async def addressee(reader: Reader, user_id: UserId) -> Addressee | None:
    row = await reader.fetch_row(
        """select user_id, email, name, language from account
           where user_id = $1 and state = 'active'""",
        user_id,
    )
    return Addressee(**row) if row else None


async def lock_profile(tx: Transaction, user_id: UserId) -> Profile | None:
    row = await tx.fetch_row(
        """select name, phone, company, vat_id, invoice_address, language, zone, units
           from account where user_id = $1 and state = 'active' for update""",
        user_id,
    )
    return Profile(**row) if row else None


async def update_profile(tx: Transaction, user_id: UserId, profile: Profile) -> int:
    """The account's new version."""
    version = await tx.fetch_value(
        """update account set name = $2, phone = $3, company = $4, vat_id = $5,
                              invoice_address = $6, language = $7, zone = $8, units = $9,
                              version = version + 1
           where user_id = $1 returning version""",
        user_id,
        profile.name,
        profile.phone,
        profile.company,
        profile.vat_id,
        profile.invoice_address,
        profile.language,
        profile.zone,
        profile.units,
    )
    return int(version)


async def email_is_taken(reader: Reader, email: str) -> bool:
    return bool(
        await reader.fetch_value(
            "select exists (select from account where lower(email) = $1)", email
        )
    )


async def update_email(tx: Transaction, user_id: UserId, email: str) -> int | None:
    """The account's new version; None where another account took the address this moment."""
    version = await tx.fetch_value(
        """update account set email = $2, verified_at = $3, version = version + 1
           where user_id = $1 and not exists (
             select from account other where lower(other.email) = $2 and other.user_id <> $1)
           returning version""",
        user_id,
        email,
        tx.now,
    )
    return None if version is None else int(version)


async def empty_account(tx: Transaction, user_id: UserId) -> int | None:
    """Takes the person out of the row; its new version, None where there was nobody in it."""
    version = await tx.fetch_value(
        """update account set state = 'erased', email = null, name = null, phone = null,
                              company = null, vat_id = null, invoice_address = null,
                              roles = '{driver}', erased_at = $2, version = version + 1
           where user_id = $1 and state <> 'erased' returning version""",
        user_id,
        tx.now,
    )
    return None if version is None else int(version)


async def delete_belongings(tx: Transaction, user_id: UserId, email: str) -> None:
    """Everything of a person that is not in the account's row and not only an id."""
    await tx.execute("delete from account_password where user_id = $1", user_id)
    await tx.execute("delete from vehicle where user_id = $1", user_id)
    await tx.execute("delete from consent where user_id = $1", user_id)
    await tx.execute("delete from invitation where lower(email) = $1", email)
    await tx.execute(
        """delete from refresh_token using session
           where refresh_token.session_id = session.session_id and session.user_id = $1""",
        user_id,
    )


async def read_vehicles(reader: Reader, user_id: UserId) -> list[Vehicle]:
    rows = await reader.fetch(
        """select vehicle_id, name, connector, battery_wh, max_ac_watts, max_dc_watts
           from vehicle where user_id = $1 and removed_at is null
           order by created_at, vehicle_id""",
        user_id,
    )
    return [_vehicle(row) for row in rows]


async def insert_vehicle(tx: Transaction, user_id: UserId, vehicle: Vehicle) -> None:
    await tx.execute(
        """insert into vehicle (vehicle_id, user_id, name, connector, battery_wh, max_ac_watts,
                                max_dc_watts, created_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8)""",
        vehicle.vehicle_id,
        user_id,
        vehicle.name.value,
        vehicle.connector,
        vehicle.battery_wh,
        vehicle.max_ac_watts,
        vehicle.max_dc_watts,
        tx.now,
    )


async def update_vehicle(tx: Transaction, user_id: UserId, vehicle: Vehicle) -> bool:
    """False where it is not theirs."""
    return bool(
        await tx.execute(
            """update vehicle set name = $3, connector = $4, battery_wh = $5, max_ac_watts = $6,
                                  max_dc_watts = $7
               where vehicle_id = $1 and user_id = $2 and removed_at is null""",
            vehicle.vehicle_id,
            user_id,
            vehicle.name.value,
            vehicle.connector,
            vehicle.battery_wh,
            vehicle.max_ac_watts,
            vehicle.max_dc_watts,
        )
    )


async def delete_vehicle(tx: Transaction, user_id: UserId, vehicle_id: VehicleId) -> bool:
    """False where it is not theirs. Bookings know the id alone."""
    return bool(
        await tx.execute(
            "delete from vehicle where vehicle_id = $1 and user_id = $2", vehicle_id, user_id
        )
    )


async def read_sessions(
    reader: Reader, user_id: UserId, current: SessionId | None, limit: int
) -> list[SessionView]:
    """Open ones, lately used first."""
    rows = await reader.fetch(
        """select session_id, opened_by, created_at, refreshed_at, expires_at from session
           where user_id = $1 and ended_at is null and expires_at > $2
           order by refreshed_at desc, session_id limit $3""",
        user_id,
        reader.now,
        limit,
    )
    return [SessionView(**row, current=row["session_id"] == current) for row in rows]


async def read_consents(reader: Reader, user_id: UserId) -> list[Consent]:
    rows = await reader.fetch(
        """select purpose, version as wording, given, at from consent where user_id = $1
           order by at desc limit 500""",
        user_id,
    )
    return [Consent(**row) for row in rows]


async def read_dates(reader: Reader, user_id: UserId) -> tuple[datetime, datetime | None]:
    """When the account was made, and when its password was set."""
    row = await reader.fetch_row(
        """select created_at, changed_at from account left join account_password using (user_id)
           where user_id = $1""",
        user_id,
    )
    if row is None:
        raise LookupError("an account without a row")
    return row["created_at"], row["changed_at"]


def _vehicle(row: Row) -> Vehicle:
    fields: dict[str, Any] = dict(row)
    return Vehicle(**{**fields, "name": Personal(fields["name"])})


def _personal(text: Any) -> Personal[str] | None:
    return None if text is None else Personal(str(text))
