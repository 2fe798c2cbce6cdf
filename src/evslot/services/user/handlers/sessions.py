"""Sessions: opened, refreshed, ended, tidied away."""

from evslot.services.user import store
from evslot.services.user.domain import sessions
from evslot.services.user.domain.sessions import Settings, Verdict
from evslot.services.user.messages import (
    EndSession,
    RefreshSession,
    RefreshTokenInvalid,
    SessionEnded,
    SignedIn,
    UserNotFound,
)
from evslot.spine.callers import AccessTokens
from evslot.spine.handling import Handlers, Received
from evslot.spine.message import Refusal, Secret, Unauthenticated
from evslot.spine.sealing import Keys
from evslot.spine.transaction import Transaction
from evslot.values import SessionId, UserId, new_id

handlers = Handlers()

SWEEP_LIMIT = 1000
"""Rows of a kind that one run takes away, so that it stays short."""


@handlers.on_many(RefreshSession, touches=lambda received: (received.command.refresh_token.value,))
async def refresh_sessions(
    commands: list[Received[RefreshSession]], tx: Transaction
) -> list[SignedIn | Refusal]:
    """Many only in order to end a session and refuse in one go; they run one after the other."""
    return [await _refresh(received.command.refresh_token.value, tx) for received in commands]


@handlers.on(EndSession)
async def end_session(command: EndSession, tx: Transaction) -> SessionEnded:
    if tx.caller.require_user() != command.user_id:
        raise UserNotFound()
    session_id = tx.caller.session_id
    if session_id is None:
        raise Unauthenticated()
    ended = SessionEnded(user_id=command.user_id, session_id=session_id, reason="signed_out")
    if await store.end_session(tx, session_id, ended.reason):
        tx.emit(ended)
    return ended


@handlers.every(seconds=10.0)
async def tidy(tx: Transaction) -> None:
    await store.tidy(tx, SWEEP_LIMIT)


async def open_session(tx: Transaction, user_id: UserId, opened_by: str) -> SignedIn:
    """A new session with its first pair of tokens."""
    session = store.Session(session_id=SessionId(new_id()), user_id=user_id, opened_at=tx.now)
    expires_at = sessions.session_end(tx.now, tx.now, tx.resource(Settings))
    await store.insert_session(tx, session, opened_by, expires_at)
    token = sessions.new_refresh_token()
    await store.insert_refresh_token(tx, _token_mac(tx, token), session.session_id)
    return await _signed_in(tx, session, token)


async def _refresh(token: str, tx: Transaction) -> SignedIn | Refusal:
    token_mac = _token_mac(tx, token)
    found = await store.lock_refresh_token(tx, token_mac)
    if found is None:
        return RefreshTokenInvalid()
    stored, session = found
    verdict = sessions.judge_refresh(stored, tx.now)
    if verdict is Verdict.ROTATE:
        successor = sessions.new_refresh_token()
        sealed = tx.resource(Keys).seal_own(successor.encode())
        await store.use_refresh_token(tx, token_mac, sealed)
        await store.insert_refresh_token(tx, _token_mac(tx, successor), session.session_id)
        expires_at = sessions.session_end(session.opened_at, tx.now, tx.resource(Settings))
        await store.extend_session(tx, session.session_id, expires_at)
        return await _signed_in(tx, session, successor)
    if verdict is Verdict.REPEAT and stored.sealed_successor is not None:
        successor = tx.resource(Keys).unseal(stored.sealed_successor).decode()
        return await _signed_in(tx, session, successor)
    if verdict is Verdict.REUSED:
        await _end_reused(tx, session)
    return RefreshTokenInvalid()


async def _end_reused(tx: Transaction, session: store.Session) -> None:
    """Nobody knows which of the two is the thief, so both are out."""
    reason = "refresh_token_reused"
    await store.end_session(tx, session.session_id, reason)
    tx.emit(SessionEnded(user_id=session.user_id, session_id=session.session_id, reason=reason))


async def _signed_in(tx: Transaction, session: store.Session, refresh_token: str) -> SignedIn:
    """A fresh access token with the roles of this moment."""
    account = await store.account(tx, session.user_id)
    organisations = await store.roles_in_organisations(tx, session.user_id)
    seconds = tx.resource(Settings).access_seconds
    access_token = tx.resource(AccessTokens).mint(
        session.user_id, session.session_id, account.roles, organisations, tx.now, seconds
    )
    return SignedIn(
        user_id=session.user_id,
        session_id=session.session_id,
        access_token=Secret(access_token),
        access_seconds=seconds,
        refresh_token=Secret(refresh_token),
    )


def _token_mac(tx: Transaction, token: str) -> bytes:
    return tx.resource(Keys).fingerprint(b"refresh:" + token.encode())
