"""Writes of accounts, organisations and who belongs to them."""

from uuid import UUID

from msgspec import Struct

from evslot.services.user.messages import CreateOrganisation
from evslot.spine.callers import Role
from evslot.spine.transaction import Row, Transaction
from evslot.values import OrganisationId, UserId


class Account(Struct, frozen=True, kw_only=True):
    """What signing in needs of an account."""

    user_id: UserId
    roles: list[str]
    active: bool


async def insert_account(
    tx: Transaction, user_id: UserId, email: str, name: str | None, language: str, zone: str
) -> bool:
    """False where the address has an account, made perhaps this moment by another process."""
    return bool(
        await tx.execute(
            """insert into account (user_id, email, name, language, zone, created_at, verified_at)
               values ($1, $2, $3, $4, $5, $6, $6)
               on conflict (lower(email)) do nothing""",
            user_id,
            email,
            name,
            language,
            zone,
            tx.now,
        )
    )


async def account_of(tx: Transaction, email: str) -> Account | None:
    row = await tx.fetch_row(
        """select user_id, roles, state = 'active' as active from account
           where lower(email) = $1""",
        email,
    )
    return Account(**row) if row else None


async def account(tx: Transaction, user_id: UserId) -> Account:
    row = await tx.fetch_row(
        "select user_id, roles, state = 'active' as active from account where user_id = $1",
        user_id,
    )
    if row is None:
        raise LookupError("a session without an account")
    return Account(**row)


async def roles_in_organisations(tx: Transaction, user_id: UserId) -> dict[OrganisationId, Role]:
    rows = await tx.fetch("select organisation_id, role from member where user_id = $1", user_id)
    return {row["organisation_id"]: row["role"] for row in rows}


async def count_organisations(tx: Transaction, user_id: UserId) -> int:
    count = await tx.fetch_value("select count(*) from member where user_id = $1", user_id)
    return int(count)


async def insert_organisation(
    tx: Transaction, wanted: CreateOrganisation, owner_id: UserId, approved: bool
) -> bool:
    """False where the id is taken."""
    return bool(
        await tx.execute(
            """insert into organisation (organisation_id, legal_name, address, country, vat_id,
                                         register, contact_email, phone, approved_at, created_at,
                                         created_by)
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
               on conflict (organisation_id) do nothing""",
            wanted.organisation_id,
            wanted.legal_name,
            wanted.address,
            wanted.country,
            wanted.vat_id,
            wanted.register,
            wanted.contact_email,
            wanted.phone,
            tx.now if approved else None,
            tx.now,
            owner_id,
        )
    )


async def insert_member(
    tx: Transaction, organisation_id: OrganisationId, user_id: UserId, role: Role
) -> None:
    await tx.execute(
        "insert into member (organisation_id, user_id, role, since) values ($1, $2, $3, $4)",
        organisation_id,
        user_id,
        role,
        tx.now,
    )


async def accounts_after(tx: Transaction, after: UUID | None, limit: int) -> list[Row]:
    """A page of active accounts by id, for telling about them again."""
    return await tx.fetch(
        """select user_id, language, version from account
           where state = 'active' and ($1::uuid is null or user_id > $1)
           order by user_id limit $2""",
        after,
        limit,
    )


async def organisations_after(tx: Transaction, after: UUID | None, limit: int) -> list[Row]:
    """A page of organisations by id, with who owns each (longest)."""
    return await tx.fetch(
        """select organisation_id, legal_name, country, approved_at, version,
                  coalesce((select user_id from member
                            where member.organisation_id = organisation.organisation_id
                              and role = 'owner' order by since, user_id limit 1),
                           created_by) as owner_id
           from organisation where $1::uuid is null or organisation_id > $1
           order by organisation_id limit $2""",
        after,
        limit,
    )
