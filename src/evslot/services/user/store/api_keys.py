"""Writes of API keys."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from evslot.services.user.messages import ApiKey, CreateApiKey, Scope
from evslot.spine.transaction import Reader, Row, Transaction
from evslot.values import OrganisationId, UserId


class UsedKey(Struct, frozen=True, kw_only=True):
    """An API key that was just exchanged, and for whom it acts."""

    api_key_id: UUID
    organisation_id: OrganisationId
    scopes: list[Scope]
    expires_at: datetime


async def count_api_keys(tx: Transaction, organisation_id: OrganisationId) -> int:
    """Those that can still be used."""
    count = await tx.fetch_value(
        """select count(*) from api_key
           where organisation_id = $1 and revoked_at is null and expires_at > $2""",
        organisation_id,
        tx.now,
    )
    return int(count)


async def insert_api_key(
    tx: Transaction, wanted: CreateApiKey, key_mac: bytes, owner_id: UserId, expires_at: datetime
) -> ApiKey:
    await tx.execute(
        """insert into api_key (api_key_id, organisation_id, name, key_mac, scopes, created_by,
                                created_at, expires_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8)""",
        wanted.api_key_id,
        wanted.organisation_id,
        wanted.name,
        key_mac,
        list(wanted.scopes),
        owner_id,
        tx.now,
        expires_at,
    )
    return ApiKey(
        api_key_id=wanted.api_key_id,
        name=wanted.name,
        scopes=list(wanted.scopes),
        created_at=tx.now,
        expires_at=expires_at,
    )


async def use_api_key(tx: Transaction, key_mac: bytes) -> UsedKey | None:
    """None where it is unknown, revoked or expired, be it this very moment."""
    row = await tx.fetch_row(
        """update api_key set last_used_at = $2
           where key_mac = $1 and revoked_at is null and expires_at > $2
           returning api_key_id, organisation_id, scopes, expires_at""",
        key_mac,
        tx.now,
    )
    return UsedKey(**row) if row else None


async def revoke_api_key(
    tx: Transaction, organisation_id: OrganisationId, api_key_id: UUID
) -> ApiKey | None:
    """As it is now; revoking again changes nothing. None where there is none."""
    row = await tx.fetch_row(
        """update api_key set revoked_at = coalesce(revoked_at, $3)
           where organisation_id = $1 and api_key_id = $2
           returning api_key_id, name, scopes, created_at, expires_at, last_used_at,
                     revoked_at""",
        organisation_id,
        api_key_id,
        tx.now,
    )
    return ApiKey(**row) if row else None


async def revoke_api_keys(tx: Transaction, organisation_id: OrganisationId) -> list[UUID]:
    """All that could still be used; which they were."""
    rows = await tx.fetch(
        """update api_key set revoked_at = $2
           where organisation_id = $1 and revoked_at is null and expires_at > $2
           returning api_key_id""",
        organisation_id,
        tx.now,
    )
    return [row["api_key_id"] for row in rows]


async def read_api_keys(reader: Reader, organisation_id: OrganisationId) -> list[ApiKey]:
    rows = await reader.fetch(
        """select api_key_id, name, scopes, created_at, expires_at, last_used_at, revoked_at
           from api_key where organisation_id = $1
           order by created_at desc, api_key_id limit 200""",
        organisation_id,
    )
    return [ApiKey(**row) for row in rows]


async def revoked_keys_after(
    tx: Transaction, since: datetime, after: UUID | None, limit: int
) -> list[Row]:
    """A page, by id, of keys revoked so lately that access tokens of theirs may live."""
    return await tx.fetch(
        """select api_key_id from api_key
           where revoked_at > $1 and ($2::uuid is null or api_key_id > $2)
           order by api_key_id limit $3""",
        since,
        after,
        limit,
    )
