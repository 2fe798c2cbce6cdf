"""Sessions: opened, refreshed, ended, tidied away."""

from evslot.services.user import store
from evslot.services.user.domain import sessions
from evslot.services.user.domain.samples import (
    MADE_UP_DRIVERS,
    SamplePerson,
    made_up_driver,
    sample_person,
)
from evslot.services.user.domain.sessions import Settings, Verdict
from evslot.services.user.handlers import callers
from evslot.services.user.messages import (
    EndOtherSessions,
    EndSession,
    EnsureSampleDrivers,
    NotForApiKeys,
    OpenSampleSession,
    RefreshSession,
    RefreshTokenInvalid,
    SampleAccountsOff,
    SampleDrivers,
    SessionEnded,
    SessionNotFound,
    SessionsClosed,
    SignedIn,
    UserNotFound,
    UserRegistered,
    WrongCredentials,
)
from evslot.spine.callers import AccessTokens
from evslot.spine.config import SharedSettings
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
    """Signing out again, or with a session that is over, is no error."""
    if tx.caller.require_user() != command.user_id:
        raise UserNotFound()
    if "full" not in tx.caller.scopes:
        raise NotForApiKeys()
    current = tx.caller.session_id
    session_id = command.session_id or current
    if session_id is None:
        raise Unauthenticated()
    if session_id != current:
        await callers.person(tx, tx.caller)
    reason = "signed_out" if session_id == current else "ended_by_user"
    fresh = await store.end_own_session(tx, command.user_id, session_id, reason)
    if fresh is None and session_id != current:
        raise SessionNotFound()
    ended = SessionEnded(user_id=command.user_id, session_id=session_id, reason=reason)
    if fresh:
        tx.emit(ended)
    return ended


@handlers.on(EndOtherSessions)
async def end_other_sessions(command: EndOtherSessions, tx: Transaction) -> SessionsClosed:
    current = await callers.themself(tx, tx.caller, command.user_id)
    ended = await end_all_sessions(tx, command.user_id, "ended_by_user", besides=current)
    return SessionsClosed(ended=ended)


@handlers.on(OpenSampleSession)
async def open_sample_session(command: OpenSampleSession, tx: Transaction) -> SignedIn:
    if not tx.resource(SharedSettings).in_development:
        raise SampleAccountsOff()
    numbered = command.role == "driver" and command.number is not None
    person = made_up_driver(command.number or 0) if numbered else sample_person(command.role)
    await ensure_sample_person(tx, person)
    account = await store.account(tx, person.user_id)
    if not account.active:
        raise WrongCredentials("This sample account is blocked; sign in as the sample admin.")
    return await open_session(tx, person.user_id, "sample")


@handlers.on(EnsureSampleDrivers)
async def ensure_sample_drivers(command: EnsureSampleDrivers, tx: Transaction) -> SampleDrivers:
    """Asked again, it makes those who are missing."""
    tx.caller.require_system()
    if not tx.resource(SharedSettings).in_development:
        raise SampleAccountsOff()
    drivers = [made_up_driver(number) for number in range(1, MADE_UP_DRIVERS + 1)]
    for driver in drivers:
        await ensure_sample_person(tx, driver)
    return SampleDrivers(user_ids=tuple(driver.user_id for driver in drivers))


@handlers.every(seconds=10.0)
async def tidy(tx: Transaction) -> None:
    await store.tidy(tx, SWEEP_LIMIT)


async def open_session(tx: Transaction, user_id: UserId, opened_by: str) -> SignedIn:
    """A new session with its first pair of tokens."""
    session = store.Session(session_id=SessionId(new_id()), user_id=user_id, opened_at=tx.now)
    expires_at = sessions.session_end(tx.now, tx.now, tx.resource(Settings))
    await store.insert_session(tx, session, opened_by, expires_at)
    most = sessions.MAX_SESSIONS
    for superseded in await store.end_superseded_sessions(tx, user_id, "superseded", most):
        tx.emit(SessionEnded(user_id=user_id, session_id=superseded, reason="superseded"))
    token = sessions.new_refresh_token()
    await store.insert_refresh_token(tx, _token_mac(tx, token), session.session_id)
    return await _signed_in(tx, session, token)


async def end_all_sessions(
    tx: Transaction, user_id: UserId, reason: str, besides: SessionId | None = None
) -> int:
    """All but one; how many those were. Edges refuse their tokens as soon as they hear of it."""
    ended = await store.end_sessions_of(tx, user_id, reason, besides)
    for session_id in ended:
        tx.emit(SessionEnded(user_id=user_id, session_id=session_id, reason=reason))
    return len(ended)


async def ensure_sample_person(tx: Transaction, person: SamplePerson) -> None:
    """Made where there is none."""
    version = await store.revive_sample_account(tx, person)
    if version is not None:
        tx.emit(UserRegistered(user_id=person.user_id, language="en", version=version))


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
