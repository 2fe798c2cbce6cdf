"""Writes of accounts, their state and roles."""

from uuid import UUID

from msgspec import Struct

from evslot.services.user.domain.samples import SamplePerson
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


async def lock_account_state(tx: Transaction, user_id: UserId) -> str | None:
    """active or blocked; None where there is nobody (any more)."""
    state: str | None = await tx.fetch_value(
        "select state from account where user_id = $1 and state <> 'erased' for update", user_id
    )
    return state


async def update_account_state(tx: Transaction, user_id: UserId, state: str) -> int:
    """The account's new version."""
    version = await tx.fetch_value(
        "update account set state = $2, version = version + 1 where user_id = $1 returning version",
        user_id,
        state,
    )
    return int(version)


async def update_roles(tx: Transaction, user_id: UserId, roles: list[str]) -> int:
    """The account's new version."""
    version = await tx.fetch_value(
        "update account set roles = $2, version = version + 1 where user_id = $1 returning version",
        user_id,
        roles,
    )
    return int(version)


async def revive_sample_account(tx: Transaction, person: SamplePerson) -> int | None:
    """Makes it, again after somebody tried out erasing; its version, None where it lives."""
    version: int | None = await tx.fetch_value(
        """insert into account (user_id, email, name, language, zone, roles, created_at,
                                verified_at)
           values ($1, $2, $3, 'en', $4, $5, $6, $6)
           on conflict (user_id) do update
             set state = 'active', email = excluded.email, name = excluded.name,
                 roles = excluded.roles, erased_at = null, version = account.version + 1
             where account.state = 'erased'
           returning version""",
        person.user_id,
        person.email,
        person.name,
        person.zone,
        person.roles,
        tx.now,
    )
    return version


async def accounts_after(tx: Transaction, after: UUID | None, limit: int) -> list[Row]:
    """A page of accounts by id, for telling about them again; erased ones, too."""
    return await tx.fetch(
        """select user_id, language, version, state from account
           where $1::uuid is null or user_id > $1
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
