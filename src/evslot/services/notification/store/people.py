"""Writes about persons: their language, what they switched off, that they are gone."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from evslot.spine.message import encode
from evslot.spine.transaction import Transaction
from evslot.values import UserId


class KnownPerson(Struct, frozen=True, kw_only=True):
    """What is known of who is told."""

    language: str | None = None
    switched: dict[str, bool] = {}
    is_erased: bool = False
    is_made_up: bool = False
    """Of the sample: nothing is told to them."""


async def find_person(tx: Transaction, user_id: UserId) -> KnownPerson:
    """Somebody never heard of wants everything."""
    row = await tx.fetch_row(
        "select language, switched, erased_at, made_up from person where user_id = $1", user_id
    )
    if row is None:
        return KnownPerson()
    return KnownPerson(
        language=row["language"],
        switched=msgspec.json.decode(row["switched"], type=dict[str, bool]),
        is_erased=row["erased_at"] is not None,
        is_made_up=row["made_up"],
    )


async def lock_switched(tx: Transaction, user_id: UserId) -> dict[str, bool]:
    """What the person has switched off, locked: two changes at once both hold."""
    switched = await tx.fetch_value(
        """insert into person (user_id) values ($1)
           on conflict (user_id) do update set user_id = excluded.user_id
           returning switched""",
        user_id,
    )
    return msgspec.json.decode(switched, type=dict[str, bool])


async def update_switched(tx: Transaction, user_id: UserId, switched: Mapping[str, bool]) -> None:
    await tx.execute(
        "update person set switched = $2::jsonb where user_id = $1",
        user_id,
        encode(switched).decode(),
    )


async def upsert_language(tx: Transaction, user_id: UserId, language: str) -> None:
    """In which language somebody reads; of no interest once they are gone."""
    await tx.execute(
        """insert into person (user_id, language) values ($1, $2)
           on conflict (user_id) do update set language = excluded.language
           where person.erased_at is null and person.language is distinct from excluded.language""",
        user_id,
        language,
    )


async def note_made_up(tx: Transaction, user_ids: Sequence[UserId]) -> int:
    """From now on nothing is told to these; answers for how many that is news."""
    return await tx.execute(
        """insert into person (user_id, made_up) select unnest($1::uuid[]), true
           on conflict (user_id) do update set made_up = true where not person.made_up""",
        user_ids,
    )


async def forget_person(tx: Transaction, user_id: UserId) -> None:
    """Everything told to somebody, and what they wanted; a mark stays that they are gone."""
    await tx.execute(
        """delete from receipt_part where notification_id in (
             select notification_id from notification where user_id = $1)""",
        user_id,
    )
    await tx.execute(
        """delete from delivery where notification_id in (
             select notification_id from notification where user_id = $1)""",
        user_id,
    )
    await tx.execute("delete from notification where user_id = $1", user_id)
    await tx.execute("delete from booking where driver_id = $1", user_id)
    await tx.execute(
        """insert into person (user_id, erased_at) values ($1, $2)
           on conflict (user_id) do update
             set erased_at = excluded.erased_at, language = null, switched = '{}'""",
        user_id,
        tx.now,
    )
