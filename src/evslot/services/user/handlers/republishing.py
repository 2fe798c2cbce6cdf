"""Tells again what lives, for views that missed events."""

from datetime import timedelta
from uuid import UUID

from evslot.services.user import store
from evslot.services.user.domain.sessions import Settings
from evslot.services.user.messages import OrganisationCreated, SessionEnded, UserRegistered
from evslot.spine.handling import Handlers
from evslot.spine.transaction import Transaction

handlers = Handlers()

REPUBLISH_LIMIT = 500
"""Events of one transaction of `evslot republish`."""


@handlers.republish
async def republish_accounts(tx: Transaction, after: UUID | None) -> UUID | None:
    rows = await store.accounts_after(tx, after, REPUBLISH_LIMIT)
    for row in rows:
        tx.emit(
            UserRegistered(user_id=row["user_id"], language=row["language"], version=row["version"])
        )
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
