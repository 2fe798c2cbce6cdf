"""SQL of saved methods; who changes a person's methods holds that person's lock."""

from uuid import UUID

import msgspec
from msgspec import Struct

from evslot.services.payment.messages import MethodShown, SavedMethod
from evslot.spine.transaction import Reader, Row, Transaction
from evslot.values import PaymentId, UserId

MOST = 10
"""Kept methods of one person."""


class Kept(Struct, frozen=True, kw_only=True):
    """A method to keep; the token is sealed already."""

    method_id: UUID
    user_id: UserId
    token: str
    digest: bytes
    shown: MethodShown


async def lock_methods(tx: Transaction, user_id: UserId) -> None:
    await tx.fetch_value(
        "select pg_advisory_xact_lock(hashtextextended('method ' || $1::text, 0))", str(user_id)
    )


async def list_methods(reader: Reader, user_id: UserId) -> list[SavedMethod]:
    """The default one first, then the newest."""
    rows = await reader.fetch(
        """
        select method_id, shown, is_default, created_at from method
        where user_id = $1 and state = 'kept'
        order by is_default desc, created_at desc, method_id
        """,
        user_id,
    )
    return [_saved(row) for row in rows]


async def find_same(tx: Transaction, user_id: UserId, digest: bytes) -> SavedMethod | None:
    """The same token saved before."""
    row = await tx.fetch_row(
        """
        select method_id, shown, is_default, created_at from method
        where user_id = $1 and digest = $2 and state = 'kept'
        """,
        user_id,
        digest,
    )
    return None if row is None else _saved(row)


async def find_token(tx: Transaction, user_id: UserId, method_id: UUID) -> str | None:
    """The sealed token of a kept method of that person."""
    token: str | None = await tx.fetch_value(
        "select token from method where method_id = $1 and user_id = $2 and state = 'kept'",
        method_id,
        user_id,
    )
    return token


async def insert_method(tx: Transaction, kept: Kept, is_default: bool) -> None:
    await _insert(tx, kept, "kept", None, is_default)


async def insert_waiting_method(tx: Transaction, kept: Kept, payment_id: PaymentId) -> None:
    """Kept when its payment stands, forgotten when it does not."""
    await _insert(tx, kept, "waiting", payment_id, False)


async def take_waiting_method(tx: Transaction, payment_id: PaymentId) -> Kept | None:
    """The method that waited for a payment; it waits no longer."""
    row = await tx.fetch_row(
        """
        delete from method where payment_id = $1
        returning method_id, user_id, token, digest, shown
        """,
        payment_id,
    )
    if row is None:
        return None
    found = dict(row)
    return Kept(**{**found, "shown": msgspec.json.decode(found["shown"], type=MethodShown)})


async def set_default(tx: Transaction, user_id: UserId, method_id: UUID) -> None:
    """One statement after the other: at no moment two are the default one."""
    await tx.execute(
        "update method set is_default = false where user_id = $1 and is_default", user_id
    )
    await tx.execute(
        "update method set is_default = true where user_id = $1 and method_id = $2",
        user_id,
        method_id,
    )


async def delete_method(tx: Transaction, user_id: UserId, method_id: UUID) -> bool:
    """False where there is no such kept method of that person."""
    deleted = await tx.execute(
        "delete from method where user_id = $1 and method_id = $2 and state = 'kept'",
        user_id,
        method_id,
    )
    return deleted == 1


async def delete_methods(tx: Transaction, user_id: UserId) -> None:
    await tx.execute("delete from method where user_id = $1", user_id)


async def _insert(
    tx: Transaction, kept: Kept, state: str, payment_id: PaymentId | None, is_default: bool
) -> None:
    await tx.execute(
        """
        insert into method
          (method_id, user_id, state, payment_id, token, digest, shown, is_default)
        values ($1, $2, $3, $4, $5, $6, $7::jsonb, $8)
        """,
        kept.method_id,
        kept.user_id,
        state,
        payment_id,
        kept.token,
        kept.digest,
        msgspec.json.encode(kept.shown).decode(),
        is_default,
    )


def _saved(row: Row) -> SavedMethod:
    return SavedMethod(
        method_id=row["method_id"],
        shown=msgspec.json.decode(row["shown"], type=MethodShown),
        is_default=row["is_default"],
        created_at=row["created_at"],
    )
