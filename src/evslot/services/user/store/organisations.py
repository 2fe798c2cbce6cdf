"""Writes of organisations, and who belongs to them."""

from evslot.services.user.messages import (
    CreateOrganisation,
    Member,
    MemberRole,
    OrganisationView,
)
from evslot.services.user.store.people import organisation_view
from evslot.spine.message import Personal
from evslot.spine.transaction import Reader, Row, Transaction
from evslot.values import OrganisationId, UserId


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


async def lock_organisation(
    tx: Transaction, organisation_id: OrganisationId
) -> CreateOrganisation | None:
    """Its details. Who changes members holds this lock, so that no two owners leave at once."""
    row = await tx.fetch_row(
        """select organisation_id, legal_name, address, country, contact_email, phone, vat_id,
                  register
           from organisation where organisation_id = $1 for update""",
        organisation_id,
    )
    return CreateOrganisation(**row) if row else None


async def update_organisation(
    tx: Transaction, wanted: CreateOrganisation, owner_id: UserId
) -> OrganisationView:
    """As its owner sees it afterwards."""
    row = await tx.fetch_row(
        """update organisation set legal_name = $2, address = $3, country = $4, contact_email = $5,
                                   phone = $6, vat_id = $7, register = $8, version = version + 1
           where organisation_id = $1 returning *""",
        wanted.organisation_id,
        wanted.legal_name,
        wanted.address,
        wanted.country,
        wanted.contact_email,
        wanted.phone,
        wanted.vat_id,
        wanted.register,
    )
    if row is None:
        raise LookupError("an organisation that was locked is gone")
    return organisation_view(row, await role_in(tx, wanted.organisation_id, owner_id))


async def approve_organisation(
    tx: Transaction, organisation_id: OrganisationId
) -> OrganisationView | None:
    """As it is now; approving again changes nothing. None where there is none."""
    row = await tx.fetch_row(
        """update organisation set approved_at = coalesce(approved_at, $2),
                                   version = version + (approved_at is null)::int
           where organisation_id = $1 returning *""",
        organisation_id,
        tx.now,
    )
    return organisation_view(row, None) if row else None


async def raise_version(tx: Transaction, organisation_id: OrganisationId) -> int:
    """The organisation's next version: who belongs to it is part of its state."""
    version = await tx.fetch_value(
        """update organisation set version = version + 1 where organisation_id = $1
           returning version""",
        organisation_id,
    )
    return int(version)


async def role_in(
    reader: Reader, organisation_id: OrganisationId, user_id: UserId
) -> MemberRole | None:
    role: MemberRole | None = await reader.fetch_value(
        "select role from member where organisation_id = $1 and user_id = $2",
        organisation_id,
        user_id,
    )
    return role


async def owns_any(reader: Reader, user_id: UserId) -> bool:
    return bool(
        await reader.fetch_value(
            "select exists (select from member where user_id = $1 and role = 'owner')", user_id
        )
    )


async def count_owners(tx: Transaction, organisation_id: OrganisationId) -> int:
    count = await tx.fetch_value(
        "select count(*) from member where organisation_id = $1 and role = 'owner'",
        organisation_id,
    )
    return int(count)


async def count_belonging(tx: Transaction, organisation_id: OrganisationId) -> int:
    """Members and open invitations."""
    count = await tx.fetch_value(
        """select (select count(*) from member where organisation_id = $1)
                + (select count(*) from invitation
                   where organisation_id = $1 and expires_at > $2)""",
        organisation_id,
        tx.now,
    )
    return int(count)


async def count_members(tx: Transaction, organisation_id: OrganisationId) -> int:
    count = await tx.fetch_value(
        "select count(*) from member where organisation_id = $1", organisation_id
    )
    return int(count)


async def insert_member(
    tx: Transaction, organisation_id: OrganisationId, user_id: UserId, role: MemberRole
) -> bool:
    """False where they belong to it already."""
    return bool(
        await tx.execute(
            """insert into member (organisation_id, user_id, role, since) values ($1, $2, $3, $4)
               on conflict on constraint member_once do nothing""",
            organisation_id,
            user_id,
            role,
            tx.now,
        )
    )


async def update_member(
    tx: Transaction, organisation_id: OrganisationId, user_id: UserId, role: MemberRole
) -> None:
    await tx.execute(
        "update member set role = $3 where organisation_id = $1 and user_id = $2",
        organisation_id,
        user_id,
        role,
    )


async def delete_member(tx: Transaction, organisation_id: OrganisationId, user_id: UserId) -> None:
    await tx.execute(
        "delete from member where organisation_id = $1 and user_id = $2", organisation_id, user_id
    )


async def read_members(reader: Reader, organisation_id: OrganisationId) -> list[Member]:
    rows = await reader.fetch(
        """select user_id, role, since, email, name from member join account using (user_id)
           where organisation_id = $1 order by since, user_id limit 200""",
        organisation_id,
    )
    return [member_of(row) for row in rows]


def member_of(row: Row) -> Member:
    """As an owner sees it."""
    return Member(
        user_id=row["user_id"],
        role=row["role"],
        since=row["since"],
        email=Personal(row["email"]) if row["email"] else None,
        name=Personal(row["name"]) if row["name"] else None,
    )


def without_address(member: Member) -> Member:
    """As other members see it."""
    return Member(
        user_id=member.user_id,
        role=member.role,
        since=member.since,
        email=None,
        name=member.name,
    )
