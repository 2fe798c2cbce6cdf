"""Writes of passwords, and of wrong ones that were tried."""

from datetime import datetime

from msgspec import Struct

from evslot.spine.transaction import Reader, Transaction
from evslot.values import UserId


class StoredPassword(Struct, frozen=True, kw_only=True):
    """An active account's password hash, found by address."""

    user_id: UserId
    hash: str


async def password_of(reader: Reader, email: str) -> StoredPassword | None:
    row = await reader.fetch_row(
        """select user_id, hash from account join account_password using (user_id)
           where lower(email) = $1 and state = 'active'""",
        email,
    )
    return StoredPassword(**row) if row else None


async def insert_password(tx: Transaction, user_id: UserId, password_hash: str) -> None:
    await tx.execute(
        "insert into account_password (user_id, hash, changed_at) values ($1, $2, $3)",
        user_id,
        password_hash,
        tx.now,
    )


async def upsert_password(tx: Transaction, user_id: UserId, password_hash: str) -> int:
    """Sets it, be it the first one; the account's new version."""
    await tx.execute(
        """insert into account_password (user_id, hash, changed_at) values ($1, $2, $3)
           on conflict (user_id) do update set hash = excluded.hash,
                                               changed_at = excluded.changed_at""",
        user_id,
        password_hash,
        tx.now,
    )
    version = await tx.fetch_value(
        "update account set version = version + 1 where user_id = $1 returning version", user_id
    )
    return int(version)


async def rehash_password(tx: Transaction, old: StoredPassword, password_hash: str) -> None:
    """Same password, newer parameters; nothing where it was changed meanwhile."""
    await tx.execute(
        "update account_password set hash = $3 where user_id = $1 and hash = $2",
        old.user_id,
        old.hash,
        password_hash,
    )


async def wrong_passwords(reader: Reader, address_mac: bytes, hour: datetime) -> int:
    wrong = await reader.fetch_value(
        "select wrong from password_try where address_mac = $1 and hour = $2", address_mac, hour
    )
    return int(wrong or 0)


async def count_wrong_password(tx: Transaction, address_mac: bytes, hour: datetime) -> int:
    """How many there were in this hour, with this one; the row lock puts rivals in order."""
    wrong = await tx.fetch_value(
        """insert into password_try (address_mac, hour, wrong) values ($1, $2, 1)
           on conflict (address_mac, hour) do update set wrong = password_try.wrong + 1
           returning wrong""",
        address_mac,
        hour,
    )
    return int(wrong)


async def delete_wrong_passwords(tx: Transaction, address_mac: bytes) -> None:
    await tx.execute("delete from password_try where address_mac = $1", address_mac)
