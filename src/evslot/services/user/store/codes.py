"""Writes of mailed codes."""

from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

from evslot.spine.transaction import Reader, Transaction

Purpose = Literal["sign_in", "password", "email"]


class Code(Struct, frozen=True, kw_only=True):
    """A mailed code, as it is stored."""

    code_id: int
    code_mac: bytes
    language: str
    zone: str
    password_hash: str | None
    sealed_name: str | None


async def newest_code(reader: Reader, address_mac: bytes, purpose: Purpose) -> Code | None:
    """The newest code of an address while it is valid; for each purpose only that one counts."""
    row = await reader.fetch_row(
        """select code_id, code_mac, language, zone, password_hash, sealed_name
           from (select * from sign_in_code where address_mac = $1 and purpose = $3
                 order by code_id desc limit 1) newest
           where used_at is null and expires_at > $2""",
        address_mac,
        reader.now,
        purpose,
    )
    return Code(**row) if row else None


async def newest_password_hash(reader: Reader, address_mac: bytes, purpose: Purpose) -> str | None:
    """That of the registration asked for last, be its code too old; None after anything else."""
    stored: str | None = await reader.fetch_value(
        """select password_hash from sign_in_code where address_mac = $1 and purpose = $2
           order by code_id desc limit 1""",
        address_mac,
        purpose,
    )
    return stored


async def count_codes(tx: Transaction, address_mac: bytes, purpose: Purpose) -> int:
    """How many were sent to an address within the last hour."""
    count = await tx.fetch_value(
        """select count(*) from sign_in_code
           where address_mac = $1 and created_at > $2 and purpose = $3""",
        address_mac,
        tx.now - timedelta(hours=1),
        purpose,
    )
    return int(count)


class NewCode(Struct, frozen=True, kw_only=True):
    """A code that is being mailed."""

    purpose: Purpose
    address_mac: bytes
    code_mac: bytes
    expires_at: datetime
    language: str
    zone: str = "UTC"
    password_hash: str | None = None
    sealed_name: str | None = None


async def insert_code(tx: Transaction, code: NewCode) -> None:
    await tx.execute(
        """insert into sign_in_code (purpose, address_mac, code_mac, created_at, expires_at,
                                     language, zone, password_hash, sealed_name)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        code.purpose,
        code.address_mac,
        code.code_mac,
        tx.now,
        code.expires_at,
        code.language,
        code.zone,
        code.password_hash,
        code.sealed_name,
    )


async def try_code(tx: Transaction, code_id: int, max_tries: int) -> bool:
    """Counts a try; False where all are used. The row lock makes parallel tries count, too."""
    return bool(
        await tx.execute(
            """update sign_in_code set tries = tries + 1
               where code_id = $1 and tries < $2 and used_at is null""",
            code_id,
            max_tries,
        )
    )


async def all_agree(
    tx: Transaction, address_mac: bytes, purpose: Purpose, password_hash: str | None
) -> bool:
    """Whether every code of an address that is kept stands for this registration.

    Whoever chose the same password was given the same hash, so that hashes can be compared.
    """
    return bool(
        await tx.fetch_value(
            """select bool_and(password_hash is not distinct from $3) from sign_in_code
               where address_mac = $1 and purpose = $2""",
            address_mac,
            purpose,
            password_hash,
        )
    )


async def drop_registrations(
    tx: Transaction, address_mac: bytes, purpose: Purpose, besides: str | None
) -> None:
    """No code of an address completes a registration any more, but those with this hash."""
    await tx.execute(
        """update sign_in_code set password_hash = null, sealed_name = null
           where address_mac = $1 and purpose = $2 and password_hash is not null
             and password_hash is distinct from $3""",
        address_mac,
        purpose,
        besides,
    )


async def use_code(tx: Transaction, code_id: int) -> None:
    await tx.execute(
        "update sign_in_code set used_at = $2, password_hash = null where code_id = $1",
        code_id,
        tx.now,
    )


async def delete_codes(tx: Transaction, address_macs: list[bytes]) -> None:
    await tx.execute("delete from sign_in_code where address_mac = any($1::bytea[])", address_macs)
