"""Writes of sessions and refresh tokens."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from evslot.services.user.domain.sessions import RefreshToken
from evslot.spine.transaction import Row, Transaction
from evslot.values import SessionId, UserId


class Session(Struct, frozen=True, kw_only=True):
    """An open session and whose it is."""

    session_id: SessionId
    user_id: UserId
    opened_at: datetime


async def insert_session(
    tx: Transaction, session: Session, opened_by: str, expires_at: datetime
) -> None:
    await tx.execute(
        """insert into session (session_id, user_id, opened_by, created_at, refreshed_at,
                                expires_at)
           values ($1, $2, $3, $4, $4, $5)""",
        session.session_id,
        session.user_id,
        opened_by,
        session.opened_at,
        expires_at,
    )


async def extend_session(tx: Transaction, session_id: SessionId, expires_at: datetime) -> None:
    await tx.execute(
        "update session set refreshed_at = $2, expires_at = $3 where session_id = $1",
        session_id,
        tx.now,
        expires_at,
    )


async def end_session(tx: Transaction, session_id: SessionId, reason: str) -> bool:
    """False where it was over already, or never was."""
    return bool(
        await tx.execute(
            """update session set ended_at = $2, end_reason = $3
               where session_id = $1 and ended_at is null""",
            session_id,
            tx.now,
            reason,
        )
    )


async def end_own_session(
    tx: Transaction, user_id: UserId, session_id: SessionId, reason: str
) -> bool | None:
    """Over afterwards; whether it was not before. None where it is not theirs."""
    fresh: bool | None = await tx.fetch_value(
        """update session set ended_at = coalesce(ended_at, $3),
                              end_reason = coalesce(end_reason, $4)
           where session_id = $1 and user_id = $2 returning old.ended_at is null""",
        session_id,
        user_id,
        tx.now,
        reason,
    )
    return fresh


async def end_sessions_of(
    tx: Transaction, user_id: UserId, reason: str, besides: SessionId | None = None
) -> list[SessionId]:
    """All open sessions of a person but one; which they were."""
    rows = await tx.fetch(
        """update session set ended_at = $2, end_reason = $3
           where user_id = $1 and ended_at is null and session_id is distinct from $4
           returning session_id""",
        user_id,
        tx.now,
        reason,
        besides,
    )
    return [row["session_id"] for row in rows]


async def end_superseded_sessions(
    tx: Transaction, user_id: UserId, reason: str, most: int
) -> list[SessionId]:
    """The longest unused ones beyond so many; which they were."""
    rows = await tx.fetch(
        """update session set ended_at = $2, end_reason = $3
           where session_id in (
             select session_id from session where user_id = $1 and ended_at is null
             order by refreshed_at desc, session_id desc offset $4)
           returning session_id""",
        user_id,
        tx.now,
        reason,
        most,
    )
    return [row["session_id"] for row in rows]


async def session_is_open(tx: Transaction, session_id: SessionId) -> bool:
    """Whether a session is alive now: an access token may outlive it by minutes."""
    return bool(
        await tx.fetch_value(
            """select ended_at is null and expires_at > $2 from session
               where session_id = $1 for share""",
            session_id,
            tx.now,
        )
    )


async def insert_refresh_token(tx: Transaction, token_mac: bytes, session_id: SessionId) -> None:
    await tx.execute(
        "insert into refresh_token (token_mac, session_id, issued_at) values ($1, $2, $3)",
        token_mac,
        session_id,
        tx.now,
    )


async def lock_refresh_token(
    tx: Transaction, token_mac: bytes
) -> tuple[RefreshToken, Session] | None:
    """The token and its session. Both rows are locked, so of parallel uses one is the first."""
    row = await tx.fetch_row(
        """select t.used_at, t.sealed_successor, s.session_id, s.user_id, s.created_at,
                  s.ended_at, s.expires_at, a.state = 'active' as active
           from refresh_token t join session s using (session_id) join account a using (user_id)
           where t.token_mac = $1
           for update of t, s""",
        token_mac,
    )
    if row is None:
        return None
    token = RefreshToken(
        used_at=row["used_at"],
        sealed_successor=row["sealed_successor"],
        session_ended_at=row["ended_at"],
        session_expires_at=row["expires_at"],
        account_active=row["active"],
    )
    session = Session(
        session_id=row["session_id"], user_id=row["user_id"], opened_at=row["created_at"]
    )
    return token, session


async def use_refresh_token(tx: Transaction, token_mac: bytes, sealed_successor: str) -> None:
    await tx.execute(
        "update refresh_token set used_at = $2, sealed_successor = $3 where token_mac = $1",
        token_mac,
        tx.now,
        sealed_successor,
    )


async def ended_sessions_after(
    tx: Transaction, since: datetime, after: UUID | None, limit: int
) -> list[Row]:
    """A page, by id, of sessions that ended so lately that access tokens of theirs may live."""
    return await tx.fetch(
        """select session_id, user_id, end_reason from session
           where least(ended_at, expires_at) > $1 and ended_at is not null
             and ($2::uuid is null or session_id > $2)
           order by session_id limit $3""",
        since,
        after,
        limit,
    )
