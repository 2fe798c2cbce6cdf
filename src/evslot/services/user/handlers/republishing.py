"""Tells again what lives, for views that missed events."""

from datetime import timedelta
from uuid import UUID

from evslot.services.user import store
from evslot.services.user.domain.sessions import Settings
from evslot.services.user.messages import (
    OrganisationCreated,
    SessionEnded,
    UserBlocked,
    UserErased,
    UserRegistered,
)
from evslot.spine.handling import Handlers
from evslot.spine.message import Event
from evslot.spine.transaction import Row, Transaction

handlers = Handlers()

REPUBLISH_LIMIT = 500
"""Events of one transaction of `evslot republish`."""


@handlers.republish
async def republish_accounts(tx: Transaction, after: UUID | None) -> UUID | None:
    rows = await store.accounts_after(tx, after, REPUBLISH_LIMIT)
    for row in rows:
        tx.emit(_state_of(row))
    return rows[-1]["user_id"] if rows else None


@handlers.republish
async def republish_organisations(tx: Transaction, after: UUID | None) -> UUID | None:
    rows = await store.organisations_after(tx, after, REPUBLISH_LIMIT)
    for row in rows:
        tx.emit(
            OrganisationCreated(
                organisation_id=row["organisation_id"],
                legal_name=row["legal_name"],
                country=row["country"],
                owner_id=row["owner_id"],
                approved=row["approved_at"] is not None,
                version=row["version"],
            )
        )
    return rows[-1]["organisation_id"] if rows else None


@handlers.republish
async def republish_ended_sessions(tx: Transaction, after: UUID | None) -> UUID | None:
    """Only while an access token of the session may be alive; later its `exp` refuses it."""
    alive = timedelta(seconds=2 * tx.resource(Settings).access_seconds)
    rows = await store.ended_sessions_after(tx, tx.now - alive, after, REPUBLISH_LIMIT)
    for row in rows:
        tx.emit(
            SessionEnded(
                user_id=row["user_id"], session_id=row["session_id"], reason=row["end_reason"]
            )
        )
    return rows[-1]["session_id"] if rows else None


@handlers.republish
async def republish_revoked_keys(tx: Transaction, after: UUID | None) -> UUID | None:
    """As for ended sessions: a key is one session for as long as it is good."""
    alive = timedelta(seconds=2 * tx.resource(Settings).access_seconds)
    rows = await store.revoked_keys_after(tx, tx.now - alive, after, REPUBLISH_LIMIT)
    for row in rows:
        tx.emit(
            SessionEnded(
                user_id=row["api_key_id"],
                session_id=row["api_key_id"],
                reason="api_key_revoked",
            )
        )
    return rows[-1]["api_key_id"] if rows else None


def _state_of(row: Row) -> Event:
    """The one event that says how the account is now."""
    user_id, version = row["user_id"], row["version"]
    if row["state"] == "erased":
        return UserErased(user_id=user_id, version=version)
    if row["state"] == "blocked":
        return UserBlocked(user_id=user_id, version=version)
    return UserRegistered(user_id=user_id, language=row["language"], version=version)
